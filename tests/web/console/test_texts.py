"""The texts: the same keys in every language, all used, and no untranslated text in a template or a script."""

import itertools
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from pydantic import ValidationError

from core import errors
from core.batches import leased_rows, uploads
from core.config import ROOT
from core.contract import problems
from core.contract.options import MaskOptions
from core.contract.video_options import VideoQuery
from web.console import formats, texts
from web.console.texts import Translator
from web.schemas.audit import AuditQuery
from web.schemas.keys import KeyCreation
from web.schemas.records import ImageQuery, JobQuery

FOLDER = Path(texts.__file__).parent.parent
TEMPLATES = sorted(FOLDER.glob("templates/**/*.html"))
SCRIPTS = sorted(FOLDER.glob("static/*.js"))
SOURCES = sorted(FOLDER.glob("**/*.py"))
OTHERS = [name for name in texts.LANGUAGES if name != texts.FALLBACK]
# Attributes that a person reads or a screen reader speaks.
SPOKEN = {"alt", "title", "placeholder", "aria-label", "aria-description", "aria-valuetext"}
# Code to copy and keys to press are the same in every language.
CODE = {"pre", "code", "script", "style", "kbd"}
# Values that options refuse, as a query or a JSON body may have them.
ODD: list[object] = ["x", -1, 10**9, "", 1.5, "nan", [], {}, "y" * 3000, True, [{"x1": 1}], "2020-01-01"]
PLACEHOLDER = re.compile(r"\{(\w*)\}")


class Reader(HTMLParser):
    """Collects the texts of a template."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in CODE:
            self._inside.append(tag)
        self.texts += [value or "" for name, value in attrs if name in SPOKEN]

    def handle_endtag(self, tag: str) -> None:
        if self._inside[-1:] == [tag]:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.texts.append(data)


def bare(template: str) -> list[str]:
    """Return the texts of a template that contain letters and come from no text file."""
    without_code = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", template, flags=re.DOTALL)
    reader = Reader()
    reader.feed(without_code)
    return [text.strip() for text in reader.texts if re.search(r"[^\W\d_]", text)]


@pytest.mark.parametrize("name", OTHERS)
def test_languages_have_the_same_keys(name: str) -> None:
    assert set(texts.read(name)) == set(texts.read(texts.FALLBACK))


@pytest.mark.parametrize("name", OTHERS)
def test_languages_fill_in_the_same_values(name: str) -> None:
    english = texts.read(texts.FALLBACK)
    translated = texts.read(name)
    assert {
        key for key in english if set(PLACEHOLDER.findall(english[key])) != set(PLACEHOLDER.findall(translated[key]))
    } == set()


@pytest.mark.parametrize("name", OTHERS)
def test_nothing_is_left_untranslated(name: str) -> None:
    english = texts.read(texts.FALLBACK)
    same = {key for key, text in texts.read(name).items() if text == english[key] and " " in text}
    assert same <= {"product"}


@pytest.mark.parametrize("name", texts.LANGUAGES)
def test_every_error_has_a_text(name: str) -> None:
    codes = (
        {error.code for error in errors.leaves()}
        | {leased_rows.QUARANTINED, uploads.INVALID_NAME, uploads.NAME_TAKEN}
        | set(uploads.UNSENT)
    )
    assert codes - set(texts.section(texts.read(name), "errors")) == set()


def test_errors_are_told_in_the_readers_language() -> None:
    korean = Translator("ko")
    text = korean("errors.image_too_large")
    assert formats.problem(korean, "image_too_large", "it has 60 megapixels") == (text, "it has 60 megapixels")
    assert formats.problem(korean, "image_too_large", errors.ImageTooLarge.title) == (text, "")
    assert formats.problem(korean, "internal_error", "a secret") == (korean("errors.internal_error"), "")
    assert formats.problem(korean, None, "of an old job") == ("of an old job", "")


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("max_faces", 0, "All"),
        ("max_faces", 3, "3"),
        ("review_confidence", None, "By size"),
        ("review_confidence", 0.3, "0.3"),
        ("crf", None, "Default"),
        ("mask_regions", [], "–"),
        ("verify", False, "No"),
        ("strength", 0, "0"),
        ("detail", "fast", "Fast"),
    ],
)
def test_values_of_options_say_what_they_mean(name: str, value: object, told: str) -> None:
    assert formats.option(Translator("en"), name, value) == told


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("Input should be greater than or equal to 0.01", "0.01 이상이어야 합니다"),
        ("Input should be 'face' or 'head'", "'face' or 'head' 중 하나여야 합니다"),
        ("the picture has 9 × 8 pixels, more than 7 in all", "9 × 8 픽셀로, 최대 7 픽셀을 넘습니다"),
        ("the answer was 302; redirects are not followed", "응답이 302였습니다. 리디렉션은 따라가지 않습니다"),
        ("(a|b) said by nobody", None),
    ],
)
def test_sentences_of_the_api_are_translated(sentence: str, told: str | None) -> None:
    assert Translator("ko").say(sentence) == told
    assert formats.said(Translator("ko"), sentence) == ((told, "ko") if told else (sentence, "en"))
    assert formats.said(Translator("en"), sentence) == (sentence, "en")


def problems_of_options() -> set[str]:
    """What is said of odd values of everything that the console's pages and forms send."""
    found = set()
    for model in (MaskOptions, VideoQuery, KeyCreation, AuditQuery, JobQuery, ImageQuery):
        for field, value in itertools.product(model.model_fields, ODD):
            try:
                model.model_validate({field: value})
            except ValidationError as error:
                found |= {problem.message for problem in problems.of(error)}
    return found


