"""The console's own styles, scripts and icons. Their URL holds a digest of all of them, so browsers may cache them."""

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
    """Serve a file; a page of an older version of the service gets today's file, which isn't cached."""
    response = send_from_directory(FOLDER, name, max_age=A_YEAR_S if version == digest() else 0)
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def asset_url(name: str) -> str:
    return url_for("console.assets.get_asset", version=digest(), name=name)


@cache
def digest() -> str:
    """Return a short digest of the contents of all files; computed once per process."""
    sha256 = hashlib.sha256()
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file():
            sha256.update(path.name.encode() + path.read_bytes())
    return sha256.hexdigest()[:16]
