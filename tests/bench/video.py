"""Do masks stay on faces that move? Writes the measured part of docs/video.md.

    python -m tests.bench.video [--shared DIR] [--quick] [--write FILE]

Clips of known faces (tests/bench/clips.py) are encoded as H.264 in two qualities, searched frame by frame as a worker
does, and masked as linked tracks, as every frame alone, and as deface does, which is installed into build/peers once.
With --quick the page goes to build/bench: it is no measurement.
"""

import importlib.util
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

from core import config
from core.config import ROOT, Settings
from core.contract.options import Detail, ResolvedMaskOptions
from core.system import cpus
from core.video.searches import FrameSearch
from core.video.tracking import smoothing, tracks
from core.video.tracking.faces import FrameFaces
from core.video.tracking.motions import Fields, MotionMeter
from core.video.tracking.tracks import Evidence
from core.vision.boxes import Boxes
from tests import detectors
from tests.bench import clips, inputs, moves, performance_report, scenes
from tests.bench import video_report as report
from tests.bench.clips import HEIGHT, QUALITIES, WIDTH, Clip, Truth, Values
from tests.bench.inputs import BUILD
from tests.bench.moves import Still
from tests.bench.peer_programs import DEFACE
from tests.bench.scenes import Scene
from tests.bench.tracked import Masks, Result
from tests.bench.video_report import Subject

PAGE = ROOT / "docs" / "video.md"
MODELS = ("scrfd_2.5g", "scrfd_500m")
STRIDE = 3
STILLS = 17  # two for each movement of the camera, two that are hidden, two that cross, three that come in
OPTIONS = ResolvedMaskOptions(doubtful="mask")
# chosen: a picture of more is one of a crowd, whose faces are too small to count
MOST_FACES = 25
LARGE = 40  # pixels; at least one face of a picture is as large


@dataclass(frozen=True)
class File:
    """An encoded clip, and what is true of its frames."""

    path: Path
    kind: str
    quality: int
    truths: Sequence[Truth]


@dataclass(frozen=True)
class Searched:
    """The faces of all frames of a file, and the motion to each. seconds: of CPU."""

    faces: Sequence[FrameFaces]
    fields: Fields
    seconds: float


def main() -> None:
    parser = inputs.parser(__doc__)
    parser.add_argument("--quick", action="store_true", help="only try everything, in a minute or two")
    parser.add_argument("--write", type=Path, default=None, help="the page whose part is renewed")
    args = parser.parse_args()
    shared = args.shared.resolve() if args.shared else None
    made = _clips(shared)
    with tempfile.TemporaryDirectory() as folder:
        files = list(_written(made[:: len(made) - 1] if args.quick else made, Path(folder)))
        text = _measured(files, shared)
    target = args.write or (BUILD / PAGE.name if args.quick else PAGE)
    if target != PAGE:
        shutil.copy(PAGE, target)
    target.write_text(performance_report.replaced(target.read_text(), "bench-video", text))
    print(f"written: {target}")


def _clips(shared: Path | None) -> list[Clip]:
    stills = _stills(shared)
    every = [stills[number % len(stills)] for number in range(STILLS)]
    cameras = [moves.moved(still, kind) for still, kind in zip(every, [*moves.CAMERAS] * 2, strict=False)]
    hidden = [moves.hiding(still) for still in every[10:12]]
    return [*cameras, *hidden, moves.crossing(every[12:14], "two"), moves.entering(every[14:17], "three")]


