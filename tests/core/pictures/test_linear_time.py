"""Reading any file takes time and memory in proportion to its bytes, whatever its tables state."""

from pathlib import Path

import pytest

from core.errors import InvalidInput
from core.pictures import headers, images, metadata
from tests.core.pictures import costs
from tests.core.pictures.costs import Read
from tests.core.pictures.heif.files import TILE, box, heic, info, item_infos, properties
from tests.core.pictures.hostile_files import SHAPES
from tests.pictures import MANY

SIZE = 200_000  # chosen: of the smaller file of two; what takes the square of its bytes takes seconds then
RATIO = 2.5  # of the costs of a file that is twice as large
# Chosen: what may differ beside that, by a table that is just short enough, or by chance.
MORE_CALLS, MORE_BYTES, MORE_CPU_S = 500, 2**16, 0.004
TABLES = 2**20  # bytes; chosen: what all tables of the smallest file may take, which have that many entries
TRIES = 6  # chosen: of CPU time, which others on the machine disturb


def decode(data: bytes) -> object:
    return images.decode(data, MANY)


READERS: dict[str, Read] = {"header": headers.read, "names": metadata.list_names, "pixels": decode}


@pytest.mark.slow
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("shape", SHAPES)
def test_twice_the_bytes_cost_twice_as_much(shape: str, reader: str) -> None:
    small, large = SHAPES[shape](SIZE), SHAPES[shape](2 * SIZE)
    for left in range(TRIES, 0, -1):
        one, two = (costs.measure(READERS[reader], data) for data in (small, large))
        if two.cpu_s <= RATIO * one.cpu_s + MORE_CPU_S or left == 1:
            break
    assert two.calls <= RATIO * one.calls + MORE_CALLS
    assert two.peak <= RATIO * one.peak + MORE_BYTES
    assert two.cpu_s <= RATIO * one.cpu_s + MORE_CPU_S


@pytest.mark.parametrize("shape", SHAPES)
def test_header_takes_at_most_twice_the_bytes(shape: str) -> None:
    data = SHAPES[shape](4 * SIZE)
    assert costs.peak(headers.read, data) <= 2 * len(data) + TABLES


def test_header_of_a_shared_file_takes_at_most_twice_the_bytes(shared_data: Path) -> None:
    for folder in ("hostile", "cases", "formats"):
        for path in sorted((shared_data / folder).iterdir()):
            data = path.read_bytes()
            assert costs.peak(headers.read, data) <= 2 * len(data) + TABLES, path.name


def test_picture_of_many_tiles_is_read() -> None:
    """As many as 200 megapixels have, in a file that shares no property."""
    count = 768
    tiles = range(TILE, TILE + count)
    infos = item_infos(*(info(tile, b"hvc1") for tile in tiles[1:]))
    grid = box(b"iref", bytes(4), box(b"dimg", b"\0\1" + count.to_bytes(2), *(tile.to_bytes(2) for tile in tiles)))
    own = [box(b"ispe", bytes(4), bytes(8)), box(b"hvcC", bytes(23)), box(b"pixi", bytes(8)), box(b"colr", b"nclx")]
    table = [b"\0\1\1\0\1", *(tile.to_bytes(2) + b"\4" + places(tile - TILE) for tile in tiles)]
    ipma = box(b"ipma", b"\0\0\0\1", (1 + count).to_bytes(4), *table)
    data = heic(iinf=infos, iref=grid, iprp=box(b"iprp", properties(*own * count), ipma))
    assert headers.read(data).size == (96, 64)


def places(number: int) -> bytes:
    """The places of a tile's own properties, which follow that of the grid."""
    return b"".join((2 + 4 * number + n).to_bytes(2) for n in range(4))


def test_endless_file_of_no_picture_is_refused_by_its_start() -> None:
    with pytest.raises(InvalidInput, match="none of"):
        headers.read(b" " * 10_000)
