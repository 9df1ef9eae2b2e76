"""HEIF files whose tables are larger than any picture needs: read in no time, or refused in no time."""

import struct
import time

import pytest

from core.errors import UndecodableImage
from core.pictures import headers
from core.pictures.heif import boxes
from tests.core.pictures.heif.files import GRID, TILE, box, heic, properties
from tests.pictures import MANY


def table(kind: bytes, count: int) -> bytes:
    """The table of a header with so many entries, each of them sound."""
    if kind == b"iloc":  # version 2, in which four bytes count
        return box(kind, struct.pack(">IHI", 0x02000000, 0, count), struct.pack(">IHHH", TILE, 0, 0, 0) * count)
    if kind == b"ipma":
        return box(kind, struct.pack(">II", 0, count), struct.pack(">HBB", GRID, 1, 1) * count)
    others = box(b"thmb", struct.pack(f">HH{1000}H", TILE, 1000, *[GRID] * 1000)) * (count // 1000)
    return box(b"iref", bytes(4), box(b"dimg", struct.pack(">HHH", GRID, 1, TILE)), others)


def with_table(kind: str, body: bytes) -> bytes:
    if kind == "ipma":
        return heic(iprp=box(b"iprp", properties(), body))
    return heic(None, **{kind: body})


@pytest.mark.parametrize("kind", ["iloc", "iref", "ipma"])
def test_table_without_end_is_refused(kind: str) -> None:
    assert headers.probe(with_table(kind, table(kind.encode(), 5000)), MANY).width == 96
    with pytest.raises(UndecodableImage):
        headers.probe(with_table(kind, table(kind.encode(), boxes.MAX_ENTRIES + 1000)), MANY)


def test_many_tables_are_refused() -> None:
    ipma = table(b"ipma", 2)
    assert headers.probe(with_table("ipma", ipma * boxes.MAX_ASSOCIATIONS), MANY).width == 96
    with pytest.raises(UndecodableImage):
        headers.probe(with_table("ipma", ipma * (boxes.MAX_ASSOCIATIONS + 1)), MANY)


def test_parts_far_larger_than_the_file_are_refused() -> None:
    """Equal tiles may share their bytes, but a small file is not read for gigabytes of them."""

    def shared(count: int) -> bytes:
        places = struct.pack(">HHH", TILE, 0, count) + struct.pack(">II", 0, 2000) * count
        return heic(iloc=box(b"iloc", struct.pack(">IHH", 0, 0x4400, 1), places))

    assert headers.probe(shared(1000), MANY).width == 96
    with pytest.raises(UndecodableImage):
        headers.probe(shared(50_000), MANY)


def test_references_are_read_in_one_go() -> None:
    """Looking for each tile in each reference takes minutes, in a process that serves others."""
    tiles = box(b"dimg", struct.pack(">HH30000H", GRID, 30_000, *range(TILE, 30_002)))
    others = box(b"auxl", struct.pack(">HHH", TILE, 1, 60_000)) * 20_000
    started = time.process_time()
    with pytest.raises(UndecodableImage):
        headers.probe(heic(iref=box(b"iref", bytes(4), tiles, others)), MANY)
    assert time.process_time() - started < 3
