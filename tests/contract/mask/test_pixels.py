"""Which pixels a mask changes, and which it leaves."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.contract import pictures
from tests.contract.calls import detected, masked
from tests.contract.mask.regions import (
    FORMATS,
    METHODS,
    SOFT,
    STRENGTH,
    Region,
    black_region,
    ellipse_distance,
    grown,
    inside,
    png,
)
from tests.contract.pictures import Pixels
from tests.stack import Stack


@pytest.mark.parametrize("padding", [0, 0.15, 0.5, 2])
def test_region_is_the_grown_box(service: Stack, source: Pixels, padding: float) -> None:
    left, top, right, bottom = grown(service, pictures.astronaut(), padding)
    slack = 0.06 * (1 + 2 * padding)
    region = black_region(source, png(service, pictures.astronaut(), method="solid", padding=padding))
    for found, edge in zip(region[:2], (left, top), strict=True):
        assert math.floor(edge - slack) <= found <= math.floor(edge + slack)
    for found, edge in zip(region[2:], (right, bottom), strict=True):
        assert math.ceil(edge - slack) <= found <= math.ceil(edge + slack)


def test_solid_is_black(service: Stack, source: Pixels, region: Region) -> None:
    after = png(service, pictures.astronaut(), method="solid")
    left, top, right, bottom = region
    assert not after[top:bottom, left:right].any()
    assert np.array_equal(after[~inside(after.shape, region)], source[~inside(after.shape, region)])


@pytest.mark.parametrize("strength", [1, 199, 999])
@pytest.mark.parametrize("method", SOFT)
def test_pixels_outside_stay_unchanged(
    service: Stack, source: Pixels, region: Region, method: str, strength: int
) -> None:
    after = png(service, pictures.astronaut(), method=method, strength=strength)
    outside = ~inside(source.shape, region)
    assert np.array_equal(after[outside], source[outside])


@pytest.mark.parametrize("method", ["gaussian", "pixelate"])
def test_pixels_inside_are_changed(service: Stack, source: Pixels, region: Region, method: str) -> None:
    within = inside(source.shape, region)
    changed = (png(service, pictures.astronaut(), method=method) != source).any(axis=2)
    assert changed[within].mean() > 0.95


def test_elliptical_changes_the_ellipse(service: Stack, source: Pixels, region: Region) -> None:
    changed = (png(service, pictures.astronaut(), method="elliptical") != source).any(axis=2)
    distance = ellipse_distance(source.shape, region)
    assert not changed[distance > 1.03].any()
    assert changed[distance < 0.97].mean() > 0.95


def test_elliptical_blurs_like_gaussian(service: Stack, source: Pixels, region: Region) -> None:
    ellipse, box = (png(service, pictures.astronaut(), method=method) for method in ("elliptical", "gaussian"))
    middle = ellipse_distance(source.shape, region) < 0.8
    assert np.abs(ellipse.astype(int) - box)[middle].max() <= 1


@pytest.mark.parametrize("method", ["gaussian", "elliptical"])
def test_blur_leaves_no_detail(service: Stack, source: Pixels, region: Region, method: str) -> None:
    after = png(service, pictures.astronaut(), method=method)
    left, top, right, bottom = region
    width, height = right - left, bottom - top
    middle = inside(after.shape, (left + width // 4, top + height // 4, right - width // 4, bottom - height // 4))
    blurred, sharp = (np.abs(np.diff(some.astype(float), axis=0))[middle[1:]].mean() for some in (after, source))
    assert blurred < 0.25 * sharp


def runs(changes: "np.ndarray[Any, np.dtype[np.bool_]]") -> list[tuple[int, int]]:
    """Half-open spans between the places where something changes."""
    edges = [0, *(np.flatnonzero(changes) + 1).tolist(), len(changes) + 1]
    return list(itertools.pairwise(edges))


@pytest.mark.parametrize("strength", [1, 30, 60, 999])
@pytest.mark.parametrize("picture", [pictures.astronaut(), pictures.hopper()], ids=["astronaut", "hopper"])
def test_pixelate_cells_are_means(service: Stack, picture: Image.Image, strength: int) -> None:
    before = pictures.pixels(picture)
    left, top, right, bottom = black_region(before, png(service, picture, method="solid"))
    # Not verified: cells that still look like a face are masked again, and larger ones lie over them.
    options = {"format": "png", "method": "pixelate", "strength": strength, "verify": "false"}
    response = masked(service, pictures.encoded(picture, "PNG"), **options)
    cell = int(response.headers[STRENGTH])
    after = pictures.pixels(response.content)[top:bottom, left:right].astype(int)
    before = before[top:bottom, left:right]
    rows = runs((np.diff(after, axis=0) != 0).any(axis=(1, 2)))
    columns = runs((np.diff(after, axis=1) != 0).any(axis=(0, 2)))
    assert math.ceil(max(right - left, bottom - top) / cell) <= 8
    assert len(rows) == math.ceil((bottom - top) / cell) and len(columns) == math.ceil((right - left) / cell)
    assert all(end - start == cell for spans in (rows, columns) for start, end in spans[1:-1])
    for (above, below), (first, last) in itertools.product(rows, columns):
        part = before[above:below, first:last].reshape(-1, 3)
        assert np.abs(after[above, first] - part.mean(axis=0)).max() <= 1


@pytest.mark.parametrize("method", METHODS)
def test_max_faces_masks_most_confident(service: Stack, method: str) -> None:
    picture = pictures.group(2)
    file = pictures.encoded(picture, "PNG")
    first, second = detected(service, file)["detections"]
    response = masked(service, file, format="png", method=method, max_faces=1)
    changed = (pictures.pixels(response.content) != pictures.pixels(picture)).any(axis=2)
    assert response.headers["X-Face-Count"] == "1"
    halves = changed[:, :256], changed[:, 256:]
    assert halves[int(first["center"]["x"] >= 256)].any() and not halves[int(second["center"]["x"] >= 256)].any()


def test_every_face_is_masked(service: Stack) -> None:
    picture = pictures.group(3, 2)
    after = png(service, picture, method="solid")
    for face in detected(service, pictures.encoded(picture, "PNG"))["detections"]:
        box = face["bbox"]
        left, top, right, bottom = (round(box[name]) for name in ("x1", "y1", "x2", "y2"))
        assert not after[top:bottom, left:right].any()


def test_overlaps_come_from_original_pixels(service: Stack) -> None:
    picture = pictures.group(2)
    before = pictures.pixels(picture)
    query: dict[str, Any] = {"method": "pixelate", "strength": 999, "padding": 2}
    alone, both = png(service, picture, max_faces=1, **query), png(service, picture, **query)
    alone_colour = alone[(alone != before).any(axis=2)][0]
    changed = (both != before).any(axis=2)
    colours = np.unique(both[changed], axis=0)
    assert len(colours) == 2 and (colours == alone_colour).all(axis=1).any()
    whole = []
    for colour in colours:
        painted = changed & (both == colour).all(axis=2)
        rows, columns = np.flatnonzero(painted.any(axis=1)), np.flatnonzero(painted.any(axis=0))
        box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        if painted[box].mean() > 0.99:
            whole.append(np.abs(before[box].reshape(-1, 3).mean(axis=0) - colour).max() <= 1)
    assert any(whole)


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_picture_without_face_stays_same(service: Stack, kind: str) -> None:
    response = masked(service, pictures.encoded(pictures.landscape(), "PNG"), format=kind, quality=100)
    assert response.headers["X-Face-Count"] == "0"
    assert np.array_equal(pictures.pixels(response.content), pictures.pixels(pictures.landscape()))


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (2000, 8)])
@pytest.mark.parametrize("kind", FORMATS)
def test_odd_sizes_keep_their_size(service: Stack, size: tuple[int, int], kind: str) -> None:
    file = pictures.encoded(Image.new("RGB", size, (200, 180, 160)), "PNG")
    assert pictures.decoded(masked(service, file, format=kind).content).size == size


@pytest.mark.parametrize("orientation", range(1, 9))
def test_output_is_upright(service: Stack, orientation: int) -> None:
    picture = pictures.hopper()
    response = masked(service, pictures.turned(picture, orientation, "PNG"), method="solid", format="png")
    after = pictures.pixels(response.content)
    assert after.shape == (600, 512, 3)
    assert pictures.decoded(response.content).getexif().get(0x0112, 1) == 1
    left, top, right, bottom = map(int, pictures.HOPPER_FACE)
    assert not after[top + 20 : bottom - 20, left + 20 : right - 20].any()
    assert np.array_equal(after[450:], pictures.pixels(picture)[450:])


@pytest.mark.parametrize("size", [(512, 512), (512, 680), (1600, 1800)])
def test_face_filling_frame_is_masked(service: Stack, size: tuple[int, int]) -> None:
    response = masked(service, pictures.encoded(pictures.close_up(*size), "PNG"), method="solid", format="png")
    assert int(response.headers["X-Face-Count"]) >= 1
    assert (pictures.pixels(response.content).max(axis=2) == 0).mean() > 0.7


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_only_first_frame_comes_out(service: Stack, kind: str) -> None:
    file = pictures.encoded(pictures.landscape(512, 512), kind, save_all=True, append_images=[pictures.astronaut()])
    for asked in FORMATS:
        picture = pictures.decoded(masked(service, file, format=asked).content)
        assert getattr(picture, "n_frames", 1) == 1
        assert np.abs(pictures.pixels(picture).astype(int) - pictures.pixels(pictures.landscape(512, 512))).mean() < 6
