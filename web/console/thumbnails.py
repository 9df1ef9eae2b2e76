"""Small versions of stored pictures, made on demand by the worker: no page loads a 20 MB original.

Decoding strangers' files is the worker's alone: there a decoder that crashes or swells takes no page along.
"""

import hashlib
from http import HTTPStatus

from flask import Blueprint, Response, request

from core.errors import NotFound
from core.records import records
from core.records.rows import ImageDetail
from web import current
from web.auth import guards
from web.console import ids
from web.requests import caller_has_gone

SIDES = {"small": 480, "large": 1600}

pictures = Blueprint("pictures", __name__)


@pictures.get("/pictures/<image_id>/<size>.jpg")
@guards.admin("storage")
def get_original(image_id: str, size: str) -> Response:
    """Serve a picture as it came, small."""
    found = _found(image_id)
    return _small(found.image.s3_key, size)


@pictures.get("/pictures/<image_id>/<job_id>/<size>.jpg")
@guards.admin("storage")
def get_result(image_id: str, job_id: str, size: str) -> Response:
    """Serve what a job made of a picture, small; `newest` names the newest job that made one."""
    found = _found(image_id)
    if job_id == "newest":
        return _small(found.processed_s3_key, size)
    wanted = ids.read(job_id)
    return _small(next((job.processed_s3_key for job in found.jobs if job.id == wanted), None), size)


def _found(image_id: str) -> ImageDetail:
    with current.session() as session:
        return records.get_image(session, ids.read(image_id))


def _small(key: str | None, size: str) -> Response:
    if key is None or size not in SIDES:
        raise NotFound("there is no such picture")
    name = f"{size}/{key}"
    response = Response(mimetype="image/jpeg")
    # A key ends with a name in any script, and a header holds none.
    response.set_etag(hashlib.sha256(name.encode()).hexdigest())
    # What is kept in the browser is asked about each time: nobody sees it after logging out, nor when it is deleted.
    response.headers["Cache-Control"] = "private, no-cache"
    if request.if_none_match.contains(response.get_etag()[0] or ""):
        response.status_code = HTTPStatus.NOT_MODIFIED
        return response
    response.set_data(_made(key, name, SIDES[size]))
    return response


def _made(key: str, name: str, side: int) -> bytes:
    thumbnails = current.state().thumbnails
    made = thumbnails.get(name)
    if made is None:
        made = current.services().engine.run_thumbnail(current.store().get(key), side, caller_has_gone)
        thumbnails.put(name, made)
    return made
