"""The words: the same in every language, all used, and none beside them in a template or a script."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from web.console import texts

FOLDER = Path(texts.__file__).parent.parent
TEMPLATES = sorted(FOLDER.glob("templates/**/*.html"))
SCRIPTS = sorted(FOLDER.glob("static/*.js"))
SOURCES = sorted(FOLDER.glob("**/*.py"))
OTHERS = [name for name in texts.LANGUAGES if name != texts.FALLBACK]
# What a person reads or hears of an element.
SPOKEN = {"alt", "title", "placeholder", "aria-label", "aria-description", "aria-valuetext"}
# Code that people copy, and keys that they press, are the same in every language.
CODE = {"pre", "code", "script", "style", "kbd"}
HOLE = re.compile(r"\{(\w*)\}")


class Reader(HTMLParser):
    """Collects what a template says by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in CODE:
            self._inside.append(tag)
        self.said += [value or "" for name, value in attrs if name in SPOKEN]

    def handle_endtag(self, tag: str) -> None:
        if self._inside[-1:] == [tag]:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.said.append(data)


def bare(template: str) -> list[str]:
    """Return the texts of a template that have letters and come from no file of words."""
    without_code = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", template, flags=re.DOTALL)
    reader = Reader()
    reader.feed(without_code)
    return [text.strip() for text in reader.said if re.search(r"[^\W\d_]", text)]


@pytest.mark.parametrize("name", OTHERS)
def test_languages_have_the_same_keys(name: str) -> None:
    assert set(texts.read(name)) == set(texts.read(texts.FALLBACK))


@pytest.mark.parametrize("name", OTHERS)
def test_languages_fill_in_the_same_values(name: str) -> None:
    english = texts.read(texts.FALLBACK)
    ours = texts.read(name)
    assert {key for key in english if set(HOLE.findall(english[key])) != set(HOLE.findall(ours[key]))} == set()


@pytest.mark.parametrize("name", OTHERS)
def test_nothing_is_left_untranslated(name: str) -> None:
    english = texts.read(texts.FALLBACK)
    same = {key for key, text in texts.read(name).items() if text == english[key] and " " in text}
    assert same <= {"product"}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_hold_no_bare_texts(path: Path) -> None:
    assert bare(path.read_text()) == []


@pytest.mark.parametrize(
    "template", ["<p>Hello</p>", '<img alt="A face">', "{{ t('x') }} jobs", '<a title="{{ x }} more">', "<p>안녕</p>"]
)
def test_bare_texts_are_noticed(template: str) -> None:
    assert bare(template)


def test_every_named_text_is_there() -> None:
    known = texts.read(texts.FALLBACK)
    spoken = "".join(path.read_text() for path in [*TEMPLATES, *SOURCES])
    # A key that ends in a dot is completed with what is asked for, which the pages' own tests see.
    named = set(re.findall(r"""\b(?:t|voice)\(\s*"([\w.]+[\w])"\s*[,)]""", spoken))
    counted = set(re.findall(r"""\b(?:t|voice)\.count\(\s*"([\w.]+)"\s*[,)]""", spoken))
    assert named - set(known) == set()
    assert {f"{key}.{number}" for key in counted for number in ("one", "many")} - set(known) == set()
    assert len(named) > 100


def test_every_script_finds_its_words() -> None:
    known = texts.section(texts.read(texts.FALLBACK), "script")
    said = set(re.findall(r"""\bsay\(\s*"(\w+)\"""", "".join(path.read_text() for path in SCRIPTS)))
    assert said - set(known) == set()


def test_no_text_is_left_over() -> None:
    everything = "".join(path.read_text() for path in [*TEMPLATES, *SOURCES, *SCRIPTS])
    # What is put before a name that the code knows: "status." ~ job.status, f"health.{state}".
    beginnings = tuple(re.findall(r"""\"([a-z_]+\.(?:[a-z_.]+[._])?)["{]""", everything))
    named = set(re.findall(r"""\"([\w.]+)\"""", everything))
    unused = [
        key
        for key in texts.read(texts.FALLBACK)
        if not ({key.removeprefix("script."), key.rpartition(".")[0]} & named or key.startswith(beginnings))
    ]
    assert unused == []
