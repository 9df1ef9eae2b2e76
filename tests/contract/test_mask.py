"""POST /api/v1/mask: what its headers say, which pixels it changes, and that nothing but pixels comes out."""

import itertools
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image

from tests.contract import pictures
from tests.contract.calls import detected, is_uuid, mask, masked
from tests.contract.pictures import Pixels
from tests.stack import Stack

METHODS = ("gaussian", "pixelate", "solid", "elliptical")
SOFT = ("gaussian", "pixelate", "elliptical")
FORMATS = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP"}
STRENGTH = "X-Mask-Effective-Strength"

Region = tuple[int, int, int, int]


def png(service: Stack, picture: Image.Image, **query: Any) -> Pixels:
    """Pixels of the masked picture, nothing lost on either way."""
    return pictures.pixels(masked(service, pictures.encoded(picture, "PNG"), format="png", **query).content)


def black_region(before: Pixels, after: Pixels) -> Region:
    """The one box that was painted black: left, top, right, bottom, half-open."""
    changed = (before != after).any(axis=2)
    assert changed.any()
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def grown(service: Stack, picture: Image.Image, padding: float) -> tuple[float, float, float, float]:
    """The single face's box as /detect tells it, grown by padding × its width and height, clipped."""
    (face,) = detected(service, pictures.encoded(picture, "PNG"))["detections"]
    box = face["bbox"]
    across, down = padding * (box["x2"] - box["x1"]), padding * (box["y2"] - box["y1"])
    return (
        max(0.0, box["x1"] - across),
        max(0.0, box["y1"] - down),
        min(float(picture.width), box["x2"] + across),
        min(float(picture.height), box["y2"] + down),
    )


def inside(shape: tuple[int, ...], region: Region) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which pixels lie in the region: shape (height, width)."""
    found = np.zeros(shape[:2], bool)
    found[region[1] : region[3], region[0] : region[2]] = True
    return found


def ellipse_distance(shape: tuple[int, ...], region: Region) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Below 1 within the ellipse inscribed in the region, above 1 outside: shape (height, width)."""
    left, top, right, bottom = region
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]] + 0.5
    across = (columns - (left + right) / 2) / ((right - left) / 2)
    down = (rows - (top + bottom) / 2) / ((bottom - top) / 2)
    distance: np.ndarray[Any, np.dtype[np.float64]] = np.hypot(across, down)
    return distance


@pytest.fixture(scope="module")
def source() -> Pixels:
    """The astronaut's pixels."""
    return pictures.pixels(pictures.astronaut())


@pytest.fixture(scope="module")
def region(service: Stack, source: Pixels) -> Region:
    """The astronaut's region with the default padding, read off a black mask."""
    return black_region(source, png(service, pictures.astronaut(), method="solid"))


@pytest.fixture(scope="module")
def answer(service: Stack) -> requests.Response:
    """A portrait, masked as nobody asked otherwise."""
    return masked(service, pictures.portrait())


# --- headers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["X-Inference-Ms", "X-Mask-Ms", "X-Encode-Ms", "X-Total-Ms"])
def test_time_headers_are_numbers(answer: requests.Response, name: str) -> None:
    assert re.fullmatch(r"\d+(\.\d{1,2})?", answer.headers[name])


def test_times_fit_into_total(answer: requests.Response) -> None:
    parts = sum(float(answer.headers[name]) for name in ("X-Inference-Ms", "X-Mask-Ms", "X-Encode-Ms"))
    assert 0 < parts <= float(answer.headers["X-Total-Ms"]) + 0.1


def test_face_count_header_counts(service: Stack) -> None:
    people = (pictures.landscape(), pictures.astronaut(), pictures.group(3, 2))
    answers = [masked(service, pictures.encoded(picture, "PNG")) for picture in people]
    assert [answer.headers["X-Face-Count"] for answer in answers] == ["0", "1", "6"]


def test_model_header_names_model(answer: requests.Response, service: Stack) -> None:
    assert answer.headers["X-Model"] == service.model


def test_request_id_header_is_uuid(answer: requests.Response) -> None:
    assert is_uuid(answer.headers["X-Request-Id"])


def test_record_id_headers_follow_storage(answer: requests.Response, service: Stack) -> None:
    stored = requests.get(service.url + "/health", timeout=30).json()["storage_enabled"]
    for name in ("X-Image-Id", "X-Job-Id"):
        assert is_uuid(answer.headers[name]) if stored else name not in answer.headers


def test_strength_header_is_whole_number(answer: requests.Response) -> None:
    assert re.fullmatch(r"[1-9]\d*", answer.headers[STRENGTH])


def test_length_header_is_true(answer: requests.Response) -> None:
    assert int(answer.headers["Content-Length"]) == len(answer.content)


