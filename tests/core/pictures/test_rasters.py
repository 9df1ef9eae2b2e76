"""Pixels of Pillow and of libheif become BGR in bands, and without copies of all of them."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.pictures import rasters
from tests import pictures
from tests.pictures import decoded, rgb

WIDE, HIGH = 512, 1100  # two bands and a bit
# Prints the bytes for each pixel that a process grows by at most when it decodes a picture; a small one comes first.
PEAK = """
import re, sys
from pathlib import Path
from core.pictures import images
from core.system import memory

def most():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024

memory.HeapTrimmer(2**20)
small, large = (Path(path).read_bytes() for path in sys.argv[1:])
images.decode(small, 10**8)
before = most()
picture = images.decode(large, 10**8)
print((most() - before) / picture.pixels[..., 0].size)
"""


def blocks(width: int, height: int, channels: int = 3) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    coarse = np.random.default_rng(3).integers(0, 256, (height // 8 + 1, width // 8 + 1, channels), np.uint8)
    return np.kron(coarse, np.ones((8, 8, 1), np.uint8))[:height, :width]


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr"])
def test_bands_are_the_whole_picture(mode: str) -> None:
    image = Image.fromarray(blocks(WIDE, HIGH)).convert(mode)
    raster = rasters.from_pillow(image)
    assert np.array_equal(raster.bgr[..., ::-1], np.asarray(image.convert("RGB")))
    assert raster.alpha is None


@pytest.mark.parametrize("mode", ["LA", "PA", "RGBA", "RGBa"])
def test_bands_have_all_of_the_alpha(mode: str) -> None:
    image = Image.fromarray(blocks(WIDE, HIGH, 4))
    image = image.convert("P").convert("PA") if mode == "PA" else image.convert(mode)
    raster, whole = rasters.from_pillow(image), np.asarray(image.convert("RGBA"))
    assert raster.alpha is not None and np.array_equal(raster.alpha, whole[..., 3])
    assert np.array_equal(raster.bgr[..., ::-1], whole[..., :3])


def test_heic_pixels_are_those_of_pillow() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    data = pictures.file(pictures.quarters(), "heic", quality=90)
    expected = pillow_heif.open_heif(io.BytesIO(data)).to_pillow()
    assert np.array_equal(rgb(decoded(data)), np.asarray(expected))


@pytest.mark.parametrize(("form", "most"), [("png", 10), ("heic", 10)])
def test_decode_holds_few_copies(tmp_path: Path, form: str, most: float) -> None:
    for name, side in (("small", 64), ("large", 2400)):
        (tmp_path / name).write_bytes(pictures.file(np.zeros((side, side, 3), np.uint8), form))
    command = [sys.executable, "-c", PEAK, str(tmp_path / "small"), str(tmp_path / "large")]
    grown = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert 3 <= grown < most