def test_problems_of_options_are_translated() -> None:
    found = problems_of_options()
    assert len(found) > 30
    assert {message for message in found if Translator("ko").say(message) is None} == set()


def test_api_says_what_is_translated() -> None:
    sources = "".join(path.read_text() for part in ("core", "web", "worker") for path in (ROOT / part).rglob("*.py"))
    of_options = problems_of_options()
    unsaid = []
    for sentence in texts.section(texts.read(texts.FALLBACK), "said").values():
        fixed, values = re.split(r"\{\w+\}", sentence), re.sub(r"\\{\w+\\}", ".+", re.escape(sentence))
        if any(part not in sources for part in fixed) and not any(re.fullmatch(values, one) for one in of_options):
            unsaid.append(sentence)
    assert unsaid == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_hold_no_bare_texts(path: Path) -> None:
    assert bare(path.read_text()) == []


@pytest.mark.parametrize(
    "template", ["<p>Hello</p>", '<img alt="A face">', "{{ t('x') }} jobs", '<a title="{{ x }} more">', "<p>안녕</p>"]
)
def test_bare_texts_are_noticed(template: str) -> None:
    assert bare(template)


def test_every_used_text_exists() -> None:
    known = texts.read(texts.FALLBACK)
    source = "".join(path.read_text() for path in [*TEMPLATES, *SOURCES])
    # A key that ends in a dot is completed at run time, which the pages' own tests cover.
    named = set(re.findall(r"""\b(?:t|translator)\(\s*"([\w.]+[\w])"\s*[,)]""", source))
    pluralised = set(re.findall(r"""\b(?:t|translator)\.plural\(\s*"([\w.]+)"\s*[,)]""", source))
    assert named - set(known) == set()
    assert {f"{key}.{number}" for key in pluralised for number in ("one", "many")} - set(known) == set()
    assert len(named) > 100


def test_every_text_of_a_script_exists() -> None:
    known = texts.section(texts.read(texts.FALLBACK), "script")
    used = set(re.findall(r"""\bt\(\s*"(\w+)\"""", "".join(path.read_text() for path in SCRIPTS)))
    pluralised = set(re.findall(r"""\bplural\(\s*"(\w+)\"""", "".join(path.read_text() for path in SCRIPTS)))
    assert used - set(known) == set()
    assert {f"{key}.{number}" for key in pluralised for number in ("one", "many")} - set(known) == set()
    assert len(used) > 30


def test_no_text_is_unused() -> None:
    everything = "".join(path.read_text() for path in [*TEMPLATES, *SOURCES, *SCRIPTS])
    # Prefixes of keys that are completed at run time: "status." ~ job.status, f"health.{state}".
    prefixes = tuple(re.findall(r"""\"([a-z_]+\.(?:[a-z_.]+[._])?)["{]""", everything))
    prefixes += tuple(f"script.{prefix}" for prefix in re.findall(r"""\bt\(`(\w+)\$""", everything))
    options = {*MaskOptions.model_fields, *VideoQuery.model_fields}
    prefixes += tuple(f"{option}." for option in options)  # values: of method, cover, detail
    named = set(re.findall(r"""\"([\w.]+)\"""", everything))
    unused = [
        key
        for key in texts.read(texts.FALLBACK)
        if not ({own := key.removeprefix("script."), own.rpartition(".")[0]} & named or key.startswith(prefixes))
    ]
    assert unused == []