# --- the output's format -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("method", METHODS)
def test_mask_answers_asked_format(service: Stack, method: str, kind: str) -> None:
    response = masked(service, pictures.encoded(pictures.hopper(), "JPEG"), method=method, format=kind)
    assert response.headers["Content-Type"] == f"image/{kind}"
    picture = pictures.decoded(response.content)
    assert (picture.format, picture.size) == (FORMATS[kind], (512, 600))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
def test_mask_reads_every_format(service: Stack, kind: str, region: Region) -> None:
    response = masked(service, pictures.portrait(kind), method="solid", format="png")
    left, top, right, bottom = region
    assert response.headers["X-Face-Count"] == "1"
    assert not pictures.pixels(response.content)[top + 3 : bottom - 3, left + 3 : right - 3].any()


def test_default_output_is_jpeg(answer: requests.Response) -> None:
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert pictures.decoded(answer.content).format == "JPEG"


def test_defaults_are_the_contracts(service: Stack, answer: requests.Response) -> None:
    spelt_out = {
        "confidence": "0.5",
        "nms_threshold": "0.4",
        "max_faces": "0",
        "method": "gaussian",
        "strength": "199",
        "padding": "0.15",
        "format": "jpeg",
        "quality": "95",
        "detail": "balanced",
        "review_confidence": "0.25",
        "verify": "true",
    }
    assert masked(service, pictures.portrait(), **spelt_out).content == answer.content


@pytest.mark.parametrize(("name", "value"), [("strength", "401"), ("padding", "0.4"), ("quality", "60")])
def test_each_option_changes_the_output(service: Stack, answer: requests.Response, name: str, value: str) -> None:
    assert masked(service, pictures.portrait(), **{name: value}).content != answer.content


@pytest.mark.parametrize("kind", ["jpeg", "webp"])
def test_quality_sets_the_size(service: Stack, kind: str) -> None:
    low, high = (masked(service, pictures.portrait("PNG"), format=kind, quality=quality) for quality in (10, 95))
    assert len(low.content) < 0.5 * len(high.content)


def test_png_ignores_quality(service: Stack) -> None:
    low, high = (masked(service, pictures.portrait("PNG"), format="png", quality=quality) for quality in (1, 100))
    assert low.content == high.content


@pytest.mark.parametrize("picture", [pictures.astronaut(), pictures.landscape()], ids=["face", "no_face"])
def test_webp_at_full_quality_is_lossless(service: Stack, picture: Image.Image) -> None:
    file = pictures.encoded(picture, "PNG")
    lossless = masked(service, file, format="webp", quality=100).content
    assert "VP8L" in pictures.webp_chunks(lossless)
    assert np.array_equal(pictures.pixels(lossless), pictures.pixels(masked(service, file, format="png").content))


def test_webp_below_full_quality_is_lossy(service: Stack) -> None:
    assert "VP8L" not in pictures.webp_chunks(masked(service, pictures.portrait(), format="webp", quality=99).content)


@pytest.mark.parametrize(
    "query",
    [
        {"strength": "1"},
        {"strength": "999"},
        {"padding": "0"},
        {"padding": "2"},
        {"padding": "2.0"},
        {"quality": "1"},
        {"quality": "100"},
        {"confidence": "0.01"},
        {"nms_threshold": "1"},
        {"max_faces": "1000000"},
    ],
    ids=str,
)
def test_mask_accepts_range_limits(service: Stack, query: dict[str, str]) -> None:
    assert mask(service, pictures.portrait(), **query).status_code == 200


# --- which pixels --------------------------------------------------------------------------------


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
    response = masked(service, pictures.encoded(picture, "PNG"), format="png", method="pixelate", strength=strength)
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


# --- never weaker than what hides a face ---------------------------------------------------------


@pytest.mark.parametrize("method", SOFT)
@pytest.mark.parametrize("picture", [pictures.astronaut(), pictures.hopper()], ids=["astronaut", "hopper"])
def test_weak_strength_is_raised(service: Stack, picture: Image.Image, method: str) -> None:
    left, top, right, bottom = grown(service, picture, 0.15)
    response = masked(service, pictures.encoded(picture, "PNG"), method=method, strength=1)
    assert int(response.headers[STRENGTH]) >= max(right - left, bottom - top) / 8


@pytest.mark.parametrize("method", SOFT)
def test_strength_grows_with_the_face(service: Stack, method: str) -> None:
    small, large = pictures.astronaut(), pictures.astronaut().resize((1536, 1536))
    few, many = (
        int(masked(service, pictures.encoded(picture, "PNG"), method=method, strength=1).headers[STRENGTH])
        for picture in (small, large)
    )
    assert 2.5 <= many / few <= 3.5


