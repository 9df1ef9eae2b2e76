"""Clients that say nothing, little or nothing more, and that don't read: they are dropped, and delay nobody else."""

import contextlib
import json
import select
import socket
import threading
from collections.abc import Iterator

import psutil
import pytest
import requests

from core.engine import protocol
from core.engine.heartbeats import Process, WorkerStatus
from tests.conftest import StartService
from tests.contract import pictures
from tests.contract.admin import ADMIN
from tests.contract.batches import begun, finish
from tests.contract.calls import multipart
from tests.raw_clients import BUNDLE, WAIT_S, connect, connected, head, read_answer, read_to_end, status
from tests.stack import Stack

THREADS = 4
STALL_S = 1
LOGIN = "/api/v1/admin/auth/login"
DETECT = "/api/v1/detect"
PAGE, FILE = "/docs", "/openapi/openapi.json"


@pytest.fixture(scope="module")
def impatient(start_service: StartService) -> Stack:
    """A service with few threads that waits for nobody for long."""
    return start_service(
        FACE_API_WEB_THREADS=str(THREADS),
        FACE_API_CLIENT_HEAD_S="1",
        FACE_API_CLIENT_STALL_S=str(STALL_S),
        programs=("serve",),
    )


@pytest.fixture(scope="module")
def patient(start_service: StartService) -> Stack:
    """A service with few threads and no keys that waits for its clients longer than the tests do."""
    return start_service(
        FACE_API_WEB_THREADS=str(THREADS),
        FACE_API_CLIENT_HEAD_S="600",
        FACE_API_CLIENT_STALL_S="600",
        FACE_API_API_KEY_ENABLED="false",
        FACE_API_JOB_TIMEOUT_S="600",
        FACE_API_CONNECTIONS_PER_ADDRESS="100",
        programs=("serve",),
    )


def answers(service: Stack, within_s: float = WAIT_S) -> bool:
    """Whether the service answers what needs a thread, and files, which have one of their own."""
    found = [requests.get(service.url + path, timeout=within_s, allow_redirects=False) for path in (PAGE, FILE)]
    return [one.status_code for one in found] == [302, 200]


@contextlib.contextmanager
def all_threads_held(service: Stack) -> Iterator[None]:
    """Hold every thread: each waits for a worker's answer that does not come."""
    engine, redis = service.services.engine, service.services.redis
    process, status = (
        Process("one.a", THREADS),
        WorkerStatus(model=service.model, input_size=640, supports_landmarks=True),
    )
    body, headers = multipart(pictures.portrait())
    lines = head(DETECT, "POST", Content_Type=headers["Content-Type"], Content_Length=str(len(body)))
    with connected(service, THREADS, "127.0.0.9") as clients:
        for client in clients:
            engine.beat(process, status)
            client.sendall(lines + body)
        service.until(lambda: redis.zcard(protocol.WAITING) == THREADS)
        yield
    service.until(lambda: not redis.zcard(protocol.WAITING))


# --- heads ---------------------------------------------------------------------------------------


def test_idle_connections_hold_no_thread(patient: Stack) -> None:
    with connected(patient, 90):
        assert answers(patient)


def test_begun_heads_hold_no_thread(patient: Stack) -> None:
    with connected(patient, 90) as clients:
        for client in clients:
            client.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n")
        assert answers(patient)


def test_silent_connection_ends(impatient: Stack) -> None:
    with connect(impatient) as client:
        assert read_to_end(client) == b""


def trickle(client: socket.socket, piece: bytes, every_s: float = 0.1) -> bytes:
    """Send a piece now and then until the server has had enough; what it then says."""
    ended = threading.Event()

    def send() -> None:
        with contextlib.suppress(OSError):
            while not ended.wait(every_s):
                client.sendall(piece)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        return read_to_end(client)
    finally:
        ended.set()
        thread.join()


def test_trickled_head_is_408(impatient: Stack) -> None:
    with connect(impatient) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\nX: ")
        answer = trickle(client, b"a")
    assert status(answer) == 408
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "request_too_slow"


