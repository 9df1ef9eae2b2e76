"""Does the default mask cover in a large picture what it covers in each photograph alone? Writes that part of a page.

    python -m tests.bench.montages --shared DIR [--write FILE]

Photographs of WIDER FACE at their own size, side by side. Without --write, the part of docs/detection.md is renewed.
"""

import argparse
import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.pictures.images import DecodedImage
from core.vision import finding, scales
from core.vision.detector import OnnxDetector
from tests.bench import covered, performance_report, privacy, scenes
from tests.bench.collages import PAGE, Collage
from tests.bench.scenes import Boxes, Pixels, Scene

MODEL = "scrfd_2.5g"
# Photographs in all and side by side, and from which one on, each time STRIDE further.
ROWS, COLUMNS = ((2, 2), (5, 5), (10, 10), (20, 20)), ((3, 1), (10, 1), (20, 1))
GRIDS, LARGE_GRIDS = ((6, 2), (16, 4)), ((20, 5), (36, 6))
KINDS = {"rows": ROWS, "columns": COLUMNS, "grids to 12 megapixels": GRIDS, "larger grids": LARGE_GRIDS}
STARTS, MANY, STRIDE = (0, 3, 11), 16, 5  # of more than so many photographs there is one montage
CERTAIN = 96  # pixels; the longer side of faces of which hardly any may be left


@dataclass(frozen=True)
class Masked:
    """A picture's annotated faces, (n, 4), which of them the default mask covers, and the seconds of CPU it took."""

    faces: Boxes
    covered: NDArray[np.bool_]
    seconds: float


@dataclass(frozen=True)
class Counts:
    """How many faces are covered alone, and how many of them in the montage too; so from CERTAIN pixels on."""

    alone: int
    both: int
    certain_alone: int
    certain_both: int
    seconds_alone: float
    seconds: float

    def row(self, kind: str) -> list[str]:
        shares = (
            (self.both / max(1, self.alone), self.alone),
            (self.certain_both / max(1, self.certain_alone), self.certain_alone),
        )
        return [kind, *(f"{share:.3f} of {of:,}" for share, of in shares), f"{self.seconds / self.seconds_alone:.2f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=None, help="folder with real pictures, weights and tools")
    parser.add_argument("--write", type=Path, default=PAGE, help="the page whose part is renewed")
    args = parser.parse_args()
    shared = privacy.required(args.shared)
    cv2.setNumThreads(1)
    finder, tool = privacy.models(shared)[MODEL], privacy.load_tool(shared, "wider_ap")
    chosen = scenes.scenes(shared, tool, privacy.EVERY)
    alone = cache(lambda number: _masked(finder, chosen[number].read(), chosen[number].faces))
    counts = {kind: _counted(finder, chosen, alone, shapes) for kind, shapes in KINDS.items()}
    rows = [of.row(kind) for kind, of in {**counts, "all": _sum(counts.values())}.items()]
    args.write.write_text(performance_report.replaced(args.write.read_text(), "bench-montages", _text(rows)))
    print(f"written: {args.write}")


def montage(pictures: Sequence[Pixels], across: int) -> Collage:
    """Lay pictures out in rows of so many, each as high as its highest, in columns as wide as the widest."""
    sizes = np.array([picture.shape[1::-1] for picture in pictures])
    columns, rows = np.arange(len(pictures)) % across, np.arange(len(pictures)) // across
    wide = [int(sizes[columns == column, 0].max()) for column in range(min(across, len(pictures)))]
    high = [int(sizes[rows == row, 1].max()) for row in range(rows[-1] + 1)]
    lefts, tops = ([0, *itertools.accumulate(lengths)] for lengths in (wide, high))
    corners = tuple((lefts[column], tops[row]) for column, row in zip(columns, rows, strict=True))
    return Collage(tuple(pictures), corners, (lefts[-1], tops[-1]))


def _counted(
    finder: OnnxDetector, chosen: Sequence[Scene], alone: Callable[[int], Masked], shapes: Iterable[tuple[int, int]]
) -> Counts:
    """Compare what is covered in montages of one kind with what is covered in their photographs alone."""
    found = []
    for (count, across), start in (
        (shape, start) for shape in shapes for start in STARTS[: 1 if shape[0] > MANY else 3]
    ):
        numbers = [(start + place * STRIDE) % len(chosen) for place in range(count)]
        whole = montage([chosen[number].read() for number in numbers], across)
        each = [alone(number) for number in numbers]
        masked = _masked(finder, whole.pixels, whole.placed(one.faces for one in each))
        found.append(compared(each, masked, whole.size))
        print(count, across, whole.size, found[-1], flush=True)
    return _sum(found)


def _masked(finder: OnnxDetector, pixels: Pixels, faces: Boxes) -> Masked:
    started = time.process_time()
    selected = finding.find_to_mask(DecodedImage(pixels), covered.DEFAULT, finder)
    seconds = time.process_time() - started
    areas = covered.masks(selected.detections.faces)
    return Masked(
        faces, np.array([covered.share_covered(face, areas) >= covered.COVERED for face in faces], bool), seconds
    )


def compared(each: Sequence[Masked], masked: Masked, size: tuple[int, int]) -> Counts:
    side = next(side for most, side in scales.PROMISED if size[0] * size[1] <= most)
    sides = (masked.faces[:, 2:] - masked.faces[:, :2]).max(axis=1, initial=0)
    alone = np.concatenate([one.covered for one in each])
    both, promised, certain = alone & masked.covered, sides >= side, sides >= CERTAIN
    first, second, third, fourth = (int((which & of).sum()) for of in (promised, certain) for which in (alone, both))
    return Counts(first, second, third, fourth, sum(one.seconds for one in each), masked.seconds)


def _sum(counts: Iterable[Counts]) -> Counts:
    each = [
        (one.alone, one.both, one.certain_alone, one.certain_both, one.seconds_alone, one.seconds) for one in counts
    ]
    return Counts(*(sum(values) for values in zip(*each, strict=True)))


def _text(rows: Iterable[list[str]]) -> str:
    (_, fine), (_, coarse) = scales.PROMISED
    head = [
        "montages",
        f"of the faces from {fine} px ({coarse} in larger pictures) that are covered in each photograph alone",
        f"of those from {CERTAIN} px",
        "CPU time beside that of the photographs",
    ]
    table = "\n".join("| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *rows])
    return f"`{MODEL}`; covered: {covered.COVERED:.0%} of the annotated box, by the default mask.\n\n{table}"


if __name__ == "__main__":
    main()
