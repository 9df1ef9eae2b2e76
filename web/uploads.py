"""The picture that a caller sends."""

import time

from flask import request

from core import images
from core.errors import FieldProblem, InvalidOption, NoImage
from core.keeping import Upload
from core.results import DetectOptions
from web import current
from web.bodies import Sent
from web.schemas import ImageUpload


def received(options: DetectOptions, form: ImageUpload) -> tuple[Upload, Sent]:
    """Take the upload and judge it by its header, before anything is decoded."""
    started = time.perf_counter()
    settings = current.services().settings
    if len(request.files.getlist("image")) + len(request.form.getlist("image")) > 1:
        raise InvalidOption("one picture a call", problems=(FieldProblem("image", "Send exactly one file"),))
    data = form.image.read()
    if not data:
        raise NoImage("the file is empty")
    header = images.probe(data, settings.max_image_pixels)
    upload = Upload(data, form.image.filename or "", f"image/{header.format}")
    return upload, Sent(options, len(data), settings.input_size, started)
