"""Thumbnails of stored pictures, made on demand by the worker: no page loads a 20 MB original.

Only the worker decodes untrusted files: a decoder that crashes or runs out of memory there takes no page down.
"""

import hashlib
from http import HTTPStatus

from flask import Blueprint, Response, request

from core.contract.deeds import Deed
from core.errors import NotFound
from core.pictures import headers
from core.records import records
from core.records.rows import ImageDetail
from web import current
from web.auth import guards, trails
from web.requests import caller_has_gone
from web.schemas import ids

SIDES = {"small": 480, "large": 1600, "full": 6000}  # full: for a zoom; chosen: 24 megapixels at most
CACHED_SIDE = 1600  # larger ones are rarely asked for, and would take the place of hundreds

thumbnails = Blueprint("thumbnails", __name__)


@thumbnails.get("/pictures/<image_id>/<size>.jpg")
@guards.admin("operator", "storage")
def get_original(image_id: str, size: str) -> Response:
    """Serve a thumbnail of an original."""
    detail = _image_detail(image_id)
    trails.note_original(Deed.ORIGINAL_VIEWED, detail.image.id)
    return _thumbnail(detail.image.s3_key, size)


@thumbnails.get("/pictures/<image_id>/<job_id>/<size>.jpg")
@guards.admin("viewer", "storage")
def get_result(image_id: str, job_id: str, size: str) -> Response:
    """Serve a thumbnail of a job's result; `newest` is the newest job that has one."""
    detail = _image_detail(image_id)
    if job_id == "newest":
        return _thumbnail(detail.processed_s3_key, size)
    job_uuid = ids.parse(job_id)
    return _thumbnail(next((job.processed_s3_key for job in detail.jobs if job.id == job_uuid), None), size)


@thumbnails.post("/preview")
@guards.admin("operator")
def post_preview() -> Response:
    """Show a picture that is not stored, as browsers can't show HEIC or TIFF; a header tells its own size."""
    file = request.files.get("image")
    data = file.read() if file else b""
    settings = current.services().settings
    header = headers.probe(data, settings.max_image_pixels, heic=settings.heic_enabled)
    preview = current.services().engine.run_thumbnail(data, SIDES["large"], caller_has_gone)
    return Response(preview, mimetype="image/jpeg", headers={"X-Image-Size": f"{header.width} {header.height}"})


def _image_detail(image_id: str) -> ImageDetail:
    with current.session() as session:
        return records.get_image(session, ids.parse(image_id))


def _thumbnail(key: str | None, size: str) -> Response:
    if key is None or size not in SIDES:
        raise NotFound("there is no such picture")
    name = f"{size}/{key}"
    response = Response(mimetype="image/jpeg")
    # A key ends with a file name in any script, and a header must be ASCII.
    response.set_etag(hashlib.sha256(name.encode()).hexdigest())
    # The browser revalidates its copy each time: nobody sees it after logging out, nor once the image is deleted.
    response.headers["Cache-Control"] = "private, no-cache"
    if request.if_none_match.contains(response.get_etag()[0] or ""):
        response.status_code = HTTPStatus.NOT_MODIFIED
        return response
    response.set_data(_cached(key, name, SIDES[size]))
    return response


def _cached(key: str, name: str, side: int) -> bytes:
    cache = current.state().thumbnails
    data = cache.get(name)
    if data is None:
        data = current.services().engine.run_thumbnail(current.store().get(key), side, caller_has_gone)
        if side <= CACHED_SIDE:
            cache.put(name, data)
    return data