def _stills(shared: Path | None) -> list[Still]:
    """Return annotated pictures: WIDER FACE's where they are, else two portraits that come with libraries."""
    if shared is None or not (shared / "data/wider").is_dir():
        return moves.portraits()
    spec = importlib.util.spec_from_file_location("wider_ap", shared / "tools/wider_ap.py")
    assert spec and spec.loader
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    fit = [one for one in scenes.scenes(shared, tool, 10**6) if _fits(one)]
    # Mixed, always alike. With the first half of them the numbers of core/video were chosen.
    order = np.random.default_rng(7).permutation(len(fit))[len(fit) // 2 :][:STILLS]
    return [_still(fit[index]) for index in order]


def _fits(scene: Scene) -> bool:
    return len(scene.faces) <= MOST_FACES and scene.sides[scene.counted].max(initial=0) >= LARGE


def _still(scene: Scene) -> Still:
    counted = np.isin(np.arange(len(scene.faces)), scene.counted)
    return Still(scene.path.stem, scene.read(), scene.faces[counted], scene.faces[~counted])


def _written(made: Sequence[Clip], folder: Path) -> Iterator[File]:
    for clip in made:
        truths = list(clips.truths(clip))
        for quality in QUALITIES:
            path = folder / f"{clip.name}-{quality}.mp4"
            clips.write(clip, path, quality)
            yield File(path, clip.kind, quality, truths)


def _measured(files: Sequence[File], shared: Path | None) -> str:
    subjects, default = [], None
    for settings in _settings(shared):
        found = _searched(files, settings, "balanced")
        alone = _subject(f"`{settings.model}`, each frame alone", files, [_alone(one.faces) for one in found], found)
        linked = _subject(f"`{settings.model}`, tracks", files, [_linked(one) for one in found], found)
        subjects += [alone, linked]
        if default is None:
            default = alone, linked
            sure = [_linked(one, _sure_only, weak=False) for one in found]
            subjects.append(_subject(f"`{settings.model}`, tracks, `doubtful=leave`", files, sure, None))
            some = [_linked(one, _skipped) for one in found]
            subjects.append(_subject(f"`{settings.model}`, tracks, every {STRIDE}rd frame searched", files, some, None))
    # It takes longer than all the others together.
    good = [one for one in files if one.quality == QUALITIES[0]]
    name = f"{DEFACE.name} {DEFACE.version}, crf {QUALITIES[0]} alone"
    subjects.append(_subject(name, good, list(_of_deface(good)), None))
    assert default
    return report.page(subjects, default, f"{time.strftime('%Y-%m-%d')}, {len(files)} files")


def _settings(shared: Path | None) -> Iterator[Settings]:
    """Yield the settings of each model at hand, in one thread."""
    own = {"worker_processes": 1, "inference_threads": 1, "runtime": "onnxruntime"}
    folder = shared / "data/weights" if shared else None
    if folder is None or not all((folder / f"{name}.onnx").exists() for name in MODELS):
        made = inputs.settings(shared)
        yield config.read(model=made.model, weights_dir=made.weights_dir, **own)
        return
    (BUILD / "weights").mkdir(parents=True, exist_ok=True)
    for name in MODELS:
        shutil.copy(folder / f"{name}.onnx", BUILD / "weights")
        yield config.read(model=name, weights_dir=BUILD / "weights", precision="int8", **own)


def _searched(files: Sequence[File], settings: Settings, detail: Detail) -> list[Searched]:
    """Search every frame of all files, on all CPUs."""
    # Not forked: of OpenCV's and FFmpeg's threads a fork has only the locks.
    with ProcessPoolExecutor(cpus.available(), multiprocessing.get_context("spawn")) as pool:
        jobs = [pool.submit(_search, one.path, settings, detail) for one in files]
        found = []
        for one, job in zip(files, jobs, strict=True):
            found.append(job.result())
            per_frame = 1000 * found[-1].seconds / len(one.truths)
            print(f"{settings.model}: {one.path.name}, {per_frame:.0f} ms of CPU a frame", flush=True)
    return found


def _search(path: Path, settings: Settings, detail: Detail) -> Searched:
    cv2.setNumThreads(1)
    frames = FrameSearch(OPTIONS.model_copy(update={"detail": detail}), detectors.load(settings))
    started, faces, meter, fields = time.process_time(), [], MotionMeter(), []
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            image = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
            faces.append(frames.search(image, (number, number / clips.FPS)))
            fields.append(meter.measured(image))
    return Searched(faces, np.stack(fields), time.process_time() - started)


def _alone(faces: Sequence[FrameFaces]) -> list[Masks]:
    """Mask each frame by what was found in it."""
    return [_padded(one.boxes if one.masked is None else one.boxes[one.masked]) for one in faces]


def _linked(
    found: Searched, known: Callable[[FrameFaces], FrameFaces] = lambda one: one, *, weak: bool = True
) -> list[Masks]:
    """Mask what tracks are. known: what is known of the faces of a frame."""
    faces = [known(one) for one in found.faces]
    linked = tracks.link(faces, (), WIDTH, HEIGHT, Evidence(found.fields, weak))
    return [_padded(boxes) for boxes in smoothing.regions(linked, range(len(faces)))]


def _sure_only(one: FrameFaces) -> FrameFaces:
    return FrameFaces(one.frame, one.time_s, one.boxes, one.scores, one.sure, one.sure)


def _skipped(one: FrameFaces) -> FrameFaces:
    return one if one.frame % STRIDE == 0 else FrameFaces.unsearched(one.frame, one.time_s)


def _padded(boxes: Boxes) -> Masks:
    """Return the masks over boxes, as large as they are by default."""
    margin = OPTIONS.padding * (boxes[:, 2:] - boxes[:, :2])
    return Masks(_cut(np.hstack([boxes[:, :2] - margin, boxes[:, 2:] + margin])))


def _cut(boxes: Values) -> Values:
    """Cut boxes to the frame, as a viewer sees them; one outside of it is none."""
    cut = np.minimum(np.maximum(boxes, 0), np.array([WIDTH, HEIGHT] * 2)).astype(np.float64)
    return np.asarray(cut[(cut[:, 2:] > cut[:, :2]).all(axis=1)])


def _of_deface(files: Sequence[File]) -> Iterator[list[Masks]]:
    """Ask deface where it would lay its masks."""
    own = {**os.environ, "PYTHONPATH": str(ROOT), "ORT_DISABLE_TELEMETRY": "1"}
    command = [DEFACE.python(), "-m", "tests.bench.programs.deface_video"]
    with subprocess.Popen(command, env=own, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        process.stdin.write(json.dumps([str(one.path) for one in files]) + "\n")
        process.stdin.flush()
        for one in files:
            answer = process.stdout.readline() or sys.exit(f"{DEFACE.name} has ended at {one.path.name}")
            print(f"{DEFACE.name}: {one.path.name}", flush=True)
            frames = json.loads(answer)
            yield [Masks(_cut(np.array(boxes, float).reshape(-1, 4)), oval=True) for boxes in frames]


def _subject(
    name: str, files: Sequence[File], masks: Sequence[Sequence[Masks]], found: Sequence[Searched] | None
) -> Subject:
    """Measure one way to mask, over all files, and over those of each kind and quality."""
    by_kind: dict[str, Result] = {}
    by_quality: dict[int, Result] = {}
    total = Result()
    for one, there in zip(files, masks, strict=True):
        for result in (total, by_kind.setdefault(one.kind, Result()), by_quality.setdefault(one.quality, Result())):
            result.add(one.truths, there)
    seconds = sum(one.seconds for one in found) if found else None
    return Subject(name, total, by_kind, by_quality, seconds)


if __name__ == "__main__":
    main()
