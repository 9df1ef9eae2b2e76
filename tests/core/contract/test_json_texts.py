"""JSON of callers: what a parser would ignore silently is refused."""

import json

import pytest

from core.contract import json_texts, region_options
from core.contract.json_texts import RepeatedMember


@pytest.mark.parametrize(
    ("text", "name"),
    [('{"a": 1, "a": 1}', "a"), ('[{"b": {"a": 1, "c": 2, "a": 3}}]', "a"), ('{"a": 1, "\\u0061": 2}', "a")],
)
def test_repeated_member_is_refused(text: str, name: str) -> None:
    with pytest.raises(RepeatedMember) as raised:
        json_texts.load(text)
    assert raised.value.name == name


@pytest.mark.parametrize("text", ["", "{", "[NaN]", "-Infinity", "[" * 200_000, '{"a": 1,}', "\ufeff{}"])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        json_texts.load(text)
    assert not isinstance(raised.value, RepeatedMember)


def test_other_json_is_read_as_it_is() -> None:
    value = {"a": [1, 2.5, None, {"a": "é", "b": {"a": True}}]}
    assert json_texts.load(json.dumps(value)) == json_texts.load(json.dumps(value).encode()) == value


def test_repeated_member_of_a_region_is_refused() -> None:
    text = '[{"x1": 0, "y1": 0, "x2": 9, "y2": 9, "x2": 1}]'
    with pytest.raises(ValueError, match="more than once: x2"):
        region_options.from_text(text)
