"""The service beside InsightFace, which finds faces, and deface, which masks them: writes docs/performance.md.

    python -m tests.bench.peers [--shared DIR] [--quick] [--write FILE]

Each is installed from the package index into an environment of its own, build/peers/NAME, once. They work on the same
pictures in turn with the service, on the same CPUs. With --quick the page goes to build/bench: it is no measurement.
"""

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.bench import inputs, runs
from tests.bench import performance_report as report
from tests.bench.inputs import BUILD
from tests.bench.peer_programs import DEFACE, INSIGHTFACE, Peer
from tests.bench.performance import write
from tests.bench.performance_charts import PAGE
from tests.bench.performance_report import Section
from tests.bench.runs import QUICK, Length, Run
from tests.stack import Stack

FULL = Length(60, 4, 3, 3)  # chosen: ten minutes on two CPUs
CLIENTS = 8


def main(arguments: list[str] | None = None) -> None:
    parser = inputs.parser(__doc__)
    parser.add_argument("--quick", action="store_true", help="only try everything, in a minute")
    parser.add_argument("--write", type=Path, default=None, help="the page whose part is renewed")
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        run = Run.begin(QUICK if args.quick else FULL, args.shared, Path(folder))
        text = "\n\n".join(_measured(run))
    target = args.write or (BUILD / PAGE.name if args.quick else PAGE)
    write(target, "bench-peers", text)
    print(f"written: {target}")


def _measured(run: Run) -> Iterator[str]:
    with run.service() as service:
        how = f"{time.strftime('%Y-%m-%d')}: {run.length}"
        yield report.machine(run.settings.model, runs.precision(service, run.pictures[0]), run.pictures, how)
        if run.settings.model.startswith("scrfd"):
            weights = str(run.settings.weights_dir / f"{run.settings.model}.onnx")
            text = (
                f"InsightFace's SCRFD class with the very file of `{run.settings.model}`, at 640 × 640, and `/detect`."
            )
            yield _told(_compared(run, service, INSIGHTFACE, [weights], text))
        else:
            yield "InsightFace was left out: it needs SCRFD's model file, which `SHARED=FOLDER` would have."
            print("InsightFace is left out: there is no model file of SCRFD", file=sys.stderr)
        text = (
            "deface as its command line masks a picture: CenterFace on every pixel, threshold 0.2, blur; and `/mask`."
        )
        yield _told(_compared(run, service, DEFACE, [], text))


def _compared(run: Run, service: Stack, peer: Peer, arguments: Sequence[str], text: str) -> Section:
    """Compare a peer in one process, which may use all CPUs, with one client, and one in as many as CPUs with many."""
    python, count = peer.python(), run.processes
    title = f"{peer.name} {peer.version}"
    one = run.programs(f"{peer.name}, one process", [peer.module, *arguments, "0"], 1, python)
    many = run.programs(f"{peer.name}, {count} processes", [peer.module, *arguments, "1"], count, python)
    alone = run.calls(f"/{peer.path}, 1 client", service, peer.path, 1)
    calls = run.calls(f"/{peer.path}, {CLIENTS} clients", service, peer.path, CLIENTS)
    with ExitStack() as stack:
        for program in (one, many):
            stack.enter_context(program.running({}))
        rows = run.rows([one, alone, many, calls], {alone.name: one.name, calls.name: many.name})
    text += (
        f" One process takes as many threads as it likes; {count} processes take one each, which is faster for many"
        " pictures. The service answers over HTTP, and its clients share the CPUs with it."
    )
    return Section(title, text, rows)


def _told(section: Section) -> str:
    text = report.section(section)
    print(f"{text}\n", flush=True)
    return text


if __name__ == "__main__":
    main()
