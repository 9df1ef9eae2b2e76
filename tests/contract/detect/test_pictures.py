"""Which pictures are read, and in which coordinates."""

import numpy as np
import pytest
from PIL import Image

from tests.contract import pictures
from tests.contract.calls import DETECT, PATHS, detect, detected, in_pieces, multipart, post
from tests.contract.detect.answers import corners, is_int, overlap
from tests.stack import Stack


def test_image_describes_the_upload(service: Stack) -> None:
    file = pictures.encoded(pictures.landscape(321, 123), "PNG")
    image = detected(service, file)["image"]
    assert image == {"width": 321, "height": 123, "channels": 3, "size_bytes": len(file)}
    assert all(is_int(value) for value in image.values())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
def test_detect_reads_every_format(service: Stack, kind: str) -> None:
    answer = detected(service, pictures.portrait(kind))
    assert answer["summary"]["face_count"] == 1
    assert overlap(corners(answer["detections"][0]), pictures.ASTRONAUT_FACE) > 0.6


def coloured(name: str) -> bytes:
    """The astronaut in another kind of pixels."""
    picture = pictures.astronaut()
    if name == "png16":
        return pictures.png16(np.asarray(picture)[..., ::-1].astype(np.uint16) * 257)
    if name == "grey16":
        return pictures.png16(np.asarray(picture.convert("L")).astype(np.uint16) * 257)
    mode, kind = {
        "grey": ("L", "JPEG"),
        "cmyk": ("CMYK", "JPEG"),
        "cmyk_tiff": ("CMYK", "TIFF"),
        "palette": ("P", "PNG"),
        "grey_alpha": ("LA", "PNG"),
        "alpha": ("RGBA", "WEBP"),
    }[name]
    return pictures.encoded(picture.convert(mode), kind)


@pytest.mark.parametrize("name", ["png16", "grey16", "grey", "cmyk", "cmyk_tiff", "palette", "grey_alpha", "alpha"])
def test_detect_reads_every_colour_mode(service: Stack, name: str) -> None:
    answer = detected(service, coloured(name))
    assert answer["summary"]["face_count"] == 1
    assert overlap(corners(answer["detections"][0]), pictures.ASTRONAUT_FACE) > 0.6


@pytest.mark.parametrize("name", ["grey", "cmyk", "png16"])
def test_other_colours_become_three_channels(service: Stack, name: str) -> None:
    assert detected(service, coloured(name))["image"]["channels"] == 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_coordinates_are_on_upright_picture(service: Stack, orientation: int) -> None:
    file = pictures.turned(pictures.hopper(), orientation, quality=95)
    answer = detected(service, file)
    assert (answer["image"]["width"], answer["image"]["height"]) == (512, 600)
    assert answer["profiling"]["input_resolution"] == "512x600"
    assert [overlap(corners(found), pictures.HOPPER_FACE) > 0.6 for found in answer["detections"]] == [True]


@pytest.mark.parametrize("detail", ["fast", "balanced", "thorough"])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_large_jpeg_is_told_in_its_own_pixels(service: Stack, orientation: int, detail: str) -> None:
    """However few of them the search looks at."""
    file = pictures.turned(large(), orientation, quality=90)
    answer = detected(service, file, detail=detail)
    assert (answer["image"]["width"], answer["image"]["height"]) == large().size
    assert answer["profiling"]["input_pixels"] == 3001 * 3605
    assert answer["profiling"]["det_scale"] == pytest.approx(640 / 3605, abs=1e-6)
    found = [
        overlap(corners(one), tuple(edge * 5 + 500 for edge in pictures.HOPPER_FACE)) for one in answer["detections"]
    ]
    assert found[0] > 0.6
    assert len(found) == 1 or detail == "thorough"  # which enlarges it further, and sees a face in its grain


@pytest.mark.parametrize("share", [0.5, 0.99])
def test_cut_large_jpeg_is_refused(service: Stack, share: float) -> None:
    file = pictures.encoded(large(), "JPEG")
    assert detect(service, file[: int(len(file) * share)] + b"\xff\xd9").status_code == 422


def large() -> Image.Image:
    """The officer, five times as large, in a picture whose sides are no multiples of a block."""
    picture = Image.new("RGB", (3001, 3605), (120, 130, 140))
    picture.paste(pictures.hopper().resize((2560, 3000)), (500, 500))
    return picture


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_orientation_counts_in_every_format(service: Stack, kind: str) -> None:
    answer = detected(service, pictures.turned(pictures.hopper(), 6, kind))
    assert (answer["image"]["width"], answer["image"]["height"]) == (512, 600)
    assert [overlap(corners(found), pictures.HOPPER_FACE) > 0.6 for found in answer["detections"]] == [True]


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_detect_sees_first_frame_only(service: Stack, kind: str) -> None:
    people, nobody = pictures.group(2), pictures.landscape(512, 256)
    first = pictures.encoded(people, kind, save_all=True, append_images=[nobody, nobody])
    second = pictures.encoded(nobody, kind, save_all=True, append_images=[people, people])
    assert detected(service, first)["summary"]["face_count"] == 2
    assert detected(service, second)["summary"]["face_count"] == 0


@pytest.mark.parametrize(
    "filename",
    [
        "photo",
        "notes.txt",
        "../../etc/passwd",
        "C:\\photos\\me.jpg",
        "фото-写真-🙂.jpg",
        "a" * 5000 + ".jpg",
        'quo"te;.jpg',
        "photo.php%00.jpg",
    ],
)
def test_file_name_never_matters(service: Stack, filename: str) -> None:
    response = post(service, DETECT, files={"image": (filename, pictures.portrait(), "text/plain")})
    assert response.status_code == 200, response.text


def test_declared_type_never_matters(service: Stack) -> None:
    response = post(service, DETECT, files={"image": ("photo.gif", pictures.portrait("PNG"), "application/pdf")})
    assert response.status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_chunked_upload_is_read(service: Stack, path: str) -> None:
    body, headers = multipart(pictures.portrait())
    assert post(service, path, data=in_pieces(body), headers=headers).status_code == 200


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (8, 2000), (2000, 8)])
def test_odd_sizes_are_read(service: Stack, size: tuple[int, int]) -> None:
    answer = detected(service, pictures.encoded(Image.new("RGB", size, (200, 180, 160)), "PNG"))
    assert (answer["image"]["width"], answer["image"]["height"]) == size
    assert answer["summary"]["face_count"] == 0
