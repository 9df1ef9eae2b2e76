"""Names of files that others unpack or write."""

import pytest

from core.batches import tree_names
from core.batches.tree_names import TreeNames


@pytest.mark.parametrize(
    "name",
    [
        "a.jpg",
        "2026/Anna's photo #1 (50%).jpg",
        ".hidden",
        "사진/写真.jpg",
        "console.jpg",
        "a.con",
        "👩\u200d🚀.jpg",
        "com10",
        "a&b=c;d",
    ],
)
def test_harmless_name_stays(name: str) -> None:
    assert tree_names.portable(name) == name


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("C:/x.jpg", "C_/x.jpg"),
        ("C:\\x.jpg", "C_/x.jpg"),
        ("\\\\server\\share\\x.jpg", "server/share/x.jpg"),
        ("/etc/passwd", "etc/passwd"),
        ("../../x.jpg", "_/_/x.jpg"),
        ("./a//b.jpg", "a/b.jpg"),
        ("x.jpg:stream", "x.jpg_stream"),
        ("CON.jpg", "_CON.jpg"),
        ("a/nul/b.jpg", "a/_nul/b.jpg"),
        ("Com1.tar.gz", "_Com1.tar.gz"),
        ("LPT¹", "_LPT¹"),
        ("conin$.jpg", "_conin$.jpg"),
        ("aux .jpg", "_aux .jpg"),
        ("photo\u202egpj.exe", "photo_gpj.exe"),
        ("a\u2066b\u2069.jpg", "a_b_.jpg"),
        ("one\u2028two\u2029.jpg", "one_two_.jpg"),
        ("a\x1b[2Jb\n.jpg", "a_[2Jb_.jpg"),
        ("zero\u200bwidth\ufeff.jpg", "zero_width_.jpg"),
        ('what?*|<>".jpg', "what______.jpg"),
        ("a.jpg.", "a.jpg_"),
        ("folder . /b.jpg", "folder_/b.jpg"),
        ("...", "_"),
        ("", "image"),
        ("/", "image"),
        ("x" * 300 + ".jpg", "x" * 251 + ".jpg"),
    ],
)
def test_dangerous_name_is_written_otherwise(name: str, written: str) -> None:
    assert tree_names.portable(name) == written
    assert tree_names.portable(written) == written


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a.jpg", "a.jpg"),
        ("a.jpg", "A.JPG"),
        ("straße", "STRASSE"),
        ("e\u0301.jpg", "\u00e9.jpg"),
        ("a.jpg", "a.jpg/b.jpg"),
        ("a.jpg", "A.jpg/b/c.jpg"),
        ("a/b/c.jpg", "a/b"),
    ],
)
def test_names_that_exclude_each_other(first: str, second: str) -> None:
    for one, other in ((first, second), (second, first)):
        tree = TreeNames()
        assert tree.add(one) and not tree.add(other)
        assert not TreeNames([one]).add(other)


def test_names_that_go_together() -> None:
    tree = TreeNames()
    assert all(tree.add(name) for name in ("a.jpg", "a/b.jpg", "a/c.jpg", "a.jpg2/d.jpg", "b.jpg"))
