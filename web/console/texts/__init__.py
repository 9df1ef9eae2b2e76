"""The console's texts, one TOML file per language: all of them have the same keys, which a test checks."""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from flask import request

FOLDER = Path(__file__).parent
COOKIE = "face_api_language"
# Each language is listed under its own name.
LANGUAGES = {"en": "English", "ko": "한국어"}
FALLBACK = "en"  # for a browser that accepts none of them

Texts = dict[str, str]


def language() -> str:
    """Return the request's language: the one in the cookie, else the best match of Accept-Language."""
    chosen = request.cookies.get(COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    return request.accept_languages.best_match(list(LANGUAGES), FALLBACK) or FALLBACK


@cache
def read(name: str) -> Texts:
    """Load the texts of a language by their dotted keys; read once per process."""
    with (FOLDER / f"{name}.toml").open("rb") as file:
        return dict(_flatten(tomllib.load(file), ""))


def section(texts: Texts, name: str) -> Texts:
    """Return the texts of a section, without its name in their keys."""
    prefix = f"{name}."
    return {key.removeprefix(prefix): text for key, text in texts.items() if key.startswith(prefix)}


def for_scripts(texts: Texts) -> Texts:
    """Return what scripts say: their own texts, by their whole keys those of errors and options, and what the API says.

    That is `said.` and the English sentence, with its translation.
    """
    shared = {key: text for key, text in texts.items() if key.startswith(("errors.", "option.")) and ".hint" not in key}
    english, own = (section(of, "said") for of in (read(FALLBACK), texts))
    translated = {f"said.{english[key]}": text for key, text in own.items() if text != english[key]}
    return section(texts, "script") | shared | translated


@cache
def sentences(name: str) -> list[tuple[re.Pattern[str], str]]:
    """Return what the API says, as expressions with the values in it, and how that is said in a language."""
    english, own = (section(read(each), "said") for each in (FALLBACK, name))
    return [(_expression(sentence), own[key]) for key, sentence in english.items()]


def _expression(sentence: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", sentence)
    return re.compile("".join(f"(?P<{part}>.+)" if at % 2 else re.escape(part) for at, part in enumerate(parts)))


class Translator:
    """Translates to one language. A missing key is a bug: KeyError, which a test finds first."""

    def __init__(self, name: str) -> None:
        self.language = name
        self.texts = read(name)

    def __call__(self, key: str, /, **values: Any) -> str:
        """Return a text with its placeholders filled in."""
        return self.texts[key].format(**values)

    def plural(self, key: str, number: int, /, **values: Any) -> str:
        """Return `key.one` or `key.many`, with `n` as the number."""
        return self(f"{key}.{'one' if number == 1 else 'many'}", n=f"{number:,}", **values)

    def say(self, sentence: str) -> str | None:
        """Say in this language what the API says in English; None if that is not translated."""
        for expression, text in sentences(self.language):
            if found := expression.fullmatch(sentence):
                return text.format(**found.groupdict())
        return None

    def get(self, key: str, default: str) -> str:
        """Return a text, or the default: for names that the code may know before they are translated."""
        return self.texts.get(key, default)


def _flatten(tree: dict[str, Any], path: str) -> list[tuple[str, str]]:
    flat: list[tuple[str, str]] = []
    for name, value in tree.items():
        flat += _flatten(value, f"{path}{name}.") if isinstance(value, dict) else [(path + name, str(value))]
    return flat
