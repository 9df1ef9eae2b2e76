"""The pictures that a caller sends."""

import time
from dataclasses import dataclass

from flask import request
from werkzeug.datastructures import FileStorage

from core import choices, images
from core.batch_uploads import Uploader
from core.choices import Options
from core.errors import FieldProblem, InvalidOption, NoImage, TierOff
from core.keeping import Upload
from web import current
from web.batch_schemas import ImageUploads
from web.bodies import Sent
from web.schemas import ImageUpload


def received(query: Options, form: ImageUpload) -> tuple[Upload, Sent, Options]:
    """Take the upload and judge it by its header, before anything is decoded; decide what the query leaves open."""
    started = time.perf_counter()
    settings = current.services().settings
    if len(request.files.getlist("image")) + len(request.form.getlist("image")) > 1:
        raise InvalidOption("one picture a call", problems=(FieldProblem("image", "Send exactly one file"),))
    data = form.image.read()
    if not data:
        raise NoImage("the file is empty")
    header = images.probe(data, settings.max_image_pixels)
    upload = Upload(data, form.image.filename or "", f"image/{header.format}")
    options = choices.resolved(query, settings)
    return upload, Sent(options, len(data), settings.input_size, started), options


@dataclass(frozen=True)
class SentFile:
    """One of many files. Read once, it gives its memory back: a body may hold a thousand."""

    sent: FileStorage

    @property
    def name(self) -> str:
        return self.sent.filename or ""

    def read(self) -> bytes:
        with self.sent.stream:
            data: bytes = self.sent.read()
        return data


def files(form: ImageUploads) -> list[SentFile]:
    """Return the files of an upload to a batch."""
    if request.form:
        raise InvalidOption("send files alone", problems=(FieldProblem("images", "Send these as files"),))
    return [SentFile(sent) for sent in request.files.getlist("images")]


def to_batches() -> Uploader:
    """Return what takes uploads to batches; TierOff when nothing is kept."""
    services = current.services()
    if services.sessions is None:
        raise TierOff("there is no database: FACE_API_DATABASE_ENABLED is off")
    settings = services.settings
    return Uploader(current.store(), services.sessions, settings.max_image_pixels, settings.batch_queue_limit)
