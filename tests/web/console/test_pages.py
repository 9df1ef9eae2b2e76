"""The parts of pages: form fields, charts, formatted numbers, pagination, overlays, caches."""

from datetime import UTC, datetime, timedelta

import pytest

from core.contract.options import MaskOptions
from core.database.pages import Page
from core.records.timelines import TimeBucket
from web.console import charts, fields, formats, overlays, pagination

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def test_every_option_of_a_mask_is_in_one_group() -> None:
    groups = fields.groups()
    names = [option.name for group in groups.values() for option in group]
    assert sorted(names) == sorted(MaskOptions.model_fields)
    assert {"confidence", "max_faces"} <= {option.name for option in groups["detection"]}


@pytest.mark.parametrize(
    ("top", "expected"),
    [
        (0, 1),
        (1, 1),
        (2, 2),
        (3, 4),
        (5, 6),
        (7, 10),
        (11, 20),
        (99, 100),
        (1001, 2000),
    ],
)
def test_scale_ends_above_the_tallest_bar(top: int, expected: int) -> None:
    chart = charts.draw([TimeBucket(NOON, {"mask": top}, 0, 0)], 1)
    assert chart.grid_lines[-1].value == expected


def test_bar_heights_add_up() -> None:
    hours = [TimeBucket(NOON + timedelta(hours=number), {"mask": number, "detect": 1}, 2, 5) for number in range(4)]
    chart = charts.draw(hours, 2)
    assert [bar.total for bar in chart.bars] == [3, 4, 5, 6]
    plot_height = chart.height - chart.bottom_margin - 8
    for bar in chart.bars:
        assert sum(segment.height for segment in bar.segments) == pytest.approx(plot_height * bar.total / 6, abs=0.1)
        assert min(segment.y for segment in bar.segments) >= 0
    assert all(one.x + one.slot <= other.x + 0.5 for one, other in zip(chart.bars, chart.bars[1:], strict=False))
    assert chart.bars[-1].x + chart.bar_width <= chart.width


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "–"),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 KB"),
        (99_949, "99.9 KB"),
        (123_456, "123 KB"),
        (999_499, "999 KB"),
        (999_600, "1.0 MB"),
        (5 * 10**15, "5.0 PB"),
        (10**19, "10000 PB"),
    ],
)
def test_sizes_are_short(value: int | None, expected: str) -> None:
    assert formats.size(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "–"),
        (0.44, "0.4 ms"),
        (99.94, "99.9 ms"),
        (250.4, "250 ms"),
        (12_345, "12.3 s"),
    ],
)
def test_times_are_short(value: float | None, expected: str) -> None:
    assert formats.milliseconds(value) == expected


def test_pass_is_told_in_a_line() -> None:
    one = {"name": "main", "input_size": [640, 480], "inference_ms": 12.34, "candidates": 3}
    assert formats.search_pass(one) == "main 640 × 480 px, 12.3 ms"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (None, "–"),
        (0.2, "0 s"),
        (59.4, "59 s"),
        (61, "1 min 1 s"),
        (7325, "2 h 2 min"),
    ],
)
def test_durations_have_two_units(seconds: float | None, expected: str) -> None:
    assert formats.duration(seconds) == expected


@pytest.mark.parametrize(
    ("page", "pages", "expected"),
    [
        (1, 1, [1]),
        (1, 9, [1, 2, 3, None, 9]),
        (5, 9, [1, None, 3, 4, 5, 6, 7, None, 9]),
        (9, 9, [1, None, 7, 8, 9]),
        (40, 9, [1, None, 9]),
    ],
)
def test_pager_links_to_the_ends_and_around(page: int, pages: int, expected: list[int | None]) -> None:
    assert pagination.pager(Page([], pages * 10, page, 10)).numbers == expected


def test_unknown_detection_shapes_are_skipped() -> None:
    face = {"bbox": {"x1": 1, "y1": 2, "x2": 4, "y2": 8}, "confidence": 0.5, "review": True}
    boxes = overlays.face_boxes([{"old": "shape"}, {"bbox": [1, 2, 3, 4]}, "no face", face])
    assert [(box.index, box.width, box.height, box.doubtful) for box in boxes] == [(3, 3, 6, True)]
    assert overlays.face_boxes(None) == overlays.face_boxes({"a": 1}) == []
