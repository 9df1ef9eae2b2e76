"""Are all faces found, and does a mask hide them? Writes docs/privacy.md from real pictures and model files.

    python -m tests.bench.privacy --shared DIR [--pictures N] [--write FILE]

Needs a folder with data/weights (the models, and a recogniser), data/wider (annotated pictures), data/reid (portraits
of known people) and tools/ (the measures). Cut-outs of the worst misses go to build/privacy, since the pictures'
licence allows no copies of parts.
"""

import argparse
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import get_args

import cv2

from core import config
from core.config import ROOT
from core.contract.options import Detail, Doubtful, Method, ResolvedMaskOptions
from core.errors import WeightsError
from core.vision import regions
from core.vision.detector import OnnxDetector
from core.weights import manifest
from tests import detectors
from tests.bench import covered, privacy_charts, recall, second_looks
from tests.bench import privacy_report as report
from tests.bench.covered import Coverage
from tests.bench.recall import Recall, Scene
from tests.bench.recognition import Bench, covering

MODELS = ("scrfd_10g", "scrfd_2.5g", "scrfd_500m", "centerface")
DETAILS: tuple[Detail, ...] = get_args(Detail)
METHODS: tuple[Method, ...] = get_args(Method)
SIDES = (32, 64, 160, 400, 1300)
EVERY = 10**6  # annotated pictures: all there are
NEEDED = (
    "tools/privacy.py",
    "tools/wider_ap.py",
    "data/weights/recognizer_mobilefacenet.onnx",
    "data/reid/deepface/master.csv",
    "data/wider/wider_face_val.mat",
)
MISSES = ROOT / "build" / "privacy"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=None, help="folder with real pictures, weights and tools")
    parser.add_argument("--pictures", type=int, default=24, help="how many annotated pictures are searched")
    parser.add_argument("--write", type=Path, default=ROOT / "docs" / "privacy.md", help="where the figures go")
    args = parser.parse_args()
    shared = required(args.shared)
    cv2.setNumThreads(1)
    finders = models(shared)
    if not finders:
        sys.exit("there is none of these models: " + ", ".join(MODELS))
    wider = _tool(shared, "wider_ap")
    scenes = recall.scenes(shared, wider, args.pictures)
    parts = [
        report.beginning(list(finders), len(scenes), sum(len(scene.counted) for scene in scenes)),
        recalls(finders, scenes, wider),
        coverage(finders, recall.scenes(shared, wider, EVERY), wider),
        privacy(shared, best(finders)),
        looks(scenes, best(finders)),
    ]
    page = "\n".join(parts)
    args.write.write_text(page)
    chart = args.write.with_name("recall.svg")
    privacy_charts.draw(page, chart)
    print(f"written: {args.write}, {chart}; the largest faces that were missed: {MISSES}")


def required(shared: Path | None) -> Path:
    """Return the folder with all that is needed in it, or end, saying what is missing."""
    if shared is None:
        sys.exit("--shared names no folder with real pictures, weights and tools (make bench-privacy SHARED=DIR)")
    missing = [name for name in NEEDED if not (shared / name).exists()]
    if missing:
        sys.exit(f"in {shared} there is no " + ", no ".join(missing))
    return shared.resolve()


def models(shared: Path) -> dict[str, OnnxDetector]:
    """Load every model whose file is at hand, the most accurate first."""
    found = {}
    for name in MODELS:
        for folder in (shared / "data/weights", ROOT / "weights"):
            own = {"weights_dir": folder, "worker_processes": 1, "inference_threads": 1, "runtime": "onnxruntime"}
            settings = config.read(model=name, **own)
            try:
                found[name] = detectors.load(settings)
                break
            except WeightsError:
                continue
    return found


def best(finders: dict[str, OnnxDetector]) -> OnnxDetector:
    """Return the most accurate model that gives the landmarks that the recogniser needs."""
    return next(finder for finder in finders.values() if finder.supports_landmarks)


def recalls(finders: dict[str, OnnxDetector], scenes: list[Scene], tool: ModuleType) -> str:
    """Measure recall and masks that hide nothing: each model, each way of searching."""
    reported: dict[tuple[str, str], Recall] = {}
    for name, finder in finders.items():
        for detail in DETAILS:
            reported[name, detail] = recall.searched(finder, scenes, detail, tool)
            print(
                f"{name} {detail}: {sum(reported[name, detail].found)} of {len(reported[name, detail].found)}",
                flush=True,
            )
    recall.write_worst(reported[best(finders).name, "thorough"], MISSES)
    return report.recalls(reported)


def coverage(finders: dict[str, OnnxDetector], scenes: list[Scene], tool: ModuleType) -> str:
    """Measure what the default mask covers, with and without doubtful faces, in all annotated pictures."""
    reported: dict[tuple[str, Doubtful], Coverage] = {}
    for name, finder in finders.items():
        for doubtful in get_args(Doubtful):
            reported[name, doubtful] = covered.measured(finder, scenes, doubtful, tool.iou)
            print(f"{name} doubtful={doubtful}: {reported[name, doubtful].of_hard()}", flush=True)
    return report.coverage(reported, len(scenes), [manifest.entry(name) for name in finders])


def privacy(shared: Path, finder: OnnxDetector) -> str:
    """Measure what each mask leaves to a detector and a recogniser."""
    bench = Bench(shared, _tool(shared, "privacy"), finder)
    portraits = bench.portraits()
    rows = []
    for method in METHODS:
        for strength in (ResolvedMaskOptions().strength, 1):
            cover = covering(ResolvedMaskOptions(method=method, strength=strength))
            figures = [bench.figures(portraits, cover, jpeg=jpeg) for jpeg in (False, True)]
            rows.append(report.Row(f"`{method}`, strength {strength}", "as it is", figures[0]))
            rows.append(report.Row(f"`{method}`, strength {strength}", "JPEG 95", figures[1]))
    for method in METHODS:
        cover = covering(ResolvedMaskOptions(method=method), regions.AS_ASKED)
        rows.append(report.Row(f"`{method}`, weak masks allowed", "as it is", bench.figures(portraits, cover)))
    print("portraits: methods done", flush=True)
    by_side = []
    for side in SIDES:
        scaled = [bench.scaled(portrait, side) for portrait in portraits]
        for method in METHODS:
            for strength in (ResolvedMaskOptions().strength, 1):
                cover = covering(ResolvedMaskOptions(method=method, strength=strength))
                label = f"`{method}`, strength {strength}"
                by_side.append(report.Row(label, f"{side}", bench.figures(scaled, cover, jpeg=True)))
        print(f"portraits: {side} pixels done", flush=True)
    return report.privacy(finder.name, len(portraits), rows, by_side)


def looks(scenes: list[Scene], finder: OnnxDetector) -> str:
    """Measure what verification finds and costs."""
    reported = {method: second_looks.verified(finder, scenes, method) for method in METHODS}
    print("second looks done", flush=True)
    return report.second_looks(finder.name, reported)


def _tool(shared: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, shared / "tools" / f"{name}.py")
    assert spec and spec.loader
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


if __name__ == "__main__":
    main()
