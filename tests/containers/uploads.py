"""Many uploads at once that are large and slow, so that they are all there at the same time."""

import re
import select
import socket
import threading
from collections import Counter
from urllib.parse import urlsplit

from tests.containers.deployment import PICTURE, URL

BODY_BYTES = 25 * 2**20 - 4096  # nearly FACE_API_MAX_UPLOAD_BYTES
STEPS, STEP_S = 16, 0.5  # chosen: longer than all of them need to connect, and above FACE_API_CLIENT_BYTES_PER_S
ANSWERED_WITHIN_S = 120
BOUNDARY = "slow"


def slow(key: str, count: int) -> Counter[int]:
    """Send so many pictures at once; return how often each status was answered, 0 for none."""
    outcomes: Counter[int] = Counter()
    lock = threading.Lock()

    def send() -> None:
        status = _sent(key)
        with lock:
            outcomes[status] += 1

    threads = [threading.Thread(target=send) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def _sent(key: str) -> int:
    """Send a picture in steps; one that is answered before is not sent to its end, as HTTP's clients have it."""
    address = urlsplit(URL)
    with socket.create_connection((address.hostname, address.port), timeout=ANSWERED_WITHIN_S) as client:
        try:
            for part in _parts(key):
                client.sendall(part)
                if select.select([client], [], [], STEP_S)[0]:
                    break  # who reads the answer later finds a connection that was given up
        except OSError:
            pass  # it was refused while a step was sent: the answer is there
        try:
            return int(re.findall(rb"HTTP/1.1 (\d+)", client.recv(4096))[0])
        except (OSError, IndexError):
            return 0


def _parts(key: str) -> list[bytes]:
    picture = PICTURE.read_bytes()
    begin = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    ).encode()
    end = f"\r\n--{BOUNDARY}--\r\n".encode()
    # Bytes behind a JPEG's end belong to no picture, and are allowed.
    body = begin + picture + bytes(BODY_BYTES - len(begin) - len(picture) - len(end)) + end
    head = (
        f"POST /api/v1/detect HTTP/1.1\r\nHost: a\r\nX-API-Key: {key}\r\nConnection: close\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    step = len(body) // STEPS + 1
    return [head, *(body[at : at + step] for at in range(0, len(body), step))]
