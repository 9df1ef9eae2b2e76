"""A process that has grown gives back what it no longer uses."""

import subprocess
import sys

from core.config import ROOT

# Blocks too small to be mapped by themselves; each hundredth stays, so that the heap can't shrink at its end.
GROW = """
from core.system import memory
trimmer = memory.HeapTrimmer(64 * 2**20)
start = memory.own_bytes()
blocks = [bytearray(2**16) for _ in range({blocks})]
kept = blocks[::100]
del blocks
before = memory.own_bytes()
trimmer.trim_if_grown()
print(trimmer.trims, (before - start) // 2**20, (memory.own_bytes() - start) // 2**20)
"""


def grown(blocks: int) -> tuple[int, int, int]:
    """Return the trims, and the growth in MiB before and after, of a process that has used and freed the blocks."""
    code = GROW.format(blocks=blocks)
    done = subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=60, capture_output=True)
    trims, before, after = map(int, done.stdout.split())
    return trims, before, after


def test_freed_memory_goes_back() -> None:
    trims, before, after = grown(4000)
    assert (trims, before > 200, after < 20) == (1, True, True)


def test_small_growth_is_kept() -> None:
    trims, before, after = grown(500)
    assert (trims, before > 20, abs(after - before) <= 1) == (0, True, True)  # what is printed may take a page


OPEN = """
import sys
from core.system import memory
trimmer, opened = memory.HeapTrimmer(2**30), []
sys.addaudithook(lambda event, args: opened.append(args) if event == "open" else None)
trimmer.trim_if_grown()
print(len(opened))
"""


def test_size_is_read_without_opening_a_file() -> None:
    done = subprocess.run([sys.executable, "-c", OPEN], check=True, cwd=ROOT, timeout=60, capture_output=True)
    assert done.stdout.split() == [b"0"]


FREEZE = """
import gc
from core.system import memory
before = len(gc.get_objects())
memory.freeze_imports()
print(before, len(gc.get_objects()), gc.get_freeze_count())
"""


def test_what_is_imported_is_not_collected() -> None:
    done = subprocess.run([sys.executable, "-c", FREEZE], check=True, cwd=ROOT, timeout=60, capture_output=True)
    before, left, frozen = map(int, done.stdout.split())
    assert left < before / 100 and frozen > before / 2