@pytest.mark.parametrize(
    ("method", "asked", "applied"),
    [("gaussian", 999, 999), ("gaussian", 998, 999), ("elliptical", 998, 999), ("pixelate", 998, 998)],
)
def test_strong_strength_is_kept(service: Stack, method: str, asked: int, applied: int) -> None:
    response = masked(service, pictures.portrait(), method=method, strength=asked)
    assert int(response.headers[STRENGTH]) == applied


@pytest.mark.parametrize("method", ["gaussian", "elliptical"])
@pytest.mark.parametrize("strength", [1, 2, 50, 300])
def test_kernel_size_is_odd(service: Stack, method: str, strength: int) -> None:
    response = masked(service, pictures.portrait(), method=method, strength=strength)
    assert int(response.headers[STRENGTH]) % 2 == 1


def test_largest_strength_is_told(service: Stack) -> None:
    picture = Image.new("RGB", (900, 640), (120, 130, 140))
    picture.paste(pictures.astronaut().resize((640, 640)), (0, 0))
    picture.paste(pictures.astronaut().resize((200, 200)), (680, 200))
    alone = picture.crop((0, 0, 640, 640))
    told = [
        masked(service, pictures.encoded(one, "PNG"), method="pixelate", strength=1).headers for one in (picture, alone)
    ]
    assert [headers["X-Face-Count"] for headers in told] == ["2", "1"]
    assert int(told[0][STRENGTH]) == pytest.approx(int(told[1][STRENGTH]), abs=1)


@pytest.mark.parametrize("strength", [1, 199])
@pytest.mark.parametrize("method", METHODS)
def test_masked_face_is_not_found_again(service: Stack, method: str, strength: int) -> None:
    for picture in (pictures.astronaut(), pictures.hopper(), pictures.close_up(1000, 1200, 0.3)):
        file = pictures.encoded(picture, "PNG")
        response = masked(service, file, format="png", method=method, strength=strength)
        assert response.headers["X-Face-Count"] == "1"
        assert detected(service, response.content)["detections"] == []


# --- alpha ---------------------------------------------------------------------------------------


def veiled() -> Image.Image:
    """The astronaut with alpha: full on the right, 180 on the left half, none in the corners."""
    alpha = np.full((512, 512), 255, np.uint8)
    alpha[:, :226] = 180
    for rows, columns in itertools.product((slice(0, 40), slice(472, 512)), repeat=2):
        alpha[rows, columns] = 0
    picture = pictures.astronaut().convert("RGBA")
    picture.putalpha(Image.fromarray(alpha))
    return picture


