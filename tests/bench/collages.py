"""Does a thorough search of 24 megapixels find what is found in each photograph alone? Writes that part of a page.

    python -m tests.bench.collages --shared DIR [--skip N] [--write FILE]

Photographs of WIDER FACE, enlarged or reduced to the cells of a collage. --skip: from which one of them on they are
chosen, evenly spaced. Without --write, the part of docs/detection.md is renewed.
"""

import argparse
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np

from core.config import ROOT
from core.contract.options import ResolvedDetectOptions, ResolvedMaskOptions
from core.vision import doubts
from core.vision.detector import OnnxDetector
from core.vision.doubts import Judged
from tests.bench import covered, performance_report, privacy, scenes
from tests.bench.scenes import SAME, Boxes, Pixels

PAGE = ROOT / "docs" / "detection.md"
MODEL = "scrfd_2.5g"
SIZE = (6000, 4000)
CELLS = (1000, 750, 500)  # pixels; the longer side of a photograph's place, which is 4:3
PROMISED = 48  # pixels; the longer side of the faces that a balanced search sees in so large a picture
BACKGROUND = 128
CLOSEST = covered.DEFAULT.model_copy(update={"detail": "thorough"})


@dataclass(frozen=True)
class Collage:
    """Photographs side by side: each one's pixels, and where its top left corner is in the whole of (width, height)."""

    photographs: tuple[Pixels, ...]
    corners: tuple[tuple[int, int], ...]
    size: tuple[int, int] = SIZE

    @property
    def pixels(self) -> Pixels:
        whole = np.full((*self.size[::-1], 3), BACKGROUND, np.uint8)
        for photograph, (left, top) in zip(self.photographs, self.corners, strict=True):
            height, width = photograph.shape[:2]
            whole[top : top + height, left : left + width] = photograph
        return whole

    def placed(self, found: Iterable[Boxes]) -> Boxes:
        """Return the boxes of each photograph in the whole."""
        return np.vstack([one + np.tile(corner, 2) for one, corner in zip(found, self.corners, strict=True)])


@dataclass(frozen=True)
class Compared:
    """Which faces of the photographs alone are found in their collage too, and the longer side of each."""

    found: Boxes
    sides: Boxes

    def share(self, least_side: float = 0) -> str:
        large = self.sides >= least_side
        return f"{self.found[large].mean():.3f} of {large.sum():,}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=None, help="folder with real pictures, weights and tools")
    parser.add_argument("--skip", type=int, default=0, help="from which photograph on they are chosen")
    parser.add_argument("--write", type=Path, default=PAGE, help="the page whose part is renewed")
    args = parser.parse_args()
    shared = privacy.required(args.shared)
    cv2.setNumThreads(1)
    finder, tool = privacy.models(shared)[MODEL], privacy.load_tool(shared, "wider_ap")
    paths = [scene.path for scene in scenes.scenes(shared, tool, privacy.EVERY)]
    rows = [_measured(finder, tool, collage(paths, cell, args.skip), cell) for cell in CELLS]
    args.write.write_text(performance_report.replaced(args.write.read_text(), "bench-collages", _text(rows)))
    print(f"written: {args.write}")


def collage(paths: Sequence[Path], cell: int, skip: int) -> Collage:
    """Fill the places of a collage with photographs from all over the set, each as large as fits."""
    across, down, high = SIZE[0] // cell, SIZE[1] // (cell * 3 // 4), cell * 3 // 4
    places = across * down
    chosen = [paths[(number * len(paths) // places + skip) % len(paths)] for number in range(places)]
    corners = [(number % across * cell, number // across * high) for number in range(places)]
    return Collage(tuple(_fitted(path, cell, high) for path in chosen), tuple(corners))


def _fitted(path: Path, width: int, height: int) -> Pixels:
    picture = np.asarray(cv2.imread(str(path)), np.uint8)
    factor = min(width / picture.shape[1], height / picture.shape[0])
    size = int(picture.shape[1] * factor), int(picture.shape[0] * factor)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _measured(finder: OnnxDetector, tool: ModuleType, of: Collage, cell: int) -> list[str]:
    """Return a row of the table."""
    started = time.process_time()
    judged = _judged(finder, of.pixels, CLOSEST)
    seconds = time.process_time() - started
    default = of.placed(_masked(_judged(finder, one, covered.DEFAULT)) for one in of.photographs)
    thorough = of.placed(scenes.boxes(_judged(finder, one, CLOSEST).sure) for one in of.photographs)
    covers, alone = _compared(tool, _masked(judged), default), _compared(tool, scenes.boxes(judged.sure), thorough)
    row = [f"{len(of.photographs)} of {cell} px", covers.share(), covers.share(PROMISED), alone.share()]
    print(*row, f"{seconds:.1f} s", flush=True)
    return [*row, f"{seconds:.1f}"]


def _judged(finder: OnnxDetector, pixels: Pixels, options: ResolvedMaskOptions) -> Judged:
    """Return which faces a mask covers because they are sure, and which because they are likely."""
    least = ResolvedDetectOptions(detail=options.detail, confidence=doubts.least_confidence(options))
    return doubts.judge(finder.find(pixels, least).faces, options, finder.doubt_limits)


def _masked(judged: Judged) -> Boxes:
    return scenes.boxes((*judged.sure, *judged.doubtful))


def _compared(tool: ModuleType, found: Boxes, reference: Boxes) -> Compared:
    overlap = tool.iou(found, reference).max(axis=0, initial=0)
    return Compared(overlap >= SAME, (reference[:, 2:] - reference[:, :2]).max(axis=1))


def _text(rows: Iterable[list[str]]) -> str:
    head = [
        "photographs in the collage",
        "of the faces that the default mask covers in each alone, a `thorough` one covers",
        f"of those from {PROMISED} px",
        "of those that `thorough` finds in each alone, it finds",
        "CPU s",
    ]
    table = "\n".join("| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *rows])
    megapixels = SIZE[0] * SIZE[1] // 10**6
    how = (
        f"`{MODEL}`, {megapixels} megapixels; found: by a box of confidence {CLOSEST.confidence}, with an IoU of"
        f" {SAME}; covered: by such a box of any confidence that is masked."
    )
    return f"{how}\n\n{table}"


if __name__ == "__main__":
    main()
