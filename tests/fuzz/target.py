"""The process that libFuzzer drives: it instruments the readers, and looks at each file that it is given."""

import sys

import atheris

with atheris.instrument_imports(include=["core.pictures"]):
    from core.pictures import headers, images, metadata  # noqa: F401 - instrumented before the checks import them

from tests.fuzz import checks


def look(data: bytes) -> None:
    """Check every invariant of one file."""
    checks.header(data)
    checks.picture(data)


if __name__ == "__main__":
    atheris.Setup(sys.argv, look)
    atheris.Fuzz()