@pytest.mark.parametrize("source_kind", ["PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("kind", ["png", "webp"])
def test_alpha_is_kept_outside(service: Stack, source_kind: str, kind: str, region: Region) -> None:
    options = {"lossless": True, "exact": True} if source_kind == "WEBP" else {}
    file = pictures.encoded(veiled(), source_kind, **options)
    after = pictures.decoded(masked(service, file, format=kind, method="solid", quality=100).content)
    assert after.mode == "RGBA"
    before = np.asarray(veiled())
    margin = 8
    wide = (region[0] - margin, region[1] - margin, region[2] + margin, region[3] + margin)
    outside = ~inside(before.shape, wide)
    assert np.array_equal(np.asarray(after)[outside][:, 3], before[outside][:, 3])
    seen = outside & (before[..., 3] > 0)
    assert np.array_equal(np.asarray(after)[seen], before[seen])


@pytest.mark.parametrize("method", ["gaussian", "pixelate", "solid"])
@pytest.mark.parametrize("kind", ["png", "webp"])
def test_masked_region_is_opaque(service: Stack, method: str, kind: str) -> None:
    file = pictures.encoded(veiled(), "PNG")
    left, top, right, bottom = map(int, grown(service, veiled(), 0.15))
    after = np.asarray(pictures.decoded(masked(service, file, format=kind, method=method, quality=100).content))
    assert (after[top + 2 : bottom - 2, left + 2 : right - 2, 3] == 255).all()


def test_jpeg_shows_alpha_on_white(service: Stack) -> None:
    file = pictures.encoded(veiled(), "PNG")
    after = pictures.pixels(masked(service, file, format="jpeg", quality=100, method="solid").content).astype(int)
    white = Image.new("RGBA", (512, 512), (255, 255, 255, 255))
    expected = pictures.pixels(Image.alpha_composite(white, veiled())).astype(int)
    assert (after[4:32, 4:32] >= 250).all()
    assert np.abs(after - expected)[300:].mean() < 3


@pytest.mark.parametrize("kind", FORMATS)
def test_invisible_face_never_comes_out(service: Stack, kind: str) -> None:
    picture = pictures.astronaut().convert("RGBA")
    picture.putalpha(0)
    response = masked(service, pictures.encoded(picture, "PNG"), format=kind, quality=100)
    bare = pictures.decoded(response.content).convert("RGBA").convert("RGB")
    assert detected(service, pictures.encoded(bare, "PNG"))["detections"] == []


def test_sixteen_bits_become_eight(service: Stack, source: Pixels, region: Region) -> None:
    deep = np.asarray(source)[..., ::-1].astype(np.uint16) * 257
    file = pictures.png16(deep)
    after = pictures.decoded(masked(service, file, format="png", method="solid").content)
    outside = ~inside(source.shape, region)
    assert after.mode == "RGB"
    assert np.array_equal(np.asarray(after)[outside], source[outside])


def test_grey_picture_keeps_its_pixels(service: Stack) -> None:
    grey = pictures.astronaut().convert("L")
    after = pictures.pixels(masked(service, pictures.encoded(grey, "PNG"), format="png", method="solid").content)
    assert np.array_equal(after[300:], pictures.pixels(grey)[300:])
    assert not after[90:150, 200:250].any()


def test_palette_transparency_is_kept(service: Stack) -> None:
    picture = pictures.landscape().quantize(16)
    file = pictures.encoded(picture, "PNG", transparency=0)
    after = pictures.decoded(masked(service, file, format="png").content).convert("RGBA")
    before = pictures.decoded(file).convert("RGBA")
    assert np.array_equal(np.asarray(after)[..., 3], np.asarray(before)[..., 3])


# --- nothing but pixels --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("source_kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("picture", [pictures.astronaut(), pictures.landscape()], ids=["face", "no_face"])
def test_nothing_told_comes_out(service: Stack, picture: Image.Image, source_kind: str, kind: str) -> None:
    file = pictures.talkative(picture, source_kind)
    output = masked(service, file, format=kind).content
    assert any(secret in file for secret in pictures.SECRETS)
    assert b"SECRET" not in output
    assert b"Exif" not in output and b"xmpmeta" not in output and b"Photoshop" not in output


@pytest.mark.parametrize("picture", [pictures.astronaut(), pictures.landscape()], ids=["face", "no_face"])
def test_jpeg_holds_pixels_and_profile(service: Stack, picture: Image.Image) -> None:
    output = masked(service, pictures.talkative(picture, "JPEG"), format="jpeg").content
    frame = {0xC0, 0xC1, 0xC2, 0xC4, 0xDA, 0xDB, 0xDD}
    for marker, body in pictures.jpeg_segments(output):
        profile = marker == 0xE2 and body.startswith(b"ICC_PROFILE\x00")
        plain = marker == 0xE0 and body.startswith(b"JFIF\x00") and body[12:14] == b"\x00\x00"
        assert marker in frame or profile or plain, hex(marker)


@pytest.mark.parametrize("picture", [pictures.astronaut(), pictures.landscape()], ids=["face", "no_face"])
def test_png_holds_pixels_and_profile(service: Stack, picture: Image.Image) -> None:
    output = masked(service, pictures.talkative(picture, "PNG"), format="png").content
    assert set(pictures.png_chunks(output)) <= {"IHDR", "PLTE", "tRNS", "iCCP", "IDAT", "IEND"}


@pytest.mark.parametrize("picture", [pictures.astronaut(), pictures.landscape()], ids=["face", "no_face"])
@pytest.mark.parametrize("quality", [80, 100])
def test_webp_holds_pixels_and_profile(service: Stack, picture: Image.Image, quality: int) -> None:
    output = masked(service, pictures.talkative(picture, "WEBP"), format="webp", quality=quality).content
    assert set(pictures.webp_chunks(output)) <= {"VP8 ", "VP8L", "VP8X", "ALPH", "ICCP"}


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("source_kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_colour_profile_is_kept(service: Stack, source_kind: str, kind: str) -> None:
    file = pictures.talkative(pictures.astronaut(), source_kind)
    output = pictures.decoded(masked(service, file, format=kind).content)
    assert output.info.get("icc_profile") == pictures.colour_profile()


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", ["portrait-cmyk.jpg", "portrait-gray.jpg", "portrait-icc-rgb.tif"])
def test_kept_profile_fits_the_pixels(service: Stack, shared_data: Path, name: str, kind: str) -> None:
    output = pictures.decoded(masked(service, (shared_data / "formats" / name).read_bytes(), format=kind).content)
    profile = output.info.get("icc_profile")
    space = {"L": b"GRAY"}.get(output.mode, b"RGB ")
    assert profile is None or profile[16:20] == space


def test_second_picture_never_comes_out(service: Stack) -> None:
    first = pictures.encoded(pictures.landscape(), "JPEG")
    output = masked(service, first + pictures.portrait(), format="jpeg").content
    assert output.count(b"\xff\xd8\xff") == 1
    assert pictures.decoded(output).size == (640, 480)


def test_mask_answers_alike_twice(service: Stack, answer: requests.Response) -> None:
    assert masked(service, pictures.portrait()).content == answer.content
