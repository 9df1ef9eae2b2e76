"""Fusion: passes that agree, boxes that become one, parts that go, scores that keep their meaning."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contract.reports import PassReport, Timings
from core.vision import boxes, fusion
from core.vision.candidates import Candidates
from core.vision.passes import PassResult, View

Row = tuple[float, float, float, float, float]
WIDTH, HEIGHT = 1000, 800

coordinates = st.integers(-50, 1050)
rows = st.tuples(coordinates, coordinates, st.integers(1, 400), st.integers(1, 400), st.floats(0.01, 1)).map(
    lambda row: (row[0], row[1], row[0] + row[2], row[1] + row[3], row[4])
)
some_passes = st.lists(st.lists(rows, max_size=8), min_size=1, max_size=4)


def sighting(*seen: Row, scale: float = 0.64, rot90: int = 0) -> PassResult:
    """What a pass saw. seen: left, top, right, bottom, score; its landmarks are the box's top left corner."""
    table = np.array(seen, np.float32).reshape(-1, 5)
    landmarks = np.repeat(table[:, None, :2], 5, axis=1)
    report = PassReport(name="main", input_size=(640, 512), inference_ms=1, candidates=len(seen))
    return PassResult(
        View("main", 640, rot90=rot90), Candidates(table[:, :4], table[:, 4], landmarks), scale, Timings(), report
    )


def fused(*sightings: PassResult, nms_threshold: float = 0.4) -> Candidates:
    return fusion.fuse(sightings, WIDTH, HEIGHT, nms_threshold)


def test_one_pass_is_plain_suppression() -> None:
    found = fused(sighting((100, 100, 200, 200, 0.8), (105, 100, 205, 200, 0.7), (500, 100, 560, 160, 0.9)))
    assert found.boxes.tolist() == [[500, 100, 560, 160], [100, 100, 200, 200]]
    assert found.scores.tolist() == pytest.approx([0.9, 0.8])


def test_agreeing_passes_are_surer() -> None:
    box = (100, 100, 200, 200)
    found = fused(sighting((*box, 0.4)), sighting((*box, 0.4), scale=1.2))
    assert found.scores.tolist() == pytest.approx([1 - 0.6 * (1 - fusion.NOISY_OR_WEIGHT * 0.4)])


def test_no_more_than_the_surest_passes_count() -> None:
    box = (100, 100, 200, 200)
    four = [sighting((*box, score)) for score in (0.3, 0.1, 0.2, 0.25)]
    assert fused(*four).scores[0] > fused(*four[:3]).scores[0]
    assert fused(*four, sighting((*box, 0.09))).scores.tolist() == fused(*four).scores.tolist()
    assert fused(*four, sighting((*box, 0.28))).scores[0] > fused(*four).scores[0]


def test_two_boxes_of_one_pass_are_one_opinion() -> None:
    box = (100, 100, 200, 200)
    twice = sighting((*box, 0.4), (*box, 0.4))
    assert fused(twice).scores.tolist() == pytest.approx([0.4])
    once = fused(sighting((*box, 0.6)), sighting((*box, 0.4)))
    assert fused(sighting((*box, 0.6)), twice, nms_threshold=1).scores[0] == pytest.approx(once.scores[0])


def test_support_is_how_many_boxes_of_the_best_pass_agree() -> None:
    many = sighting((100, 100, 200, 200, 0.4), (102, 100, 202, 200, 0.3), (98, 100, 198, 200, 0.2), scale=0.16)
    one = sighting((100, 100, 200, 200, 0.4), scale=0.16)
    common = dict(zip(*fusion.COMMON_SUPPORT, strict=True))[16]
    for passes, total in (((many,), 0.9), ((one,), 0.4), ((many, one), 0.9), ((one, many), 0.9)):
        (found,) = fused(*passes).faces()
        assert found.support == pytest.approx(total / common)


def test_support_does_not_depend_on_how_weak_boxes_are_read() -> None:
    seen = ((100.0, 100.0, 200.0, 200.0, 0.4), (102.0, 100.0, 202.0, 200.0, 0.04))
    supports = [fused(sighting(*rows)).faces()[0].support for rows in (seen, seen[:1])]
    assert supports[0] == supports[1]


def test_box_lies_between_opinions() -> None:
    found = fused(sighting((100, 100, 200, 200, 0.8)), sighting((110, 100, 210, 200, 0.4)))
    assert found.boxes[0].tolist() == pytest.approx([102, 100, 202, 200])


def test_neighbours_stay_apart() -> None:
    found = fused(sighting((100, 100, 200, 200, 0.8)), sighting((160, 100, 260, 200, 0.7)))
    assert found.scores.tolist() == pytest.approx([0.8, 0.7])


