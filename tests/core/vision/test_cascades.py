"""Cascades: where a finer pass looks, and that it finds there what it finds in all of the picture."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from core import config
from core.contract.options import ResolvedDetectOptions
from core.contract.reports import Detections, PassReport, Timings
from core.vision import boxes, cascades
from core.vision.candidates import Candidates
from core.vision.cascades import Section
from core.vision.detector import OnnxDetector
from core.vision.passes import PassResult, View
from core.vision.searches import Search
from tests import detectors
from tests.pictures import astronaut

Pixels = NDArray[np.uint8]
Box = tuple[float, float, float, float]
BALANCED = ResolvedDetectOptions(detail="balanced", confidence=0.4)


@pytest.fixture(scope="module")
def finder(model: tuple[str, Path]) -> OnnxDetector:
    name, folder = model
    return detectors.load(config.read(model=name, weights_dir=folder, inference_threads=1))


def shown(faces: Sequence[Box], score: float, scale: float) -> PassResult:
    """The result of a pass that shows some boxes."""
    found = np.array(faces, np.float32).reshape(-1, 4)
    report = PassReport(name="main", input_size=(640, 480), inference_ms=1, candidates=len(found))
    candidates = Candidates(found, np.full(len(found), score, np.float32), None)
    return PassResult(View("main", 640), candidates, scale, Timings(), report)


def planned(faces: Sequence[Box], score: float = 0.1, width: int = 1000, height: int = 750) -> list[Section]:
    """Where a pass looks whose input is 1.5 times the picture, after one of 640 pixels."""
    parts = cascades.parts([shown(faces, score, 640 / width)], width, height, 1.5)
    return [Section((0, 0, width, height), (-np.inf, -np.inf, np.inf, np.inf))] if parts is None else parts


def area(parts: Sequence[Section]) -> int:
    return sum((part.area[2] - part.area[0]) * (part.area[3] - part.area[1]) for part in parts)


PLACES = st.tuples(st.integers(0, 960), st.integers(0, 710), st.integers(4, 160), st.integers(4, 200))


@given(st.lists(PLACES, max_size=12))
def test_each_box_is_whole_in_the_part_that_counts_it(places: list[tuple[int, int, int, int]]) -> None:
    faces = [(x, y, min(1000, x + wide), min(750, y + high)) for x, y, wide, high in places]
    parts = planned(faces)
    margin = (cascades.CONTEXT - 2) / 1.5
    for left, top, right, bottom in faces:
        x, y = (left + right) / 2, (top + bottom) / 2
        (owner,) = (one for one in parts if one.own[0] <= x < one.own[2] and one.own[1] <= y < one.own[3])
        assert owner.area[0] <= max(0, left - margin) and owner.area[1] <= max(0, top - margin)
        assert owner.area[2] >= min(1000, right + margin) and owner.area[3] >= min(750, bottom + margin)
    assert area(parts) <= 1000 * 750


def test_nothing_is_looked_at_where_nothing_is() -> None:
    assert planned([]) == []
    assert planned([(100, 100, 120, 120)], score=0.04) == []


def test_one_face_in_a_corner_takes_a_small_part() -> None:
    assert 0 < area(planned([(30, 600, 55, 630)])) < 0.02 * 1000 * 750


def test_far_faces_are_looked_at_one_by_one_and_near_ones_together() -> None:
    assert len(planned([(30, 600, 55, 630), (900, 30, 930, 60)])) == 2
    assert len(planned([(30, 600, 55, 630), (65, 600, 90, 630)])) == 1


def test_crowd_is_looked_at_as_a_whole() -> None:
    crowd = [(x, y, x + 20, y + 25) for x in range(0, 1000, 40) for y in range(0, 750, 50)]
    assert cascades.parts([shown(crowd, 0.1, 0.64)], 1000, 750, 1.5) is None


def test_clear_face_needs_no_second_look() -> None:
    large, small = (300, 300, 380, 400), (300, 300, 330, 335)
    assert planned([large], score=0.9) == [] != planned([large], score=0.6)
    assert planned([small], score=0.9) != []


def test_box_that_a_finer_pass_would_not_count_is_left_out() -> None:
    assert planned([(200, 200, 600, 700)], score=0.6) == []


@pytest.mark.parametrize(
    ("width", "height"), [(1024, 768), (2000, 1500), (4000, 3000), (9000, 900), (20_000, 400), (7000, 7000)]
)
def test_some_pass_over_everything_shows_promised_faces_half_as_large(width: int, height: int) -> None:
    whole = np.zeros((height // 20, width // 20))

    def run_pass(view: View) -> PassResult:
        left, top, right, bottom = view.area or (0, 0, width, height)
        scale = view.size / max(right - left, bottom - top)
        place = whole[top // 20 : -(-bottom // 20), left // 20 : -(-right // 20)]
        np.maximum(place, scale, out=place)
        return shown([(5, 5, 12, 12)], 0.3, scale)

    Search("balanced", 640, 2.5, 22, upright=True).run(run_pass, width, height)
    promised = 32 if width * height < 13_500_000 else 48
    assert whole.min() * promised >= 10.9
    assert whole.max() / whole.min() <= 2.9
    assert whole.max() * promised >= 21.9


# --- with a model ------------------------------------------------------------------------------------


def find(finder: OnnxDetector, pixels: Pixels, *, everywhere: bool = False) -> Detections:
    if not everywhere:
        return finder.find(pixels, BALANCED)
    with pytest.MonkeyPatch.context() as patch:
        plan = finder._search

        def closely(*how: object, **more: object) -> Search:
            return dataclasses.replace(plan(*how, **more), everywhere=True)  # type: ignore[arg-type]

        patch.setattr(finder, "_search", closely)
        return finder.find(pixels, BALANCED)


def work(found: Detections) -> int:
    return sum(width * height for width, height in (one.input_size for one in found.passes))


def portrait(side: int) -> Pixels:
    """The astronaut's head, so small that the face's longer side is `side`."""
    head = cv2.cvtColor(astronaut(), cv2.COLOR_RGB2BGR)[0:260, 80:360]
    return np.asarray(cv2.resize(head, None, fx=side / 116, fy=side / 116, interpolation=cv2.INTER_AREA), np.uint8)


def with_portrait(width: int, height: int, head: Pixels, at: tuple[int, int]) -> Pixels:
    """A smooth, bright sky with a head in it."""
    column = np.linspace(150, 235, height)[:, None, None] + np.zeros((1, width, 3))
    pixels = np.ascontiguousarray(column.astype(np.uint8))
    x, y = at
    pixels[y : y + head.shape[0], x : x + head.shape[1]] = head
    return pixels


def test_face_in_an_empty_picture_costs_little_and_is_found(finder: OnnxDetector) -> None:
    pixels = with_portrait(1200, 900, portrait(34), (30, 780))
    ours, all_of_it = find(finder, pixels), find(finder, pixels, everywhere=True)
    assert len(ours.faces) == len(all_of_it.faces) == 1
    assert work(ours) < 0.4 * work(all_of_it)


@pytest.mark.parametrize(("width", "height", "side"), [(4000, 3000, 33), (2400, 1800, 33), (8000, 800, 33)])
def test_face_that_the_main_pass_hardly_shows_is_found(
    finder: OnnxDetector, width: int, height: int, side: int
) -> None:
    blurred = np.asarray(cv2.GaussianBlur(portrait(side), (0, 0), side / 30), np.uint8)
    for at in ((17, 23), (width // 2 + 5, height // 3), (width - 120, height - 120)):
        found = find(finder, with_portrait(width, height, blurred, at)).faces
        assert any(face.box[0] >= at[0] - 5 and face.box[2] <= at[0] + blurred.shape[1] + 5 for face in found)


@pytest.mark.parametrize(("columns", "rows", "size"), [(13, 1, (800, 1000)), (4, 4, (1000, 750)), (2, 2, (700, 500))])
def test_all_faces_of_a_crowd_are_found(
    finder: OnnxDetector, shared_data: Path, columns: int, rows: int, size: tuple[int, int]
) -> None:
    photographs = sorted((shared_data / "wider" / "images").rglob("*.jpg"))[::11]
    read = [np.asarray(cv2.imread(str(path)), np.uint8) for path in photographs]
    tiles = [cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in read]
    lines = [np.hstack(tiles[row * columns : (row + 1) * columns]) for row in range(rows)]
    pixels = np.asarray(np.vstack(lines), np.uint8)
    ours, all_of_it = find(finder, pixels).faces, find(finder, pixels, everywhere=True).faces
    found = np.array([face.box for face in ours], np.float32)
    sure = [face for face in all_of_it if face.confidence >= 0.5]
    lost = [face for face in sure if boxes.iou(np.array(face.box, np.float32), found).max() < 0.4]
    assert len(sure) > 20
    assert len(lost) <= 0.02 * len(sure)
