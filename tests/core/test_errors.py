"""Errors: every class is one public case."""

from core import errors
from core.engine import frames
from web.errors import STATUS


def test_error_codes_are_unique() -> None:
    codes = [leaf.code for leaf in errors.leaves()]
    assert len(codes) == len(set(codes))


def test_every_error_has_status() -> None:
    assert set(errors.leaves()) == set(STATUS)


def test_every_error_survives_queue() -> None:
    for leaf in errors.leaves():
        rebuilt = frames.error_of(leaf.code, "words")
        assert (type(rebuilt), rebuilt.detail) == (leaf, "words")


def test_unknown_code_tells_nothing() -> None:
    rebuilt = frames.error_of("segfault", "secret words")
    assert isinstance(rebuilt, errors.InternalError) and "secret" not in rebuilt.detail


def test_error_tree_is_drawn() -> None:
    drawn = errors.__doc__ or ""
    assert all(leaf.__name__ in drawn for leaf in errors.leaves())
