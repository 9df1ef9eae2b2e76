"""Prints how much of each package the tests run, and the modules of which they run little: `make coverage`."""

import json
import sys
from collections import defaultdict
from pathlib import Path

LITTLE = 85  # percent


def percent(covered: int, lines: int) -> float:
    return 100 * covered / lines if lines else 100.0


def package(module: str) -> str:
    """Return the folder that a module is reported under: the second level of core/ and web/, else the first."""
    parts = Path(module).parent.parts
    return "/".join(parts[: 2 if parts and parts[0] in {"core", "web"} else 1]) or "."


def main(report: Path) -> None:
    modules = {
        name: (file["summary"]["covered_lines"], file["summary"]["num_statements"])
        for name, file in json.loads(report.read_text())["files"].items()
    }
    packages: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for name, (covered, lines) in modules.items():
        before = packages[package(name)]
        packages[package(name)] = before[0] + covered, before[1] + lines
    everything = sum(covered for covered, _ in modules.values()), sum(lines for _, lines in modules.values())
    few = {name: counts for name, counts in modules.items() if percent(*counts) < LITTLE}
    for title, rows in (
        ("Packages", {**dict(sorted(packages.items())), "all": everything}),
        (f"Below {LITTLE} %", few),
    ):
        sys.stdout.write(f"{title}\n")
        for name, (covered, lines) in rows.items():
            sys.stdout.write(f"  {name:45} {covered:6} of {lines:6} lines {percent(covered, lines):6.1f} %\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
