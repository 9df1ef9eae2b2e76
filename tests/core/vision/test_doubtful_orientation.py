"""HEIC whose container states no orientation, but whose EXIF does: viewers disagree, so it is searched both ways."""

import numpy as np
import pytest

from core.contract.options import Detail, ResolvedDetectOptions
from core.contract.reports import Face
from core.pictures import images
from core.vision import finding
from tests import pictures
from tests.core.vision.fakes import KnownFaces, Pixels
from tests.pictures import MANY, WAYS

GREY, BRIGHT, MARK = 90, 250, (250, 10, 10)
SPOT = (20, 30, 44, 58)  # in the upright picture, of 160 × 96 pixels


class UprightSpots(KnownFaces):
    """Finds a bright spot in pictures with the mark at the upper left, and another face in all of them."""

    def seen(self, pixels: Pixels) -> list[Face]:
        others = super().seen(pixels)
        if pixels[4, 4, 2] < 200 or pixels[4, 4, 0] > 100:
            return others
        rows, columns = np.nonzero(pixels.min(axis=2) > 170)
        box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        return [Face(box=tuple(map(float, box)), confidence=0.7), *others]


def photo(orientation: int, container_states_it: bool) -> bytes:
    """A HEIC with EXIF's orientation; the container's own is relabelled as a property that changes nothing."""
    upright = np.full((96, 160, 3), GREY, np.uint8)
    upright[:8, :8] = MARK
    left, top, right, bottom = SPOT
    upright[top:bottom, left:right] = BRIGHT
    stored = pictures.stored(upright, orientation)
    data = pictures.file(stored, "heic", exif=pictures.exif(orientation), **WAYS["heic"])
    if container_states_it:
        return data
    return data.replace(b"irot", b"pasp").replace(b"imir", b"pasp")


@pytest.mark.parametrize("orientation", range(2, 9))
def test_face_is_found_where_it_is_stored(orientation: int) -> None:
    picture = images.decode(photo(orientation, container_states_it=False), MANY)
    assert picture.doubtful_orientation == orientation
    (face,) = finding.find(picture, ResolvedDetectOptions(), UprightSpots()).faces
    rows, columns = np.nonzero(picture.pixels.min(axis=2) > 170)
    expected = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert np.abs(np.array(face.box) - expected).max() <= 1


@pytest.mark.parametrize("detail", ["fast", "balanced", "thorough"])
def test_other_way_adds_to_the_first(detail: Detail) -> None:
    picture = images.decode(photo(6, container_states_it=False), MANY)
    detector = UprightSpots((50.0, 100.0, 90.0, 140.0), confidences=[0.9])
    both = finding.find(picture, ResolvedDetectOptions(detail=detail), detector).faces
    assert both[0].confidence == 0.9 and len(both) >= 2
    assert detector.asked[0].detail == ("balanced" if detail == "thorough" else detail)
    (first,) = finding.find(picture, ResolvedDetectOptions(max_faces=1), detector).faces
    assert first.confidence == 0.9


def test_stated_orientation_leaves_no_doubt() -> None:
    for data in (photo(6, container_states_it=True), photo(1, container_states_it=True)):
        picture = images.decode(data, MANY)
        detector = UprightSpots()
        assert picture.doubtful_orientation == 1
        assert len(finding.find(picture, ResolvedDetectOptions(), detector).faces) == 1 and len(detector.asked) == 1
