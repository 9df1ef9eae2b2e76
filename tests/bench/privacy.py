"""Are all faces found, and does a mask hide them? Writes docs/privacy.md from real pictures and model files.

    python -m tests.bench.privacy --shared DIR [--pictures N] [--write FILE]

Without --write, the limits of doubtful faces in weights/manifest.toml are renewed too, and the tables of other pages.

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
from core.contract.options import Detail, Doubtful, Method, ResolvedDetectOptions, ResolvedMaskOptions
from core.errors.startup import WeightsError
from core.vision import doubts, regions
from core.vision.detector import OnnxDetector
from core.vision.doubts import DoubtLimits
from core.weights import manifest
from tests import detectors
from tests.bench import average_precision, covered, doubt_limits, privacy_charts, recall, scenes, second_looks
from tests.bench import privacy_report as report
from tests.bench.privacy_report import Covering
from tests.bench.recall import Recall
from tests.bench.recognition import Bench, covering
from tests.bench.scenes import Scene
from tests.docs import measured

MODELS = ("scrfd_10g", "scrfd_2.5g", "scrfd_500m", "centerface")
DETAILS: tuple[Detail, ...] = get_args(Detail)
METHODS: tuple[Method, ...] = get_args(Method)
SIDES = (32, 64, 160, 400, 1300)
EVERY = 10**6  # annotated pictures: all there are
STANDS_IN = {"scrfd_10g": "scrfd_2.5g"}  # whose limits a model has that is not at hand; chosen: the nearest
PAGE = ROOT / "docs" / "privacy.md"
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
    parser.add_argument("--write", type=Path, default=PAGE, help="where the figures go")
    args = parser.parse_args()
    shared = required(args.shared)
    cv2.setNumThreads(1)
    finders = models(shared)
    if not finders:
        sys.exit("there is none of these models: " + ", ".join(MODELS))
    wider = load_tool(shared, "wider_ap")
    chosen = scenes.scenes(shared, wider, args.pictures)
    coverings = {name: coverage(shared, finder, wider) for name, finder in finders.items()}
    parts = [
        report.beginning(list(finders), len(chosen), sum(len(scene.counted) for scene in chosen)),
        recalls(finders, chosen, wider),
        report.coverage(coverings),
        precisions(shared, finders, wider),
        privacy(shared, best(finders)),
        looks(chosen, best(finders)),
    ]
    page = "\n".join(parts)
    args.write.write_text(page)
    chart = args.write.with_name("recall.svg")
    privacy_charts.draw(page, chart)
    print(f"written: {args.write}, {chart}; the largest faces that were missed: {MISSES}")
    renewed = limits_in_manifest({name: covering.limits for name, covering in coverings.items()})
    if args.write == PAGE:
        manifest.MANIFEST.write_text(renewed)
        measured.renew()


def required(shared: Path | None) -> Path:
    """Return the folder with all that is needed in it, or end, saying what is missing."""
    if shared is None:
        sys.exit("--shared names no folder with real pictures, weights and tools (make bench-privacy SHARED=DIR)")
    missing = [name for name in NEEDED if not (shared / name).exists()]
    if missing:
        sys.exit(f"in {shared} there is no " + ", no ".join(missing))
    return shared.resolve()


def models(shared: Path, **chosen: str) -> dict[str, OnnxDetector]:
    """Load every model whose file is at hand, the most accurate first. chosen: settings that are not the default."""
    found = {}
    for name in MODELS:
        for folder in (shared / "data/weights", ROOT / "weights"):
            own = {"weights_dir": folder, "worker_processes": 1, "inference_threads": 1, "runtime": "onnxruntime"}
            settings = config.read(model=name, **own, **chosen)
            try:
                found[name] = detectors.load(settings)
                break
            except WeightsError:
                continue
    return found


def best(finders: dict[str, OnnxDetector]) -> OnnxDetector:
    """Return the most accurate model that gives the landmarks that the recogniser needs."""
    return next(finder for finder in finders.values() if finder.supports_landmarks)


def recalls(finders: dict[str, OnnxDetector], chosen: list[Scene], tool: ModuleType) -> str:
    """Measure recall and masks that hide nothing: each model, each way of searching."""
    reported: dict[tuple[str, str], Recall] = {}
    for name, finder in finders.items():
        for detail in DETAILS:
            search = scenes.search(finder, chosen, ResolvedDetectOptions(detail=detail), tool.iou)
            reported[name, detail] = recall.measured(search)
            print(
                f"{name} {detail}: {sum(reported[name, detail].found)} of {len(reported[name, detail].found)}",
                flush=True,
            )
    recall.write_worst(reported[best(finders).name, "thorough"], MISSES)
    return report.recalls(reported)


def coverage(shared: Path, finder: OnnxDetector, tool: ModuleType) -> Covering:
    """Derive the limits of doubtful faces, and measure what the default mask covers, in all annotated pictures."""
    least = ResolvedDetectOptions(detail=covered.OPTIONS.detail, confidence=doubts.LEAST)
    chosen = [scene for scene in scenes.scenes(shared, tool, EVERY) if scene.annotated]
    search = scenes.search(finder, chosen, least, tool.iou)
    limits = doubt_limits.derived(search)
    by_doubtful = {doubtful: covered.measured(search, doubtful, limits) for doubtful in get_args(Doubtful)}
    print(f"{finder.name}: limits {limits}, covered {by_doubtful['mask'].of_hard()}", flush=True)
    seconds = sum(found.seconds for found in search) / len(search)
    return Covering(limits, by_doubtful, doubt_limits.crossed(search), seconds)


def limits_in_manifest(measured_limits: dict[str, DoubtLimits]) -> str:
    """Return the manifest with these limits; models that are not at hand get those of the nearest."""
    text = manifest.MANIFEST.read_text()
    for name in MODELS:
        limits = measured_limits.get(name) or measured_limits.get(STANDS_IN.get(name, ""))
        text = doubt_limits.in_manifest(text, name, limits) if limits else text
    return text


def precisions(shared: Path, finders: dict[str, OnnxDetector], tool: ModuleType) -> str:
    """Measure the average precision of each model, as it runs by default and in fp32."""
    reported = {}
    for name, plain in models(shared, precision="fp32").items():
        versions = [plain, *([finders[name]] if finders[name].precision != plain.precision else [])]
        reported[name] = average_precision.measured(versions, shared, tool, EVERY)
        print(f"{name}: average precision done", flush=True)
    return report.precisions(reported)


def privacy(shared: Path, finder: OnnxDetector) -> str:
    """Measure what each mask leaves to a detector and a recogniser."""
    bench = Bench(shared, load_tool(shared, "privacy"), finder)
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


def looks(chosen: list[Scene], finder: OnnxDetector) -> str:
    """Measure what verification finds and costs."""
    reported = {method: second_looks.verified(finder, chosen, method) for method in METHODS}
    print("second looks done", flush=True)
    return report.second_looks(finder.name, reported)


def load_tool(shared: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, shared / "tools" / f"{name}.py")
    assert spec and spec.loader
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


if __name__ == "__main__":
    main()
