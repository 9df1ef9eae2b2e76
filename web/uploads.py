"""The picture that a caller sends."""

import time

from flask import request

from core import images
from core.errors import FieldProblem, InvalidOption, NoImage
from core.results import DetectOptions
from web import current
from web.bodies import Sent
from web.schemas import ImageUpload


def received(options: DetectOptions, form: ImageUpload) -> tuple[bytes, Sent]:
    """Take the upload and judge it by its header, before anything is decoded."""
    started = time.perf_counter()
    settings = current.services().settings
    if len(request.files.getlist("image")) + len(request.form.getlist("image")) > 1:
        raise InvalidOption("one picture a call", problems=(FieldProblem("image", "Send exactly one file"),))
    data = form.image.read()
    if not data:
        raise NoImage("the file is empty")
    images.probe(data, settings.max_image_pixels)
    return data, Sent(options, len(data), settings.input_size, started)
