"""The console's own style, scripts and pictures. Their address holds a digest of them all, so they may be kept."""

import hashlib
from functools import cache
from pathlib import Path

from flask import Blueprint, Response, send_from_directory, url_for

from web.auth import guards

FOLDER = Path(__file__).parent / "static"
A_YEAR_S = 365 * 86400

assets = Blueprint("assets", __name__)


@assets.get("/static/<version>/<path:name>")
@guards.anyone
def get_asset(version: str, name: str) -> Response:
    """Serve a file; a page that an older version of the service wrote gets today's, which nobody keeps."""
    response = send_from_directory(FOLDER, name, max_age=A_YEAR_S if version == digest() else 0)
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def address(name: str) -> str:
    """Return where a page finds a file."""
    return url_for("console.assets.get_asset", version=digest(), name=name)


@cache
def digest() -> str:
    """Return what stands for the contents of all files; worked out once per process."""
    state = hashlib.sha256()
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file():
            state.update(path.name.encode() + path.read_bytes())
    return state.hexdigest()[:16]