def test_trickled_second_head_is_408(impatient: Stack) -> None:
    with connect(impatient) as client:
        client.sendall(head("/health/live"))
        assert status(read_answer(client)) == 200
        client.sendall(b"GET /health/l")
        assert status(trickle(client, b"a")) == 408


# --- bodies --------------------------------------------------------------------------------------


@pytest.mark.parametrize("framing", [{"Content_Length": "60000"}, {"Transfer_Encoding": "chunked"}])
def test_trickled_body_frees_its_thread(impatient: Stack, framing: dict[str, str]) -> None:
    """A body that anybody may send is read in a thread; more of them than threads."""
    began = head(LOGIN, "POST", Content_Type="application/json", **framing)
    with connected(impatient, 2 * THREADS) as clients:
        for client in clients:
            client.sendall(began)
        assert status(trickle(clients[0], b"1\r\n \r\n")) == 408
        assert answers(impatient)


def test_slow_bodies_hold_half_of_the_threads(patient: Stack) -> None:
    """However long each client may take, and whoever it is: this one's pace would be kept for ten minutes."""
    began = head(DETECT, "POST", Content_Type="multipart/form-data; boundary=a", Content_Length="1000000")
    with connected(patient, 2 * THREADS) as clients:
        for client in clients:
            client.sendall(began)
        assert answers(patient)
        most = 2 * THREADS - THREADS // 2
        patient.until(lambda: len(_answered(clients)) >= most)
        refused = _answered(clients)
        assert [status(client.recv(4096)) for client in refused] == [408] * most
        assert answers(patient) and _answered(clients) == refused  # which have ended


def _answered(clients: list[socket.socket]) -> list[socket.socket]:
    """Those that have something to read, or have ended."""
    return select.select(clients, [], [], 0)[0]


def test_stalled_body_of_a_refused_call_holds_no_thread(patient: Stack) -> None:
    """Nobody reads the body of a call that is refused before."""
    began = head("/api/v1/admin/stats", "POST", Content_Type="image/jpeg", Content_Length="1000000")
    with connected(patient, 20 * THREADS) as clients:
        for client in clients:
            client.sendall(began)
            assert status(client.recv(4096)) == 405
        assert answers(patient, within_s=60)  # gunicorn would read each for 5 s, as many at a time as there are threads


def test_next_request_follows_a_body_that_nobody_read(patient: Stack) -> None:
    with connect(patient) as client:
        client.sendall(head("/nowhere", "POST", Content_Length="100000") + b"x" * 1000)
        assert status(read_answer(client)) == 404
        client.sendall(b"x" * 99_000 + head("/health/live") + head("/nowhere", Connection="close"))
        answer = read_to_end(client)
    assert (status(answer), answer.count(b"HTTP/1.1 404")) == (200, 1)


# --- answers -------------------------------------------------------------------------------------


def test_unread_files_hold_no_thread(patient: Stack) -> None:
    with connected(patient, 20) as clients:
        for number, client in enumerate(clients):
            client.sendall(head(BUNDLE, Range="bytes=1-") if number % 2 else head(BUNDLE))
            client.recv(1)
        assert answers(patient)
        whole = requests.get(patient.url + BUNDLE, timeout=WAIT_S).content
        clients[0].sendall(head("/health/live", Connection="close"))
        assert read_to_end(clients[0]).count(whole) == 1  # late, and complete


def test_files_for_many_take_one_thread(start_service: StartService) -> None:
    """However many are asked for at once: a probe that comes then has its turn after one of them, not after all."""
    service = start_service(programs=("serve",))  # with many threads, none of which has begun
    (process,) = psutil.Process(service.processes["serve"].pid).children()
    before = process.num_threads()
    process.suspend()
    with contextlib.ExitStack() as held:
        clients = [client for n in range(3) for client in held.enter_context(connected(service, 20, f"127.0.2.{n}"))]
        for client in clients:
            client.sendall(head(BUNDLE))
        process.resume()
        assert {status(client.recv(100)) for client in clients} == {200}
    assert process.num_threads() <= before + 1


