"""Bring the bytes of a URL into a file: resumed where an earlier try ended, bounded in size, time and tries."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import httpx

from core.weights import manifest

# chosen: a dead address is known soon, and a slow line may pause
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
# chosen: a short break of the line is bridged; after a longer one the next pull goes on from the .part file
PAUSES_S = (0.5, 1.0, 2.0)

Progress = Callable[[str, int, int], None]


class Remote(Protocol):
    """A URL whose bytes are known beforehand."""

    @property
    def url(self) -> str: ...
    @property
    def bytes(self) -> int: ...
    @property
    def sha256(self) -> str: ...


class SourceFailed(Exception):
    """A source didn't give the right bytes. The message follows the source's name in a sentence."""


class Interrupted(Exception):
    """A transfer ended too early; asking again can succeed."""


def download(remote: Remote, part: Path, progress: Progress) -> None:
    """Bring the URL's bytes into `part`; on return their size and sha256 are right.

    Wrong bytes are deleted, the first bytes of an interrupted transfer are kept: both end as SourceFailed.
    """
    resumed = part.exists()
    _transfer(remote, part, progress)
    wrong = manifest.fault(part, remote.bytes, remote.sha256)
    if wrong and resumed:
        # What was there may be the start of another file: only one that is new throughout can be judged.
        part.unlink()
        _transfer(remote, part, progress)
        wrong = manifest.fault(part, remote.bytes, remote.sha256)
    if wrong:
        part.unlink()
        raise SourceFailed(f"is refused: it {wrong}")


def _transfer(remote: Remote, part: Path, progress: Progress) -> None:
    """Ask until all bytes are there, or often enough."""
    for pause_s in (*PAUSES_S, None):
        try:
            return _ask(remote, part, progress)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            # Nobody is there: waiting a moment seldom helps, and the next source may be better.
            raise SourceFailed(f"can't be reached ({error})") from error
        except (httpx.TransportError, Interrupted) as error:
            if pause_s is None:
                raise SourceFailed(f"broke off {len(PAUSES_S) + 1} times ({error})") from error
            time.sleep(pause_s)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SourceFailed(f"can't be fetched ({error})") from error


def _ask(remote: Remote, part: Path, progress: Progress) -> None:
    """Ask once for the bytes that are not there yet, and append them as they come."""
    there = part.stat().st_size if part.exists() else 0
    if there >= remote.bytes:
        return
    # The file's own bytes are counted and resumed, so nothing may be compressed on the way.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={there}-"} if there else {})
    with httpx.stream("GET", remote.url, headers=headers, follow_redirects=True, timeout=TIMEOUT) as answer:
        if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and there:
            part.unlink()
            raise Interrupted("it has fewer bytes than were fetched before")
        if answer.is_server_error or answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise Interrupted(f"it answers {answer.status_code}")
        if not answer.is_success:
            raise SourceFailed(f"answers {answer.status_code} {answer.reason_phrase}")
        if not answer.headers.get("Content-Range", "").startswith(f"bytes {there}-"):
            there = 0  # the server sends the whole file, whatever was asked
        _append(answer, remote, part, there, progress)


def _append(answer: httpx.Response, remote: Remote, part: Path, there: int, progress: Progress) -> None:
    """Write what comes after the first `there` bytes of the file, and never more than the declared size."""
    name = part.name.removesuffix(".part")
    with part.open("r+b" if there else "wb") as file:
        file.seek(there)
        for chunk in answer.iter_raw():
            file.write(chunk[: remote.bytes + 1 - there])
            there += len(chunk)
            if there > remote.bytes:
                # One byte too many is kept: it tells `download` that these are not the right ones.
                return
            progress(name, there, remote.bytes)
