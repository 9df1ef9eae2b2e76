"""File names of results: one for each picture, on every system."""

import pytest

from face_api_client.command.batches import pictures


@pytest.mark.parametrize(
    ("names", "results"),
    [
        (["a.jpg", "a.jpg/b.jpg"], ["a.jpg", "a.jpg_b.jpg.jpg"]),
        (["a.heic", "a.jpg/b.png"], ["a.jpg", "a.jpg_b.png.jpg"]),
        (["a.jpg", "A.JPG"], ["a.jpg", "A.JPG.jpg"]),
        (["C:/x.jpg", "C_/x.jpg"], ["C_/x.jpg", "C_/x.jpg.jpg"]),
        (["CON.jpg", "nul.png"], ["_CON.jpg", "_nul.jpg"]),
        (["photo\u202egpj.exe.png"], ["photo_gpj.exe.jpg"]),
        (["one\u2028two.jpg"], ["one_two.jpg"]),
        (["a.png", "a.heic", "a.tif"], ["a.png.jpg", "a.heic.jpg", "a.tif.jpg"]),
    ],
)
def test_results_have_names_of_their_own(names: list[str], results: list[str]) -> None:
    assert pictures.result_names(names, [], ".jpg") == dict(zip(names, results, strict=True))


def test_results_spare_what_is_there() -> None:
    taken = ["a.jpg", "b/c.jpg"]
    assert pictures.result_names(["a.png", "b", "b/C.jpg"], taken, ".jpg") == {
        "a.png": "a.png.jpg",
        "b": "b.jpg",
        "b/C.jpg": "b/C.jpg.jpg",
    }
