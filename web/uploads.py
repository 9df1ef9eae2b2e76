"""Uploaded pictures."""

import hashlib
import io
import time
from dataclasses import dataclass
from typing import IO, overload

from flask import request
from werkzeug.datastructures import FileStorage

from core.batches.uploads import BatchUploader
from core.contract.options import DetectOptions, MaskOptions, ResolvedDetectOptions, ResolvedMaskOptions
from core.engine import defaults
from core.errors import FieldProblem, InvalidOption, NoImage
from core.pictures import headers
from core.records.results import UploadedImage
from web import current
from web.bodies import RequestContext
from web.schemas.batches import ImageUploads
from web.schemas.detect import ImageUpload

DIGEST_DIGITS = 16  # chosen: of pictures in one batch, no two have the same


@overload
def received(query: MaskOptions, form: ImageUpload) -> tuple[UploadedImage, RequestContext, ResolvedMaskOptions]: ...
@overload
def received(
    query: DetectOptions, form: ImageUpload
) -> tuple[UploadedImage, RequestContext, ResolvedDetectOptions]: ...
def received(query: DetectOptions, form: ImageUpload) -> tuple[UploadedImage, RequestContext, ResolvedDetectOptions]:
    """Read the upload, check it by its header before anything is decoded, and resolve the options left out."""
    started = time.perf_counter()
    settings = current.services().settings
    if len(request.files.getlist("image")) + len(request.form.getlist("image")) > 1:
        raise InvalidOption("one picture a call", problems=(FieldProblem("image", "Send exactly one file"),))
    data = form.image.read()
    if not data:
        raise NoImage("the file is empty")
    header = headers.probe(data, settings.max_image_pixels)
    upload = UploadedImage(data, form.image.filename or "", f"image/{header.format}")
    options = defaults.resolve(query, settings)
    return upload, RequestContext(options, len(data), settings.input_size, started), options


@dataclass(frozen=True)
class SentFile:
    """One of many files, and its name in the batch. Reading it frees its memory: a body may hold a thousand."""

    file: FileStorage
    name: str

    def read(self) -> bytes:
        with self.file.stream:
            data: bytes = self.file.read()
        return data


def files(form: ImageUploads) -> list[SentFile]:
    """Return the files uploaded to a batch."""
    if request.form:
        raise InvalidOption("send files alone", problems=(FieldProblem("images", "Send these as files"),))
    return [SentFile(file, file.filename or _digest_name(file.stream)) for file in request.files.getlist("images")]


def _digest_name(stream: IO[bytes]) -> str:
    """Name a file that has no name, so that a repeat is known again; an empty one is no file."""
    digest = hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]  # a buffer, too
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    return f"picture-{digest[:DIGEST_DIGITS]}" if size else ""


def batch_uploader() -> BatchUploader:
    """Return what adds uploads to batches; FeatureDisabled without storage."""
    settings = current.services().settings
    return BatchUploader(current.results(), settings.max_image_pixels, settings.batch_queue_limit)
