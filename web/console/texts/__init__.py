"""The console's words, one file for each language: all of them hold the same keys, which a test checks."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from flask import request

FOLDER = Path(__file__).parent
COOKIE = "face_api_language"
# The first is spoken to whoever understands none of them. Each is called by its own name.
LANGUAGES = {"en": "English", "ko": "한국어"}
FALLBACK = "en"

Words = dict[str, str]


def language() -> str:
    """Return the language of the request: the one that was chosen, else the best of those that the browser asks for."""
    chosen = request.cookies.get(COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    return request.accept_languages.best_match(list(LANGUAGES), FALLBACK) or FALLBACK


@cache
def read(name: str) -> Words:
    """Return the words of a language by their dotted keys; read once per process."""
    with (FOLDER / f"{name}.toml").open("rb") as file:
        return dict(_flat(tomllib.load(file), ""))


def section(words: Words, name: str) -> Words:
    """Return the words below a key, by what follows it."""
    prefix = f"{name}."
    return {key.removeprefix(prefix): text for key, text in words.items() if key.startswith(prefix)}


class Translator:
    """Speaks one language. A key that is missing is a mistake: KeyError, in a test before anybody sees it."""

    def __init__(self, name: str) -> None:
        self.language = name
        self.words = read(name)

    def __call__(self, key: str, /, **values: Any) -> str:
        """Say a text, with its values filled in."""
        return self.words[key].format(**values)

    def count(self, key: str, number: int, /, **values: Any) -> str:
        """Say how many there are: `key.one` or `key.many`, with `n` as the number."""
        return self(f"{key}.{'one' if number == 1 else 'many'}", n=f"{number:,}", **values)

    def known(self, key: str, default: str) -> str:
        """Say a text if it is there: of what the code may know before the words do."""
        return self.words.get(key, default)


def _flat(tree: dict[str, Any], path: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in tree.items():
        found += _flat(value, f"{path}{name}.") if isinstance(value, dict) else [(path + name, str(value))]
    return found
