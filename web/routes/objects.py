"""Stored pictures when the store is a folder: its links lead here. An S3 server serves its own."""

from flask import Blueprint, Response, request

from core.errors import NotFound
from core.storage.folder import LINK_PATH, FolderStore
from web import current
from web.auth import guards

objects = Blueprint("objects", __name__)


@objects.get(f"{LINK_PATH}<path:key>")
@guards.anyone
def get_object(key: str) -> Response:
    """Serve the object of a signed link, to anyone who has the link."""
    store = current.services().store
    if not isinstance(store, FolderStore):
        raise NotFound
    headers = store.verify(key, request.args)
    response = Response(store.get(key))
    response.headers.update(headers)
    response.headers["Cache-Control"] = "private"
    # Should a browser ever take a picture for a page, that page may do nothing.
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
