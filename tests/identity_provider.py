"""A real OpenID Connect provider for tests, as a process of its own; and people who log in there without a browser."""

import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import httpx
import requests

from tests.ports import free_port

CLIENT_ID = "face-api"
GROUPS = {
    "kim": ["staff", "face-owners"],
    "lee": ["face-viewers", "face-ops"],
    "eve": ["staff"],
    "admin": ["face-owners"],
    "taken": ["face-owners"],
}
ROLES = "face-owners=owner,face-ops=operator,face-viewers=viewer"


class IdentityProvider:
    """Listens on `localhost`: another site than the service's 127.0.0.1, as a company's provider is."""

    def __init__(self, folder: Path, token_age_s: int = 3600) -> None:
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        people = [json.dumps({"sub": f"id-of-{n}", "preferred_username": n, "groups": g}) for n, g in GROUPS.items()]
        command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(self.port), "--host", "localhost"]
        command += ["--require-nonce", "true", "--token-max-age", str(token_age_s)]
        for person in people:
            command += ["--user-claims", person]
        with (folder / "provider.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)

    def settings(self) -> dict[str, str]:
        """The settings of a service whose people log in here."""
        return {
            "FACE_API_PUBLIC_URL": "{url}",
            "FACE_API_OIDC_ISSUER": self.url,
            "FACE_API_OIDC_CLIENT_ID": CLIENT_ID,
            "FACE_API_OIDC_CLIENT_SECRET": "of the provider",
            "FACE_API_OIDC_ROLES": ROLES,
            "FACE_API_OIDC_NAME": "Example",
        }

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.HTTPError):
                httpx.get(self.url, timeout=5)
                return
            assert self._process.poll() is None
            time.sleep(0.1)
        raise AssertionError("the provider has not started")

    def approve(self, url: str, name: str, **changed: str) -> str:
        """Log somebody in at the address that the service has sent a browser to; return where that is sent then.

        changed: parameters of the address that somebody on the way has replaced.
        """
        parts = urlsplit(url)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()} | changed
        sent = {"sub": f"id-of-{name}"} if name else {"action": "deny"}
        where = urlunsplit(parts._replace(query=urlencode(query)))
        answer = requests.post(where, data=sent, allow_redirects=False, timeout=30)
        assert answer.status_code in {302, 303}, re.sub(r"<[^>]+>", "", answer.text)
        return answer.headers["Location"]

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def running(folder: Path, token_age_s: int = 3600) -> Iterator[IdentityProvider]:
    provider = IdentityProvider(folder, token_age_s)
    try:
        provider.wait_until_ready()
        yield provider
    finally:
        provider.stop()
