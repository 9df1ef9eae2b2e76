"""How many faces are found, by their size and by how closely a picture is searched; how many masks hide nothing."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from tests.bench.scenes import SAME, Boxes, Found

# Lower bounds of the classes: pixels of a face's longer side, and its share of the picture's longer side.
PIXELS = (0, 16, 32, 64, 128, 256)
SHARES = (0, 0.01, 0.02, 0.04, 0.08, 0.16)
WORST = 12


@dataclass
class Recall:
    """What one search found over many pictures. found, sides, shares: an entry for each face that counts."""

    found: list[bool] = field(default_factory=list)
    sides: list[float] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    nothing: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    missed: list[tuple[float, Path, Boxes]] = field(default_factory=list)

    def by(self, values: list[float], bounds: tuple[float, ...]) -> list[tuple[int, float | None]]:
        """Return for each class the number of faces and the share of them that was found."""
        classes = np.searchsorted(bounds, values, side="right") - 1
        hits = np.array(self.found, float)
        sizes = [int((classes == one).sum()) for one in range(len(bounds))]
        return [(size, float(hits[classes == one].mean()) if size else None) for one, size in enumerate(sizes)]


def measured(search: Iterable[Found]) -> Recall:
    """Compare what a search found with what is annotated."""
    reported = Recall()
    for found in search:
        scene, sides = found.scene, found.scene.sides
        reported.seconds.append(found.seconds)
        reported.nothing.append(int(found.needless.sum()))
        for index in scene.counted:
            hit = bool((found.overlap[:, index] >= SAME).any())
            side = float(sides[index])
            reported.found.append(hit)
            reported.sides.append(side)
            reported.shares.append(side / max(found.size))
            if not hit:
                reported.missed.append((side, scene.path, scene.faces[index]))
    return reported


def write_worst(reported: Recall, folder: Path) -> int:
    """Write cut-outs of the largest faces that were missed, and return how many."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.jpg"):
        old.unlink()
    worst = sorted(reported.missed, key=lambda one: -one[0])[:WORST]
    for number, (side, path, box) in enumerate(worst, 1):
        pixels = np.asarray(cv2.imread(str(path)), np.uint8)
        left, top, right, bottom = (int(edge) for edge in box)
        cv2.rectangle(pixels, (left, top), (right, bottom), (0, 0, 255), 2)
        around = int(2 * side)
        part = pixels[max(0, top - around) : bottom + around, max(0, left - around) : right + around]
        cv2.imwrite(str(folder / f"{number:02}-{side:.0f}px-{path.stem}.jpg"), part)
    return len(worst)
