"""The documented upgrade behind the documented proxy: every call is answered while all containers are replaced."""

import re
import ssl
import subprocess
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.containers.deployment import PICTURE, Deployment
from tests.docs import documents

URL = "https://127.0.0.1"
CALLERS, PAUSE_S = 2, 0.5  # below FACE_API_RATE_LIMIT_DETECT
CERTIFICATE = [
    "openssl",
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-days",
    "2",
    "-subj",
    "/CN=faces.example.org",
]


@pytest.fixture
def proxied(deployment: Deployment, tmp_path: Path) -> Iterator[Deployment]:
    """Put the proxy before two web containers, as compose/proxy.yml says."""
    tmp_path.chmod(0o755)
    for folder in tmp_path.parents[:3]:
        folder.chmod(0o755)
    names = ["-keyout", str(tmp_path / "privkey.pem"), "-out", str(tmp_path / "fullchain.pem")]
    subprocess.run([*CERTIFICATE, *names], check=True, capture_output=True)
    (tmp_path / "privkey.pem").chmod(0o644)
    env = deployment.folder / "compose" / ".env"
    before = env.read_text()
    env.write_text(f"{before}COMPOSE_FILE=compose.yml:proxy.yml\nTLS_FOLDER={tmp_path}\n")
    deployment.compose("up", "--detach", "--wait")
    yield deployment
    deployment.compose("rm", "--stop", "--force", "proxy")
    env.write_text(before)
    deployment.compose("up", "--detach", "--wait", "--scale", "web=1")


class Callers:
    """Calls the service all the time, from several threads, and counts what is answered."""

    def __init__(self, key: str) -> None:
        self.answers: Counter[str] = Counter()
        self._seconds: dict[str, set[int]] = defaultdict(set)
        self._began = time.monotonic()
        self._headers = {"X-API-Key": key}
        self._picture = PICTURE.read_bytes()
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._call) for _ in range(CALLERS)]

    def __enter__(self) -> "Callers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()

    def _call(self) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it vouches for itself
        while not self._done.wait(PAUSE_S):
            try:
                with httpx.Client(verify=context, timeout=60) as client:
                    files = {"image": ("a.jpg", self._picture)}
                    answer = client.post(f"{URL}/api/v1/detect", headers=self._headers, files=files)
                outcome = str(answer.status_code)
            except httpx.HTTPError as error:
                outcome = repr(error)
            self.answers[outcome] += 1
            self._seconds[outcome].add(int(time.monotonic() - self._began))

    def told(self) -> str:
        """Return how often each outcome came, and in which seconds."""
        return "".join(f"{self.answers[one]} × {one}: {sorted(when)}\n" for one, when in self._seconds.items())


def test_upgrade_fails_no_call(proxied: Deployment) -> None:
    before = {service: set(proxied.containers(service)) for service in ("web", "worker")}
    section = (documents.DOCS / "deployment.md").read_text().partition("## Upgrades\n")[2]
    (commands,) = re.findall(r"```console\n(.*?)```", section.partition("\n## ")[0], re.DOTALL)
    # There is no registry to pull from. A new image differs from the old one; this makes another of the same.
    script = commands.replace(" --pull", "")
    for name in ("web", "worker"):
        file = proxied.folder / "compose" / f"{name}.Dockerfile"
        file.write_text(file.read_text() + "LABEL version=newer\n")
    with Callers(proxied.key) as callers:
        subprocess.run(
            ["bash", "-euxc", f"PS4='+ $SECONDS s: '\n{script}"],
            cwd=proxied.folder / "compose",
            check=True,
            timeout=900,
        )
    after = {service: set(proxied.containers(service)) for service in ("web", "worker")}
    assert {service: len(found) for service, found in after.items()} == {"web": 2, "worker": 1}
    assert not any(before[service] & after[service] for service in before), "some were not replaced"
    assert set(callers.answers) == {"200"}, callers.told() + proxied.compose("logs", "--tail", "30", "proxy")
    proxied.figures["calls answered during an upgrade"] = f"{callers.answers['200']} of {callers.answers.total()}"