def test_unread_answers_hold_no_thread(patient: Stack) -> None:
    with connected(patient, 20) as clients:
        for client in clients:
            client.sendall(head(FILE) * 20)
            client.recv(1)
        assert answers(patient)


def test_unread_answer_is_cut(impatient: Stack) -> None:
    with connect(impatient, receive_bytes=4096) as client:
        client.sendall(head(BUNDLE))
        impatient.until(lambda: '"answer": ' in impatient.log("serve"))
        assert 0 < len(read_to_end(client)) < len(requests.get(impatient.url + BUNDLE, timeout=WAIT_S).content)


def test_unread_archive_frees_its_thread(impatient: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive is made while it is sent, so it needs a thread; another client gets it once that is free."""
    monkeypatch.setattr("tests.contract.batches.masked", lambda name: name.encode() * 2_000_000)
    batch = begun(impatient, *(f"{number}.jpg" for number in range(8)))
    finish(impatient, batch, every="completed")
    path = f"{ADMIN}/batches/{batch['id']}/results"
    basic = "Basic YWRtaW46Y29ycmVjdCBob3JzZQ=="
    with connect(impatient, receive_bytes=4096) as client:
        client.sendall(head(path, Authorization=basic))
        assert status(client.recv(100)) == 200

        def slot_is_free() -> bool:
            with requests.get(
                impatient.url + path, headers={"Authorization": basic}, stream=True, timeout=WAIT_S
            ) as got:
                return got.status_code == 200

        impatient.until(slot_is_free)
        assert b"PK\x05\x06" not in read_to_end(client)  # the end of a ZIP


# --- health, and places ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/health", FILE, BUNDLE])
def test_health_answers_while_every_thread_is_held(patient: Stack, path: str) -> None:
    with all_threads_held(patient), connect(patient) as waiting:
        waiting.sendall(head(PAGE))
        answer = requests.get(patient.url + path, timeout=WAIT_S)
        assert answer.status_code == 200
        waiting.settimeout(0.2)
        with pytest.raises(TimeoutError):
            waiting.recv(1)


def test_address_has_so_many_connections(patient: Stack) -> None:
    with connected(patient, 100, "127.0.0.2") as clients:
        with connect(patient, "127.0.0.2") as one_more:
            refused = read_to_end(one_more)
        assert (status(refused), b"too_many_connections" in refused) == (503, True)
        assert b"Retry-After: " in refused
        with connect(patient, "127.0.0.3") as other:
            other.sendall(head("/health/live"))
            assert status(other.recv(100)) == 200
        clients[0].close()
        patient.until(lambda: _is_taken(patient, "127.0.0.2"))


def _is_taken(service: Stack, source: str) -> bool:
    with connect(service, source) as client:
        client.sendall(head("/health/live"))
        return status(client.recv(100)) == 200


def test_newcomer_displaces_who_waits_longest(patient: Stack) -> None:
    """A process has 1,000 places."""
    with contextlib.ExitStack() as held:
        clients = [client for n in range(11) for client in held.enter_context(connected(patient, 95, f"127.0.1.{n}"))]
        assert _is_taken(patient, "127.0.0.4")
        assert answers(patient)
        assert read_to_end(clients[0]) == b""
        clients[-1].sendall(head("/health/live"))
        assert status(clients[-1].recv(100)) == 200


def test_descriptors_come_back(patient: Stack) -> None:
    with connected(patient, 90) as clients:
        for client in clients:
            client.sendall(head(BUNDLE))
            client.recv(1)
        assert open_files(patient) > 180  # each has its socket and a file
    patient.until(lambda: open_files(patient) < 90)


def open_files(service: Stack) -> int:
    (process,) = psutil.Process(service.processes["serve"].pid).children()
    return int(process.num_fds())
