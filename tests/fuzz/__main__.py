"""`make fuzz`: coverage-guided mutations of each format's files against the readers, some time each.

A finding is written to build/fuzz, and ends the run with an error.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from core.config import ROOT
from tests.fuzz import seeds

MEMORY_MB = 2048  # chosen: of the fuzzed process
SLOWEST_S = 5  # chosen: of one file of at most 400 kB, instrumented and on a busy machine


def main() -> None:
    """Fuzz the formats that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("formats", nargs="*", choices=[*seeds.FORMATS, []], help="all, if none is named")
    parser.add_argument("--seconds", type=int, default=60, help="for each format")
    parser.add_argument("--shared", type=Path, help="folder with real and hostile pictures (data/)")
    asked = parser.parse_args()
    files = seeds.by_format(seeds.of_folder(asked.shared))
    failed = [name for name in asked.formats or files if not fuzz(name, files[name], asked.seconds)]
    sys.exit(f"found something in {', '.join(failed)}: see build/fuzz" if failed else 0)


def fuzz(name: str, files: list[bytes], seconds: int) -> bool:
    """Fuzz one format in a process of its own, as libFuzzer ends its process; return whether nothing was found."""
    corpus, findings = ROOT / "build" / "fuzz" / name, ROOT / "build" / "fuzz" / f"{name}-found-"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(files):
        (corpus / f"seed-{number}").write_bytes(data)
    options = {
        "max_total_time": seconds,
        "max_len": seeds.LARGEST,
        "timeout": SLOWEST_S,
        "rss_limit_mb": MEMORY_MB,
        "artifact_prefix": findings,
        "print_final_stats": 1,
        "verbosity": 0,
    }
    print(f"{name}: {len(files)} files to begin with, {seconds} s", flush=True)  # noqa: T201
    arguments = [f"-{key}={value}" for key, value in options.items()]
    command = [sys.executable, "-m", "tests.fuzz.target", *arguments, str(corpus)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


if __name__ == "__main__":
    main()
