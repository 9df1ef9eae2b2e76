"""How long do calls wait while all workers are busy with a video? Writes that part of docs/video.md.

    python -m tests.bench.video_calls [--shared DIR] [--write FILE]

One call after the other, first with nothing else to do, then beside a video of 1080p. It has segments enough for each
worker process. What other programs do on the machine counts in both.
"""

import contextlib
import tempfile
import time
from pathlib import Path
from typing import Any

import requests

from core.config import ROOT
from core.system import cpus
from tests import clips
from tests.bench import figures, inputs, performance_report
from tests.clips import Clip
from tests.stack import Stack

PAGE = ROOT / "docs" / "video.md"
VIDEO = Clip(frames=24 * 25, size=(1920, 1080), key_every=50)
CALLS = 60  # with nothing else to do; beside the video as many as it takes
PAUSE_S = 0.3  # chosen: between calls, so that they come in all steps, and leave the video time
ENDED = {"completed", "failed", "cancelled"}


def main() -> None:
    parser = inputs.parser(__doc__)
    parser.add_argument("--write", type=Path, default=PAGE, help="the page whose part is renewed")
    args = parser.parse_args()
    settings = inputs.settings(args.shared.resolve() if args.shared else None)
    file, picture = clips.made(VIDEO), inputs.jpeg(inputs.portrait())
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        service = Stack(folder, inputs.environment(settings, cpus.available()))
        stack.callback(service.stop)
        service.start()
        for _ in range(5):  # what is done once is done
            _call_ms(service, picture)
        idle = [_call_ms(service, picture) for _ in range(CALLS)]
        beside, took_s = _beside(service, file, picture)
    args.write.write_text(
        performance_report.replaced(args.write.read_text(), "bench-video-calls", _text(idle, beside, took_s))
    )
    print(f"written: {args.write}")


def _call_ms(service: Stack, picture: bytes) -> float:
    time.sleep(PAUSE_S)
    started = time.perf_counter()
    response = requests.post(
        f"{service.url}/api/v1/detect",
        headers={"X-API-Key": service.key},
        files={"image": ("a.jpg", picture)},
        timeout=120,
    )
    assert response.status_code == 200, response.text
    return (time.perf_counter() - started) * 1000


def _beside(service: Stack, file: bytes, picture: bytes) -> tuple[list[float], float]:
    """Call while a video is masked; return the times of calls, and how many seconds the video took."""
    own = ("admin", service.settings["FACE_API_ADMIN_PASSWORD"])
    videos = f"{service.url}/api/v1/videos"
    sent = requests.post(videos, auth=own, files={"video": ("street.mp4", file)}, timeout=120)
    assert sent.status_code == 202, sent.text
    started, times = time.monotonic(), list[float]()
    while (shown := _shown(f"{videos}/{sent.json()['id']}", own))["status"] not in ENDED:
        times.append(_call_ms(service, picture))
    assert shown["status"] == "completed", shown["error"]
    return times, time.monotonic() - started


def _shown(url: str, own: tuple[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = requests.get(url, auth=own, timeout=120).json()
    return found


def _text(idle: list[float], beside: list[float], took_s: float) -> str:
    rows = [["", "calls", "p50 ms", "p95 ms", "longest ms"]]
    for name, times in (("nothing else to do", idle), ("beside a video", beside)):
        shares = [figures.percentile(times, share) or 0 for share in (50, 95)]
        rows.append([name, str(len(times)), *(f"{ms:.0f}" for ms in (*shares, max(times)))])
    table = "\n".join(["| " + " | ".join(row) + " |" for row in rows[:1]] + ["|---" * 5 + "|"])
    table += "\n" + "\n".join("| " + " | ".join(row) + " |" for row in rows[1:])
    seconds = VIDEO.frames / VIDEO.fps
    return (
        f"Measured {time.strftime('%Y-%m-%d')}: `/detect` of a portrait, one call after the other, "
        f"while {cpus.available()} processes mask {seconds:.0f} s of 1080p, which took {took_s:.0f} s.\n\n{table}"
    )


if __name__ == "__main__":
    main()
