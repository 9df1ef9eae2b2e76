"""Every kind of file that users send, and every kind that attackers send."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.errors import ImageTooLarge, InvalidInput, UndecodableImage, UnsupportedImage
from core.pictures import headers, images

MANY = 50_000_000
ACCEPTED = {"JPEG": "jpeg", "MPO": "jpeg", "PNG": "png", "WEBP": "webp", "BMP": "bmp", "TIFF": "tiff"}
ACCEPTED |= {"HEIF": "heic", "AVIF": "avif"}
SLOW_S = 5.0  # chosen: of CPU time, far over what any of them takes


@pytest.fixture(scope="session")
def listed(shared_data: Path) -> list[dict[str, Any]]:
    """The folder's manifest: what each file is."""
    manifest: list[dict[str, Any]] = json.loads((shared_data / "formats" / "manifest.json").read_text())
    return manifest


def test_real_pictures_are_read(shared_data: Path, listed: list[dict[str, Any]]) -> None:
    """All of the accepted formats that hold no more pixels than are allowed; upright, with their RGB profiles."""
    read = 0
    for entry in listed:
        width, height = entry["size"]
        if entry["fmt"] not in ACCEPTED or width * height > MANY:
            continue
        data = (shared_data / "formats" / entry["file"]).read_bytes()
        header = headers.probe(data, MANY)
        picture = images.decode(data, MANY)
        turned = (entry["orient"] or 1) >= 5
        assert header.format == ACCEPTED[entry["fmt"]], entry["file"]
        assert (header.width, header.height) == ((height, width) if turned else (width, height)), entry["file"]
        assert picture.pixels.shape == (header.height, header.width, 3), entry["file"]
        if entry["mode"] in ("RGB", "RGBA"):
            assert len(picture.icc or b"") == entry["icc"], entry["file"]
        read += 1
    assert read > 30


def test_other_formats_are_unsupported(shared_data: Path, listed: list[dict[str, Any]]) -> None:
    others = [entry["file"] for entry in listed if entry["fmt"] not in ACCEPTED]
    assert others
    for name in others:
        with pytest.raises(UnsupportedImage):
            headers.probe((shared_data / "formats" / name).read_bytes(), MANY)


def test_huge_pictures_are_too_large(shared_data: Path, listed: list[dict[str, Any]]) -> None:
    huge = [entry["file"] for entry in listed if entry["size"][0] * entry["size"][1] > MANY]
    assert huge
    for name in huge:
        with pytest.raises(ImageTooLarge):
            headers.probe((shared_data / "formats" / name).read_bytes(), MANY)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_real_orientations_look_alike(shared_data: Path, orientation: int) -> None:
    """One landscape in eight orientations; compared small, since each was compressed on its own."""
    upright = [
        images.decode((shared_data / "formats" / f"Landscape_{n}.jpg").read_bytes(), MANY).pixels
        for n in (1, orientation)
    ]
    first, other = (np.asarray(Image.fromarray(pixels).resize((45, 30), Image.Resampling.BOX)) for pixels in upright)
    assert np.abs(first.astype(int) - other).mean() < 1


def test_hostile_files_end_well(shared_data: Path) -> None:
    """Each ends in a picture or in an error for the caller, quickly."""
    files = [path for path in sorted((shared_data / "hostile").iterdir()) if path.is_file()]
    assert len(files) > 300
    for path in files:
        data = path.read_bytes()
        started = time.process_time()
        try:
            picture = images.decode(data, MANY)
        except InvalidInput:
            pass
        else:
            assert picture.pixels.shape[0] * picture.pixels.shape[1] <= MANY, path.name
        assert time.process_time() - started < SLOW_S, path.name


@pytest.mark.parametrize("name", ["libvips__truncated.jpg", "bimg__corrupt.jpg", "thumbor__BlueSquare_truncated.jpg"])
def test_known_half_pictures_are_refused(shared_data: Path, name: str) -> None:
    with pytest.raises(UndecodableImage):
        images.decode((shared_data / "hostile" / name).read_bytes(), MANY)
