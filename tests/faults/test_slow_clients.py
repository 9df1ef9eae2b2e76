"""Calls and health while 500 strangers hold connections: 300 idle, 100 trickling, 100 that don't read."""

import contextlib
import http.client
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import psutil

from tests.contract import pictures
from tests.contract.calls import DETECT, multipart
from tests.faults import results
from tests.faults.conftest import Scale, Site
from tests.faults.slow_clients import IDLE, NOT_READING, TRICKLING, SlowClients
from tests.stack import Stack

COUNTS = {IDLE: 300, TRICKLING: 100, NOT_READING: 100}
CALLERS = 2


@dataclass
class Times:
    """Seconds that answers took, each on a connection of its own; cpu_s: what the web process used meanwhile."""

    calls: list[float] = field(default_factory=list)
    lives: list[float] = field(default_factory=list)
    cpu_s: float = 0.0

    def told(self) -> dict[str, float]:
        return {
            "live_ms_worst": round(max(self.lives) * 1000, 1),
            "live_ms_median": round(statistics.median(self.lives) * 1000, 1),
            "detect_ms_p95": round(statistics.quantiles(self.calls, n=20)[-1] * 1000, 1),
            "detect_ms_median": round(statistics.median(self.calls) * 1000, 1),
            "calls": len(self.calls),
            "web_cpu_s": round(self.cpu_s, 2),
        }


def timed(stack: Stack, *request: Any) -> float:
    """Ask on a new connection; return how long the answer took."""
    began = time.monotonic()
    client = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=120)
    with contextlib.closing(client):
        client.request(*request)
        answer = client.getresponse()
        answer.read()
    assert answer.status == 200
    return time.monotonic() - began


def measure(stack: Stack, seconds: float, into: Times) -> None:
    """Have some callers send pictures, one after the other, and a monitor ask ten times a second."""
    until, web = time.monotonic() + seconds, psutil.Process(stack.processes["serve"].pid).children()[0]
    body, headers = multipart(pictures.portrait())
    call = ("POST", DETECT, body, headers | {"X-API-Key": stack.key})
    before = web.cpu_times()

    def send() -> None:
        while time.monotonic() < until:
            into.calls.append(timed(stack, *call))

    def monitor() -> None:
        while time.monotonic() < until:
            into.lives.append(timed(stack, "GET", "/health/live"))
            time.sleep(0.1)

    with ThreadPoolExecutor() as pool:
        for one in [pool.submit(send) for _ in range(CALLERS)] + [pool.submit(monitor)]:
            one.result()
    after = web.cpu_times()
    into.cpu_s += after.user + after.system - before.user - before.system


def test_slow_clients_delay_nobody(site: Site, scale: Scale) -> None:
    """Every call and every probe is answered, as many as before. How fast, docs/reliability.md tells."""
    stack, seconds = site.stack, 60.0 if scale.full else 12.0
    alone, attacked = Times(), Times()
    measure(stack, 2, Times())  # warm
    measure(stack, seconds / 2, alone)
    attack = SlowClients(stack.port, COUNTS)
    with attack.at_work():
        measure(stack, seconds, attacked)
        stack.until(lambda: all(attack.opened[kind] > COUNTS[kind] for kind in (IDLE, TRICKLING)))  # dropped, and again
    measure(stack, seconds / 2, alone)
    told = {"alone": alone.told(), "attacked": attacked.told(), "connections": dict(attack.opened)}
    results.write("slow_clients", full=scale.full, seconds=seconds, held=COUNTS, **told)
    least = 0.5 if scale.full else 0.2  # beside other tests, what these took meanwhile is not told apart
    assert len(attacked.calls) > len(alone.calls) * least
    assert '"head": ' in stack.log("serve")
