"""What calls, batches and storage cost beside the network itself: writes docs/performance.md and docs/curves.svg.

    python -m tests.bench.performance [--shared DIR] [--quick] [--only NAME ...] [--write FILE]

All subjects of a comparison work on the same pictures, in turn, within one run: on a machine that others use too, the
ratios say more than the times. With --quick or --only the page goes to build/bench: it is no measurement of everything.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.bench import comparisons, curves, inputs, performance_charts, runs
from tests.bench import performance_report as report
from tests.bench.inputs import BUILD
from tests.bench.performance_charts import CHART, PAGE
from tests.bench.runs import FULL, QUICK, Run
from tests.stack import Stack

COMPARISONS = ("detect", "hop", "mask", "precision", "storage", "batch")
CURVES = ("megapixels", "faces", "aspects", "clients", "jobs")


def main(arguments: list[str] | None = None) -> None:
    parser = inputs.parser(__doc__)
    parser.add_argument("--quick", action="store_true", help="only try everything, in a minute or two")
    parser.add_argument("--only", nargs="+", choices=[*COMPARISONS, *CURVES], default=[*COMPARISONS, *CURVES])
    parser.add_argument("--write", type=Path, default=None, help="the page whose part is renewed")
    args = parser.parse_args(arguments)
    partly = args.quick or len(args.only) < len(COMPARISONS) + len(CURVES)
    target = args.write or (BUILD / PAGE.name if partly else PAGE)
    with tempfile.TemporaryDirectory() as folder:
        run = Run.begin(QUICK if args.quick else FULL, args.shared, Path(folder))
        text = "\n\n".join(_measured(run, args.only))
    write(target, "bench", text)
    print(f"written: {target}, {target.with_name(CHART)}")


def write(target: Path, name: str, text: str) -> None:
    """Renew one part of the page, and the chart of its curves."""
    page = report.replaced((target if target.exists() else PAGE).read_text(), name, text)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page)
    if list(performance_charts.curves(page)):
        performance_charts.draw(page, target.with_name(CHART))


def _measured(run: Run, names: list[str]) -> Iterator[str]:
    """Yield what is written of each part, and print it: the run takes long, and may be ended."""
    with run.service() as service:
        how = (
            f"{time.strftime('%Y-%m-%d')}: {run.length}; {run.processes} worker processes with one thread each, beside"
            " idle CPUs"
        )
        precision = runs.precision(service, run.pictures[0])
        yield report.machine(run.settings.model, precision, run.pictures, how)
        parts = _parts(run, service)
        for name in [name for name in COMPARISONS if name in names]:
            yield _told(name, parts[name])
        if set(CURVES) & set(names):
            yield CURVES_TEXT
        for name in [name for name in CURVES if name in names]:
            yield _told(name, parts[name])


CURVES_TEXT = f"""## Curves

![Time against the size of the picture, its faces, its shape, the callers and the stored jobs]({CHART})

Both axes are logarithmic: dots are what a linear growth would be. The largest local exponent is the steepest part
between two neighbouring points; 1 is linear, and above {report.LINEAR} the page says so."""


def _parts(run: Run, service: Stack) -> dict[str, Callable[[], str]]:
    compared = {
        "detect": partial(comparisons.detect, run, service),
        "hop": partial(comparisons.hop, run),
        "mask": partial(comparisons.mask, run, service),
        "precision": partial(comparisons.precision, run),
        "storage": partial(comparisons.storage, run, service),
        "batch": partial(comparisons.batch, run),
    }
    drawn = {
        "megapixels": partial(curves.megapixels, run, service),
        "faces": partial(curves.faces, run, service),
        "aspects": partial(curves.aspects, run, service),
        "clients": partial(curves.clients, run),
        "jobs": partial(curves.jobs, run),
    }
    return {
        **{name: partial(_section, measure) for name, measure in compared.items()},
        **{name: partial(_curve, measure) for name, measure in drawn.items()},
    }


def _section(measure: Callable[[], report.Section]) -> str:
    return report.section(measure())


def _curve(measure: Callable[[], report.Curve]) -> str:
    return report.curve(measure())


def _told(name: str, part: Callable[[], str]) -> str:
    started = time.monotonic()
    text = part()
    print(f"{text}\n\n[{name}: {time.monotonic() - started:.0f} s]\n", flush=True)
    return text


if __name__ == "__main__":
    main()
