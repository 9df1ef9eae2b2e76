"""Stored pictures when the store is a folder: its links lead here. An S3 server serves its own."""

from flask import Blueprint, Response, request

from core.errors import NotFound
from core.storage.folder import LINK_PATH, FolderStore
from core.storage.objects import CACHE_CONTROL
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
    # Should a browser ever take a picture for a page, that page may do nothing.
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


@objects.after_request
def forbid_caching(response: Response) -> Response:
    """Keep refusals out of caches, too: the same link may not work a moment later, or only then."""
    response.headers.setdefault("Cache-Control", CACHE_CONTROL)
    return response
