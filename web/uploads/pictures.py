"""Uploaded pictures."""

import hashlib
import io
import time
from dataclasses import dataclass
from typing import IO, overload

from flask import request
from werkzeug.datastructures import FileStorage

from core.batches.uploads import BatchUploader
from core.contract import region_options
from core.contract.options import DetectOptions, MaskQuery, ResolvedDetectOptions, ResolvedMaskOptions
from core.engine import defaults
from core.errors import InvalidOption, NoImage
from core.errors.problems import FieldProblem
from core.pictures import headers
from core.records.results import UploadedImage
from web import current
from web.auth import callers
from web.bodies import RequestContext
from web.schemas.batches import ImageUploads
from web.schemas.detect import ImageUpload, MaskUpload

DIGEST_DIGITS = 16  # chosen: of pictures in one batch, no two have the same


@overload
def received(query: MaskQuery, form: MaskUpload) -> tuple[UploadedImage, RequestContext, ResolvedMaskOptions]: ...
@overload
def received(
    query: DetectOptions, form: ImageUpload
) -> tuple[UploadedImage, RequestContext, ResolvedDetectOptions]: ...
def received(query: DetectOptions, form: ImageUpload) -> tuple[UploadedImage, RequestContext, ResolvedDetectOptions]:
    """Read the upload, check it by its header before anything is decoded, and resolve the options left out."""
    started = time.perf_counter()
    settings = current.services().settings
    _refuse_repeated(form)
    data = form.image.read()
    if not data:
        raise NoImage("the file is empty")
    header = headers.probe(data, settings.max_image_pixels, heic=settings.heic_enabled)
    upload = UploadedImage(data, form.image.filename or "", f"image/{header.format}", callers.key_id())
    options = defaults.resolve(query, settings)
    if isinstance(form, MaskUpload):
        region_options.refuse_outside(form.mask_regions, header.size)
        regions = {"mask_regions": form.mask_regions, "keep_regions": form.keep_regions}
        options = options.model_copy(update=regions)
    return upload, RequestContext(options, len(data), settings.input_size, started), options


def _refuse_repeated(form: ImageUpload) -> None:
    sent = [name for part in (request.files, request.form) for name, _ in part.items(multi=True)]
    repeated = [name for name in type(form).model_fields if sent.count(name) > 1]
    if repeated:
        messages = {"image": "Send exactly one file"}
        raise InvalidOption.of(FieldProblem(name, messages.get(name, "Send this once")) for name in repeated)


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
    return BatchUploader(
        current.results(), settings.max_image_pixels, settings.batch_queue_limit, heic=settings.heic_enabled
    )
