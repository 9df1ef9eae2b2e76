"""Filters that make a Swift proxy look like SeaweedFS: it can be asked for its health, and keys have no account."""

from collections.abc import Callable, Iterable
from typing import Any

App = Callable[[dict[str, Any], Any], Iterable[bytes]]
ACCOUNT = "weed:"


def healthz(_config: dict[str, str], **_: str) -> Callable[[App], App]:
    def answering(app: App) -> App:
        def call(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            if environ["PATH_INFO"] != "/healthz":
                return app(environ, start_response)
            start_response("200 OK", [("Content-Length", "0")])
            return [b""]

        return call

    return answering


def account(_config: dict[str, str], **_: str) -> Callable[[App], App]:
    def naming(app: App) -> App:
        def call(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            details = environ.get("s3api.auth_details")
            if details and not details["access_key"].startswith(ACCOUNT):
                key = details["access_key"]
                environ["PATH_INFO"] = environ["PATH_INFO"].replace(key, ACCOUNT + key, 1)
                details["access_key"] = ACCOUNT + key
            return app(environ, start_response)

        return call

    return naming
