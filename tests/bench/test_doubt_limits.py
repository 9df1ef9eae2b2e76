"""Limits of doubtful faces are derived from what a search found in annotated pictures, and written to the manifest."""

from pathlib import Path

import numpy as np

from core.contract.reports import Face
from core.vision.doubts import DoubtLimits
from core.weights import manifest
from tests.bench import covered, doubt_limits
from tests.bench.scenes import Found, Scene, boxes


def found(*faces: tuple[float, float, bool], sure: int = 0) -> Found:
    """Make what a search found: side, confidence, and whether somebody is there; and so many sure faces."""
    rows = sorted([*faces, *[(40.0, 0.9, True)] * sure], key=lambda row: -row[1])
    made = [
        Face(box=(200.0 * at, 0.0, 200.0 * at + side, side), confidence=confidence)
        for at, (side, confidence, _) in enumerate(rows)
    ]
    real = boxes(face for face, (_, _, somebody) in zip(made, rows, strict=True) if somebody)
    overlap = np.array([[float(face.box == tuple(one)) for one in real] for face in made]).reshape(len(made), len(real))
    return Found(Scene(Path("a.jpg"), real, np.arange(len(real))), (9999, 200), tuple(made), overlap)


def test_limit_lies_between_faces_and_what_is_none() -> None:
    search = [found((40, 0.42, True)), found((40, 0.3, False), (40, 0.31, False))]
    limits = doubt_limits.derived(search)
    assert limits.few[2] == 0.42
    assert limits.few[1] == doubt_limits.HIGHEST


def test_masks_that_cost_more_than_they_cover_lower_no_limit() -> None:
    nothing = [(40.0, 0.46, False)] * 5
    limits = doubt_limits.derived([found((40, 0.42, True), *nothing, (150, 0.43, False))])
    assert limits.few == (doubt_limits.HIGHEST,) * 3 + (doubt_limits.HIGHEST_LARGE,) * 2


def test_larger_face_is_worth_more() -> None:
    nothing = [(100.0, 0.46, False)] * 3
    small = [(40.0, 0.46, False)] * 3
    assert doubt_limits.derived([found((100, 0.42, True), *nothing)]).few[3] <= 0.42
    assert doubt_limits.derived([found((40, 0.42, True), *small)]).few[2] == doubt_limits.HIGHEST


def test_limits_never_rise_with_size_nor_in_crowds() -> None:
    limits = doubt_limits.derived([found((20, 0.3, True)), found((100, 0.2, False), sure=20)])
    assert limits.few[1] <= 0.3
    for row in (limits.few, limits.crowd):
        assert list(row) == sorted(row, reverse=True)
    assert all(crowd <= few for few, crowd in zip(limits.few, limits.crowd, strict=True))


def test_crowd_has_limits_of_its_own() -> None:
    limits = doubt_limits.derived([found((40, 0.3, True), sure=20)])
    assert limits.crowd[2] <= 0.3
    assert limits.few[2] == doubt_limits.HIGHEST


def test_faces_are_dearer_until_enough_of_them_are_covered() -> None:
    nothing = [(40.0, 0.46, False)] * 4
    crowd = found((40, 0.42, True), *nothing, sure=20)
    assert doubt_limits.derived([crowd]).crowd[2] == doubt_limits.HIGHEST
    few_found = [found((40, 0.42, True), *nothing, (40, 0.1, True), (40, 0.1, True), (40, 0.1, True), sure=8)]
    assert doubt_limits.derived(few_found).crowd[2] == 0.42


def test_coverage_with_and_without_doubtful_faces() -> None:
    search = [found((40, 0.42, True), (40, 0.41, False), sure=3)]
    limits = DoubtLimits((), (0.4,), (0.4,))
    before, after = (covered.measured(search, doubtful, limits) for doubtful in ("leave", "mask"))
    assert (before.of_hard(), before.needless_a_picture()) == (0.75, 0)
    assert (after.of_hard(), after.needless_a_picture()) == (1, 1)


def test_limits_are_measured_in_pictures_that_they_are_not_derived_from() -> None:
    likely, unlikely = found((40, 0.42, True), sure=3), found((40, 0.3, True), sure=3)
    crossed = doubt_limits.crossed([likely, unlikely])
    # What the unlikely one lowers the limits to covers the likely one, but not the other way round.
    assert crossed.of_hard() == 0.875
    assert crossed.annotated == [4, 4]


def test_limits_of_one_model_are_written() -> None:
    limits = DoubtLimits((16, 32, 64, 128), (0.41,) * 5, (0.21,) * 5)
    changed = doubt_limits.in_manifest(manifest.MANIFEST.read_text(), "scrfd_500m", limits)
    before, after = manifest.MANIFEST.read_text().splitlines(), changed.splitlines()
    assert [line for line in after if line not in before] == [
        "doubt_few = [0.41, 0.41, 0.41, 0.41, 0.41]",
        "doubt_crowd = [0.21, 0.21, 0.21, 0.21, 0.21]",
    ]
    assert len(before) == len(after)


def test_written_limits_are_those_of_the_model(tmp_path: Path) -> None:
    limits = DoubtLimits((8, 16), (0.41,) * 3, (0.21,) * 3)
    path = tmp_path / "manifest.toml"
    path.write_text(doubt_limits.in_manifest(manifest.MANIFEST.read_text(), "centerface", limits))
    entry = manifest.entry("centerface", path)
    assert DoubtLimits(entry.doubt_sides, entry.doubt_few, entry.doubt_crowd) == limits


def test_large_faces_are_masked_where_nothing_speaks_against_it() -> None:
    limits = doubt_limits.derived([found((150, 0.42, True), (150, 0.3, False), (90, 0.31, False))])
    assert limits.few[3:] == (0.32, 0.31)
    silent = doubt_limits.derived([found((40, 0.42, True))])
    assert silent.few[3:] == silent.crowd[3:] == (doubt_limits.LOWEST_LARGE,) * 2


def test_empty_box_annotates_no_face() -> None:
    boxes_of = [np.zeros((0, 4)), np.zeros((1, 4)), np.array([[0.0, 0.0, 0.0, 0.0], [5.0, 5.0, 9.0, 9.0]])]
    assert [Scene(Path("a.jpg"), one, np.arange(0)).annotated for one in boxes_of] == [False, False, True]
