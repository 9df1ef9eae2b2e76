"""What pages are made of: forms from models, charts from sums, numbers in words, addresses of pages."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from core.contract.options import MaskOptions
from core.database.pages import Page
from core.records.timelines import TimeBucket
from web.console import charts, fields, formats, overlays, pagination

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


class Options(BaseModel):
    """Options of every kind that there may be one day."""

    kind: Annotated[Literal["a", "b"], Field(description="Which.")] = "b"
    perhaps: Literal["x", "y"] | None = None
    count: Annotated[int, Field(ge=1, le=9)] = 3
    share: Annotated[float, Field(ge=0.5)] = 0.75
    check: bool | None = None
    word: str = "plain"


def test_every_kind_of_option_has_a_field() -> None:
    kind, perhaps, count, share, check, word = fields.of(Options)
    assert (kind.kind, kind.choices, kind.default, kind.optional, kind.meaning) == (
        "choice",
        ("a", "b"),
        "b",
        False,
        "Which.",
    )
    assert (perhaps.kind, perhaps.choices, perhaps.default, perhaps.optional) == ("choice", ("x", "y"), None, True)
    assert (count.kind, count.least, count.most, count.step, count.default) == ("whole", 1, 9, "1", 3)
    assert (share.kind, share.least, share.most, share.step) == ("fraction", 0.5, None, "0.01")
    assert (check.kind, check.optional, check.default) == ("switch", True, None)
    assert (word.kind, word.default) == ("text", "plain")


def test_every_option_of_a_mask_is_in_one_group() -> None:
    groups = fields.groups()
    names = [field.name for group in groups.values() for field in group]
    assert sorted(names) == sorted(MaskOptions.model_fields)
    assert {"confidence", "max_faces"} <= {field.name for field in groups["finding"]}


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
    assert chart.lines[-1].value == expected


def test_bars_hold_what_they_say() -> None:
    hours = [TimeBucket(NOON + timedelta(hours=number), {"mask": number, "detect": 1}, 2, 5) for number in range(4)]
    chart = charts.draw(hours, 2)
    assert [bar.total for bar in chart.bars] == [3, 4, 5, 6]
    tall = chart.height - chart.foot - 8
    for bar in chart.bars:
        assert sum(part.height for part in bar.parts) == pytest.approx(tall * bar.total / 6, abs=0.1)
        assert min(part.y for part in bar.parts) >= 0
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


def test_strange_detections_are_passed_over() -> None:
    face = {"bbox": {"x1": 1, "y1": 2, "x2": 4, "y2": 8}, "confidence": 0.5, "review": True}
    marks = overlays.faces([{"old": "shape"}, {"bbox": [1, 2, 3, 4]}, "no face", face])
    assert [(mark.index, mark.width, mark.height, mark.doubtful) for mark in marks] == [(3, 3, 6, True)]
    assert overlays.faces(None) == overlays.faces({"a": 1}) == []
