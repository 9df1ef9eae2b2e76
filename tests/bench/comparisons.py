"""The comparisons of `make bench`: each measures its subjects in turn and tells what to write of them."""

import contextlib

from tests.bench import figures, runs
from tests.bench.batches import Batch, PacedCalls
from tests.bench.load import Subject
from tests.bench.performance_report import Section
from tests.bench.runs import OFF, PIPELINE, RUNTIME, Run
from tests.stack import Stack

PRECISIONS = ("fp32", "int8")
THOROUGH_PICTURES = 12  # chosen: a thorough search takes about as long as all other details together
HOP_BYTES = 300_000
ONE_THREAD = {"FACE_API_INFERENCE_THREADS": "1"}
IDLE, BUSY = "detect while idle", "detect during a batch"


def detect(run: Run, service: Stack) -> Section:
    """Compare the network, the pipeline around it, and the service around that, all searching alike."""
    count, fast = run.processes, [PIPELINE, "detect", "fast"]
    alone, many = "", f" in {count} processes" if count > 1 else " again"
    programs = [
        run.programs(f"network{alone}", [RUNTIME], 1),
        run.programs(f"pipeline{alone}", fast, 1),
        run.programs(f"network{many}", [RUNTIME], count),
        run.programs(f"pipeline{many}", fast, count),
    ]
    calls = [run.calls(_named("HTTP", clients), service, "detect", clients) for clients in (1, 8, 32)]
    with contextlib.ExitStack() as stack:
        for program in programs:
            stack.enter_context(program.running(run.environment))
        rows = run.rows(
            [programs[0], programs[1], calls[0], programs[2], programs[3], *calls[1:]],
            {
                "pipeline": "network",
                calls[0].name: "pipeline",
                programs[3].name: programs[2].name,
                calls[1].name: programs[3].name,
                calls[2].name: programs[3].name,
            },
        )
    text = (
        "`detail=fast`, the default, storage off. *Network*: ONNX Runtime alone, with the very inputs that a call gives"
        " it. *Pipeline*: from a file's bytes to the report, without HTTP and queue. Clients share the CPUs with the"
        " service."
    )
    return Section("Detect", text, rows, by_part=True)


def hop(run: Run) -> Section:
    """Measure what one client's call takes beyond the pipeline: HTTP, the queue, and the way back."""
    run = run.with_pictures(THOROUGH_PICTURES).with_sizes(HOP_BYTES)
    pipeline, call = "pipeline, 1 process", _named("HTTP", 1)
    program = run.programs(pipeline, [PIPELINE, "detect", "fast"], 1)
    with program.running(run.environment | ONE_THREAD), run.service(OFF | ONE_THREAD) as service:
        rows = run.rows([program, run.calls(call, service, "detect", 1)], {call: pipeline})
    beyond = figures.difference(rows[1].rounds, rows[0].rounds, lambda one: one.p50_ms)
    kilobytes = sum(map(len, run.pictures)) / len(run.pictures) / 1000
    text = (
        f"`/detect`, `detail=fast`, storage off, with pictures of {kilobytes:.0f} KB on average. Beyond the pipeline, a"
        f" call takes {beyond} ms: the median of the rounds' differences of p50. Both take one thread: idle CPUs help"
        " neither."
    )
    return Section("One call beyond the pipeline", text, rows)


def mask(run: Run, service: Stack) -> Section:
    """Compare the ways to search before masking."""
    run, count = run.with_pictures(THOROUGH_PICTURES), run.processes
    pipeline = run.programs("pipeline, balanced", [PIPELINE, "mask", "balanced"], count)
    calls = [
        run.calls(_named(detail, clients), service, f"mask?detail={detail}", clients)
        for clients in (1, 8)
        for detail in ("fast", "balanced", "thorough")
    ]
    against = {one.name: _named("balanced", one.clients) for one in calls if "balanced" not in one.name}
    against[_named("balanced", 8)] = pipeline.name
    with pipeline.running(run.environment):
        rows = run.rows([*calls, pipeline], against)
    text = (
        f"`/mask` over HTTP, storage off, with {len(run.pictures)} of the pictures; `balanced` is the default, and"
        f" verified like `thorough`. *Pipeline*: in {count} processes, without HTTP and queue."
    )
    return Section("Mask", text, rows)


def precision(run: Run) -> Section:
    """Compare the network in int8 with the same in fp32."""
    with contextlib.ExitStack() as stack:
        services = {name: stack.enter_context(run.service(OFF | {"FACE_API_PRECISION": name})) for name in PRECISIONS}
        kinds = [("detect", 1), ("detect", 8), ("mask", 1), ("mask", 8)]
        subjects = [
            run.calls(_named(f"{path}, {name}", clients), services[name], path, clients)
            for path, clients in kinds
            for name in PRECISIONS
        ]
        against = {_named(f"{path}, int8", clients): _named(f"{path}, fp32", clients) for path, clients in kinds}
        rows = run.rows(subjects, against)
        ran = runs.precision(services["int8"], run.pictures[0])
    text = f"Two services, `FACE_API_PRECISION=fp32` and `int8` (which ran in {ran}); all else by default, storage off."
    return Section("int8 and fp32", text, rows)


def storage(run: Run, service: Stack) -> Section:
    """Compare a service that keeps everything with one that keeps nothing."""
    with run.servers() as (settings, servers), run.service(settings) as keeping:
        on = [run.calls(_named("storage on", clients), keeping, "mask", clients) for clients in (1, 8)]
        off = [run.calls(_named("storage off", clients), service, "mask", clients) for clients in (1, 8)]
        for one in on:
            one.beside = servers
        pairs = [subject for pair in zip(off, on, strict=True) for subject in pair]
        rows = run.rows(pairs, {kept.name: lost.name for kept, lost in zip(on, off, strict=True)})
    text = "`/mask` with its defaults. *On*: in a Postgres and a Swift (S3), which share the CPUs."
    return Section("Storage", text, rows, by_part=True)


def batch(run: Run) -> Section:
    """Compare a batch with the pipeline in as many processes, and calls during a batch with calls without one."""
    pipeline = run.programs("pipeline", [PIPELINE, "mask", "balanced"], run.processes)
    with run.service({}) as service, pipeline.running(run.environment):
        idle, busy = (PacedCalls(name, service, run.pictures, busy=name == BUSY) for name in (IDLE, BUSY))
        run.calls("", service, "mask", 1)
        subjects: list[Subject] = [pipeline, Batch("batch", service, run.pictures), idle, busy]
        rows = run.rows(subjects, {"batch": "pipeline", busy.name: idle.name})
    text = (
        "Masks with the defaults, kept in SQLite and a folder. Then `/detect` twice a second, without and with a batch:"
        " a call waits for one item at most."
    )
    return Section("Batches", text, rows)


def _named(what: str, clients: int) -> str:
    return f"{what}, {clients} client{'s' if clients > 1 else ''}"
