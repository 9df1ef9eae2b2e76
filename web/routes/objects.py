"""Stored pictures when the store is a folder: its links lead here. An S3 server serves its own."""

import os
from contextlib import suppress

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.wsgi import FileWrapper

from core.contract.deeds import ActorKind, Deed
from core.errors import NotFound
from core.storage.folder import LINK_PATH, FolderStore
from core.storage.objects import CACHE_CONTROL, original_of
from web import current
from web.auth import guards, trails

STEP_BYTES = 256 * 1024

objects = Blueprint("objects", __name__)


@objects.get(f"{LINK_PATH}<path:key>")
@guards.anyone
def get_object(key: str) -> Response:
    """Serve the object of a signed link, to anyone who has the link."""
    store = current.services().store
    if not isinstance(store, FolderStore):
        raise NotFound
    headers = store.verify(key, request.args)
    file = store.open(key)
    if image_id := original_of(key):
        trails.act_as(ActorKind.LINK)
        trails.note_original(Deed.ORIGINAL_FETCHED, image_id)
    size = os.fstat(file.fileno()).st_size
    # The server's own wrapper sends a file without reading it; it can't begin in the middle of one.
    wrap = FileWrapper if request.range else request.environ.get("wsgi.file_wrapper", FileWrapper)
    response = Response(wrap(file, STEP_BYTES), direct_passthrough=True)
    response.content_length = size
    response.headers.update(headers)
    with suppress(RequestedRangeNotSatisfiable):  # then it is all of it
        response.make_conditional(request, accept_ranges=True, complete_length=size)
    # Should a browser ever take a picture for a page, that page may do nothing.
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


@objects.after_request
def forbid_caching(response: Response) -> Response:
    """Keep refusals out of caches, too: the same link may not work a moment later, or only then."""
    response.headers.setdefault("Cache-Control", CACHE_CONTROL)
    return response
