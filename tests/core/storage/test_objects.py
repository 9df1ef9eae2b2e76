"""Keys and names of objects: whatever a client calls its picture."""

import unicodedata
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.http import parse_options_header

from core.storage import objects

IMAGE, JOB = uuid.UUID(int=1), uuid.UUID(int=2)
# Any text, and texts made of what is special in paths, headers and Unicode.
names = st.text() | st.text(st.sampled_from("./\\\"'%*?:; \r\n\t\0é́写\u202e😀\ud800a"), max_size=400)


@given(names)
def test_filename_is_always_safe(name: str) -> None:
    safe = objects.safe_filename(name)
    assert 0 < len(safe.encode()) <= 255
    assert safe.strip(". ") == safe
    assert not set(safe) & set("/\\\"'`<>|?*:%#")
    assert not any(unicodedata.category(character)[0] == "C" for character in safe)
    assert objects.safe_filename(safe) == safe


@given(names)
def test_original_key_is_well_formed(name: str) -> None:
    key = objects.original_key(IMAGE, name)
    assert objects.is_key(key) and len(key) <= 500 and len(key.encode()) <= 1024
    assert key.split("/")[:2] == ["originals", str(IMAGE)] and key.count("/") == 2


@given(names, st.sampled_from(["inline", "attachment"]))
def test_disposition_tells_whole_name(name: str, disposition: objects.Disposition) -> None:
    header = objects.content_disposition(disposition, name)
    assert header.isascii() and header.isprintable()
    kind, options = parse_options_header(header)
    assert (kind, options["filename"]) == (disposition, objects.safe_filename(name))


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("photo.jpg", "photo.jpg"),
        ("Familie Müller (2).JPEG", "Familie Müller (2).JPEG"),
        ("写真.png", "写真.png"),
        ("cafe\u0301.jpg", "caf\u00e9.jpg"),
        ("C:\\Users\\me\\a.jpg", "a.jpg"),
        ("../../etc/passwd", "passwd"),
        ('a"b\r\nSet-Cookie: x.jpg', "a_bSet-Cookie_ x.jpg"),
        ("gpj\u202egpj.exe", "gpjgpj.exe"),
        ("..", "image"),
        ("", "image"),
        (" . ", "image"),
        ("a/", "image"),
        ("x" * 300 + ".jpg", "x" * 251 + ".jpg"),
        ("写" * 200 + ".jpg", "写" * 83 + ".jpg"),
        ("a." + "x" * 300, "a." + "x" * 253),
    ],
)
def test_filename_keeps_what_it_can(name: str, safe: str) -> None:
    assert objects.safe_filename(name) == safe


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("photo.jpg", 'inline; filename="photo.jpg"'),
        ("写真.jpg", "inline; filename=\"image.jpg\"; filename*=UTF-8''%E5%86%99%E7%9C%9F.jpg"),
        ("Müller.jpg", "inline; filename=\"Muller.jpg\"; filename*=UTF-8''M%C3%BCller.jpg"),
    ],
)
def test_disposition_serves_old_clients(name: str, header: str) -> None:
    assert objects.content_disposition("inline", name) == header


def test_keys_are_the_contracts() -> None:
    assert objects.original_key(IMAGE, "a b.jpg") == f"originals/{IMAGE}/a b.jpg"
    assert objects.processed_key(IMAGE, JOB, "webp") == f"processed/{IMAGE}/{JOB}.webp"


@pytest.mark.parametrize(
    "key", ["", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a/..", "a\0b", " ", "é" * 513]
)
def test_strange_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        objects.checked(key)


def test_uploads_are_told_from_other_objects() -> None:
    assert objects.original_of(objects.original_key(IMAGE, "a.jpg")) == IMAGE
    assert objects.original_of(objects.video_key(JOB, "source")) == JOB
    others = [objects.processed_key(IMAGE, JOB, "webp"), objects.video_key(JOB, "result.mp4"), "originals/x/a", "a"]
    assert [objects.original_of(key) for key in others] == [None] * 4