def test_surest_pass_gives_landmarks() -> None:
    found = fused(sighting((100, 100, 200, 200, 0.4)), sighting((110, 100, 210, 200, 0.8)))
    assert found.landmarks is not None and found.landmarks[0].tolist() == [[110, 100]] * 5


def test_whole_face_is_kept_over_its_parts() -> None:
    whole = sighting((100, 50, 800, 780, 0.7), scale=0.192)
    parts = sighting((350, 300, 700, 600, 0.9), (400, 320, 520, 430, 0.5))
    found = fused(parts, whole)
    assert found.boxes.tolist() == [[100, 50, 800, 780]]
    assert found.scores.tolist() == pytest.approx([0.9])


def test_face_behind_a_large_one_is_kept() -> None:
    large = sighting((100, 50, 800, 780, 0.9), scale=0.192)
    found = fused(sighting((120, 60, 200, 150, 0.8)), large)
    assert len(found) == 2


def test_small_face_in_front_of_one_that_is_seen_whole_is_kept() -> None:
    found = fused(sighting((100, 100, 400, 400, 0.9), (200, 200, 260, 260, 0.8)))
    assert len(found) == 2


def test_doubtful_large_box_takes_no_face_away() -> None:
    doubtful = sighting((100, 50, 800, 780, 0.3), scale=0.192)
    found = fused(sighting((350, 300, 550, 500, 0.9)), doubtful)
    assert [350, 300, 550, 500] in found.boxes.tolist()


def test_turned_pass_moves_no_upright_face() -> None:
    upright = [sighting((100, 100, 200, 200, 0.6))] * 2
    found = fused(*upright, sighting((130, 90, 230, 190, 0.9), rot90=1))
    assert found.boxes.tolist() == [[100, 100, 200, 200]]


def test_turned_pass_adds_a_lying_face() -> None:
    upright = [sighting((100, 100, 200, 200, 0.1))] * 2
    found = fused(*upright, sighting((130, 90, 230, 190, 0.9), (500, 300, 600, 400, 0.7), rot90=1))
    assert found.boxes.tolist() == [[130, 90, 230, 190], [500, 300, 600, 400]]


@given(some_passes, st.floats(0.01, 1))
def test_answer_is_distinct_sorted_and_inside(passes: list[list[Row]], threshold: float) -> None:
    found = fused(*(sighting(*seen) for seen in passes), nms_threshold=threshold)
    assert (np.diff(found.scores) <= 0).all() and (found.scores <= 1).all()
    assert (found.boxes >= 0).all() and (found.boxes <= [WIDTH, HEIGHT, WIDTH, HEIGHT]).all()
    for place, box in enumerate(found.boxes):
        assert (boxes.iou(box, found.boxes[place + 1 :]) <= threshold).all()


@given(some_passes)
def test_no_pass_makes_another_less_sure(passes: list[list[Row]]) -> None:
    found = fused(*(sighting(*seen) for seen in passes))
    best = max((row[4] for seen in passes for row in seen if _visible(row)), default=0)
    assert found.scores.max(initial=0) >= np.float32(best) - 1e-6


@given(some_passes)
def test_scores_ignore_what_is_below_the_floor(passes: list[list[Row]]) -> None:
    low = [[row for row in seen if row[4] >= fusion.MIN_EVIDENCE] for seen in passes]
    every, fewer = (fused(*(sighting(*seen) for seen in some)) for some in (passes, low))
    sure = every.take(every.scores >= fusion.MIN_EVIDENCE)
    assert np.allclose(sure.scores, fewer.scores) and np.allclose(sure.boxes, fewer.boxes)


def _visible(row: Row) -> bool:
    return row[0] < WIDTH and row[1] < HEIGHT and row[2] > 0 and row[3] > 0


def test_floor_goes_no_higher_than_asked() -> None:
    assert fusion.min_score(0.5) == fusion.min_score(0.2) == fusion.MIN_EVIDENCE
    assert fusion.min_score(0.01) == 0.01


@pytest.mark.parametrize("place", [0, 1])
def test_pass_without_candidates_changes_nothing(place: int) -> None:
    seen = sighting((100, 100, 200, 200, 0.8), (105, 100, 205, 200, 0.7), (500, 100, 560, 160, 0.9))
    passes = [seen]
    passes.insert(place, sighting(scale=0.2))
    alone, both = fused(seen), fused(*passes)
    for name in ("boxes", "scores", "landmarks", "support"):
        np.testing.assert_array_equal(getattr(both, name), getattr(alone, name), strict=True)


def test_nothing_found_in_any_pass_is_nothing() -> None:
    found = fused(sighting(), sighting(scale=0.2))
    assert len(found) == 0 and found.faces() == ()
    assert found.boxes.shape == (0, 4) and found.landmarks is not None and found.landmarks.shape == (0, 5, 2)
