"""What the masks of a clip cover of its faces, how smoothly they move, and what they cover needlessly."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from tests.bench.clips import FPS, Truth, Values

SMALLEST = 32  # pixels; the longer side of the faces that count
VISIBLE = 0.5  # of a face; one that is hidden more than this, or outside of the frame, does not count
COVERED = 0.8  # of the part of its box that is in the frame
GRID = 24  # points of a box a side, at which it is looked up whether a mask covers it
SAME = 0.1  # IoU of a mask with the face that it covers
NOTHING = 0.15  # a mask that overlaps no annotated face by this much is needless
SOON_S = 0.1  # after it has come into sight, from when on a face must be covered without a gap


@dataclass(frozen=True)
class Masks:
    """The masks of one frame. boxes: (n, 4), cut to the frame; oval: whether each is the ellipse in its box."""

    boxes: Values
    oval: bool = False

    def share_covered(self, face: Values) -> float:
        x, y = np.meshgrid(*(np.linspace(face[axis], face[axis + 2], GRID) for axis in (0, 1)))
        inside = np.zeros(x.shape, bool)
        for left, top, right, bottom in self.boxes:
            if self.oval:
                across, down = (2 * x - left - right) / (right - left), (2 * y - top - bottom) / (bottom - top)
                inside |= across**2 + down**2 <= 1
            else:
                inside |= (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
        return float(inside.mean())

    def over(self, face: Values) -> Values | None:
        """Return the mask that a face has, or that another mask becomes: the one that overlaps it most."""
        overlap = iou(face, self.boxes)
        return self.boxes[overlap.argmax()] if overlap.max(initial=0) > SAME else None


@dataclass
class Result:
    """What was measured. covered: an entry for each face in each frame; late: how many frames were uncovered of those
    that were more than SOON_S after an appearance began.

    appearances: whether each, an uninterrupted sight of one face, was covered in all frames; places, sizes: of a mask
    from frame to frame, the part of the change that its face did not make, in sides of the face; needless: masks;
    unseen: frames of faces that are covered in no frame of a clip.
    """

    frames: int = 0
    covered: list[bool] = field(default_factory=list)
    late: int = 0
    appearances: list[bool] = field(default_factory=list)
    unseen: int = 0
    places: list[float] = field(default_factory=list)
    sizes: list[float] = field(default_factory=list)
    needless: int = 0

    def add(self, truths: Sequence[Truth], masks: Sequence[Masks]) -> None:
        """Compare the masks of a clip with what is true of it."""
        self.frames += len(truths)
        for face in range(len(truths[0].visible)):
            boxes, before = [_counted(truth, face) for truth in truths], len(self.covered)
            for first, last in _runs([box is not None for box in boxes]):
                self._add_appearance([box for box in boxes[first:last] if box is not None], masks[first:last])
            if not any(self.covered[before:]):
                self.unseen += len(self.covered) - before
        for truth, there in zip(truths, masks, strict=True):
            faces = np.vstack([truth.boxes[truth.visible > 0], truth.ignored])
            self.needless += sum(iou(mask, faces).max(initial=0) < NOTHING for mask in there.boxes)

    def _add_appearance(self, boxes: Sequence[Values], masks: Sequence[Masks]) -> None:
        covered = [there.share_covered(box) >= COVERED for box, there in zip(boxes, masks, strict=True)]
        self.covered += covered
        self.late += covered[round(SOON_S * FPS) :].count(False)
        self.appearances.append(all(covered))
        for number in range(1, len(boxes)):
            before = masks[number - 1].over(boxes[number - 1])
            now = None if before is None else masks[number].over(before)
            if before is not None and now is not None:
                side = float((boxes[number][2:] - boxes[number][:2]).max())
                for changes, measure in ((self.places, _centre), (self.sizes, _size)):
                    own = measure(boxes[number]) - measure(boxes[number - 1])
                    changes.append(_beyond(measure(now) - measure(before), own) / side)

    @property
    def share(self) -> float:
        return float(np.mean(self.covered))

    @property
    def spoilt(self) -> float:
        """The share of appearances with an uncovered frame."""
        return 1 - float(np.mean(self.appearances))


def _counted(truth: Truth, face: int) -> Values | None:
    """Return the box of a face in a frame in which it counts."""
    box = truth.boxes[face]
    large = (box[2:] - box[:2]).max() >= SMALLEST
    return box if large and truth.visible[face] >= VISIBLE else None


def _runs(flags: Iterable[bool]) -> list[tuple[int, int]]:
    """Return the beginning and the end of every run of true flags."""
    edges = np.flatnonzero(np.diff(np.array([False, *flags, False]).astype(int)))
    return [(first, last) for first, last in edges.reshape(-1, 2).tolist()]


def _centre(box: Values) -> Values:
    return (box[:2] + box[2:]) / 2


def _size(box: Values) -> Values:
    return box[2:] - box[:2]


def _beyond(change: Values, own: Values) -> float:
    """Return how far a mask's change is from any share of the face's own: it may follow the face, or stand still."""
    length = float(own @ own)
    share = min(1.0, max(0.0, float(change @ own) / length)) if length else 0.0
    return float(np.hypot(*(change - share * own)))


def iou(box: Values, others: Values) -> Values:
    """Return the IoU of one box, (4,), with others, (n, 4)."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    shared = np.maximum(sides, 0).prod(axis=1)
    union = (box[2:] - box[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(axis=1) - shared
    return np.asarray(shared / np.maximum(union, 1e-9))
