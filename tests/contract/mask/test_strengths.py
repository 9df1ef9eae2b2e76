"""A mask is never weaker than what hides a face."""

import pytest
from PIL import Image

from tests.contract import pictures
from tests.contract.calls import detected, masked
from tests.contract.mask.regions import METHODS, SOFT, STRENGTH, grown
from tests.stack import Stack


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
    options = {"method": "pixelate", "strength": 1, "verify": "false"}  # what is found anew has a strength of its own
    reported = [masked(service, pictures.encoded(one, "PNG"), **options).headers for one in (picture, alone)]
    assert [headers["X-Face-Count"] for headers in reported] == ["2", "1"]
    assert int(reported[0][STRENGTH]) == pytest.approx(int(reported[1][STRENGTH]), abs=1)


@pytest.mark.parametrize("strength", [1, 199])
@pytest.mark.parametrize("method", METHODS)
def test_masked_face_is_not_found_again(service: Stack, method: str, strength: int) -> None:
    for picture in (pictures.astronaut(), pictures.hopper(), pictures.close_up(1000, 1200, 0.3)):
        file = pictures.encoded(picture, "PNG")
        response = masked(service, file, format="png", method=method, strength=strength)
        assert response.headers["X-Face-Count"] == "1"
        assert detected(service, response.content)["detections"] == []
