"""Run these tests where they can be run: `python -m tests.containers [--state FOLDER] [arguments of pytest]`.

Where the machine can't, that is said and nothing fails. Where it could, and something is missing all the same, that
fails if CI=true: else it is said as well.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import NoReturn

from core.config import ROOT
from tests.containers import machines, namespaces, tools
from tests.containers.tools import Unavailable

STATE = Path("/var/tmp/face-api-containers")  # noqa: S108  # 6 GB that outlive a restart; only root writes into it


def main() -> int:
    parser = argparse.ArgumentParser(prog="make test-containers", description=__doc__.splitlines()[0])
    parser.add_argument("--state", type=Path, default=STATE, help="folder that keeps packages and images (6 GB)")
    known, arguments = parser.parse_known_args()
    if problem := machines.problem():
        _skip(problem)
    try:
        folder = tools.unpacked(known.state.resolve())
    except Unavailable as error:
        if os.environ.get("CI") == "true":
            sys.exit(f"FAILED: {error}")
        _skip(str(error))
    pytest = [sys.executable, "-m", "pytest", "--containers", str(known.state.resolve()), "-p", "no:cacheprovider"]
    return namespaces.run([*pytest, str(ROOT / "tests" / "containers"), *arguments], folder)


def _skip(reason: str) -> NoReturn:
    sys.stdout.write(f"SKIPPED: {reason}\n0 passed, 1 skipped\n")
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
