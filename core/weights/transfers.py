"""Download a URL into a file: resumed where an earlier attempt ended, bounded in size, time and attempts."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import httpx

from core.weights import manifest

# chosen: a dead address fails soon, and a slow connection may pause
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
# chosen: retries bridge a short outage; after a longer one the next pull resumes the .part file
RETRY_DELAYS_S = (0.5, 1.0, 2.0)

Progress = Callable[[str, int, int], None]


class RemoteFile(Protocol):
    """A URL whose size and sha256 are known beforehand."""

    @property
    def url(self) -> str: ...
    @property
    def bytes(self) -> int: ...
    @property
    def sha256(self) -> str: ...


class SourceFailed(Exception):
    """A source didn't return the right bytes. The message follows the source's name in a sentence."""


class TransferInterrupted(Exception):
    """A transfer ended too early; a retry can succeed."""


def download(remote: RemoteFile, part: Path, progress: Progress) -> None:
    """Download the URL into `part`; on return its size and sha256 are right.

    Wrong bytes are deleted, the first bytes of an interrupted transfer stay for the next attempt: both end as
    SourceFailed.
    """
    resumed = part.exists()
    _transfer(remote, part, progress)
    problem = manifest.file_problem(part, remote.bytes, remote.sha256)
    if problem and resumed:
        # The resumed part may be the start of another file: only a new download can be checked.
        part.unlink()
        _transfer(remote, part, progress)
        problem = manifest.file_problem(part, remote.bytes, remote.sha256)
    if problem:
        part.unlink()
        raise SourceFailed(f"is refused: it {problem}")


def _transfer(remote: RemoteFile, part: Path, progress: Progress) -> None:
    """Request until the file is complete, with a limited number of retries."""
    for delay_s in (*RETRY_DELAYS_S, None):
        try:
            return _request(remote, part, progress)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            # No server: waiting a moment seldom helps, and the next source may be better.
            raise SourceFailed(f"can't be reached ({error})") from error
        except (httpx.TransportError, TransferInterrupted) as error:
            if delay_s is None:
                raise SourceFailed(f"broke off {len(RETRY_DELAYS_S) + 1} times ({error})") from error
            time.sleep(delay_s)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SourceFailed(f"can't be fetched ({error})") from error


def _request(remote: RemoteFile, part: Path, progress: Progress) -> None:
    """Request once the bytes that are still missing, and append them as they come."""
    offset = part.stat().st_size if part.exists() else 0
    if offset >= remote.bytes:
        return
    # The file's own bytes are counted and resumed, so nothing may be compressed on the way.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={offset}-"} if offset else {})
    with httpx.stream("GET", remote.url, headers=headers, follow_redirects=True, timeout=TIMEOUT) as response:
        if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and offset:
            part.unlink()
            raise TransferInterrupted("it has fewer bytes than were fetched before")
        if response.is_server_error or response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise TransferInterrupted(f"it answers {response.status_code}")
        if not response.is_success:
            raise SourceFailed(f"answers {response.status_code} {response.reason_phrase}")
        if not response.headers.get("Content-Range", "").startswith(f"bytes {offset}-"):
            offset = 0  # the server sends the whole file, whatever range was requested
        _append(response, remote, part, offset, progress)


def _append(response: httpx.Response, remote: RemoteFile, part: Path, offset: int, progress: Progress) -> None:
    """Write what comes after the first `offset` bytes of the file, and never more than the declared size."""
    name = part.name.removesuffix(".part")
    with part.open("r+b" if offset else "wb") as file:
        file.seek(offset)
        for chunk in response.iter_raw():
            file.write(chunk[: remote.bytes + 1 - offset])
            offset += len(chunk)
            if offset > remote.bytes:
                # One byte too many is written, so that `download` sees a wrong size.
                return
            progress(name, offset, remote.bytes)
