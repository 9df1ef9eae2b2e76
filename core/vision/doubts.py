"""Which faces below the asked confidence are likely enough, for their size, to be masked all the same.

The larger a face, the more it identifies, and the rarer a false one. Where many faces are sure, a doubtful one among
them is more likely a face too. And where there is a face, a pass puts many boxes: those of a small doubtful one are
counted.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.contract.options import ResolvedMaskOptions
from core.contract.reports import Face

CROWD = 8  # sure faces; chosen: from here on a picture is a crowd
# A face is a near miss when its likelihood is less than this below its limit. chosen: about one in three of them is
# a face
NEAR = 0.05
# chosen: the longer side of a near miss that a person should look at; in crowds there are many smaller ones
NEAR_MISS_PX = 32
# chosen: whoever asks for the closest search wants every face from here on masked, and looks at them
THOROUGH = 0.25
# chosen: below this confidence hardly anything is a face
LEAST = 0.15
# measured (WIDER FACE, three models): how many boxes agree tells small faces from what is none, and nothing about those
# whose longer side is from here on
COUNTED_PX = 64


@dataclass(frozen=True)
class DoubtLimits:
    """The least likelihood of a doubtful face, by its longer side in pixels of the picture.

    sides: the upper bounds of all size classes but the last; few, crowd: one limit for each class, for pictures with
    few sure faces, and for crowds.
    """

    sides: tuple[int, ...]
    few: tuple[float, ...]
    crowd: tuple[float, ...]

    def for_face(self, face: Face, sure: int) -> float:
        """Return the limit for a face of a picture with so many sure ones."""
        limits = self.crowd if sure >= CROWD else self.few
        return limits[sum(longer_side(face) >= side for side in self.sides)]


@dataclass(frozen=True)
class Judged:
    """The faces of a search by what is done with them. sure and doubtful are masked; near_misses are not."""

    sure: tuple[Face, ...]
    doubtful: tuple[Face, ...]
    near_misses: tuple[Face, ...]


def least_confidence(options: ResolvedMaskOptions) -> float:
    """Return the least confidence of the faces that have to be judged."""
    if options.doubtful == "leave":
        return options.confidence
    lowest = LEAST if options.review_confidence is None else max(0.01, options.review_confidence - NEAR)
    return min(options.confidence, lowest)


# measured (scrfd_2.5g, 215 pictures, cross-validated): where this covers 88 % of WIDER's hard faces, 2.1 masks a
# picture are needless. With boosted trees over 75 features of the same passes (landmarks, sizes of neighbours, colours)
# it is 2.2, with those of seven more passes 1.8; with one pass more, 1.6 times as fine, over the doubtful ones alone it
# is 1.7, and a mask takes a sixth longer
def likelihood(face: Face) -> float:
    """Return how likely a doubtful face is one: its confidence, weighed with its support where it is small."""
    if face.support is None or longer_side(face) >= COUNTED_PX:
        return face.confidence
    return face.confidence * math.sqrt(face.support)


def _above_limit(face: Face, sure: int, options: ResolvedMaskOptions, limits: DoubtLimits) -> float:
    """Return by how much a doubtful face is more likely than it has to be; below 0 where it is less."""
    if options.review_confidence is not None:
        return face.confidence - options.review_confidence
    above = likelihood(face) - limits.for_face(face, sure)
    return max(above, face.confidence - THOROUGH) if options.detail == "thorough" else above


def judge(faces: Sequence[Face], options: ResolvedMaskOptions, limits: DoubtLimits) -> Judged:
    """Judge faces, sorted by falling confidence, that were found with `least_confidence`."""
    sure = tuple(face for face in faces if face.confidence >= options.confidence)
    if options.doubtful == "leave":
        return Judged(sure, (), ())
    doubtful, near_misses = [], []
    for face in faces[len(sure) :]:
        above = _above_limit(face, len(sure), options, limits)
        if above >= 0:
            doubtful.append(face.model_copy(update={"review": True}))
        elif above >= -NEAR and longer_side(face) >= NEAR_MISS_PX:
            near_misses.append(face)
    return Judged(sure, tuple(doubtful), tuple(near_misses))


def longer_side(face: Face) -> float:
    x1, y1, x2, y2 = face.box
    return max(x2 - x1, y2 - y1)
