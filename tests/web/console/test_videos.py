"""The page of a video: what it says of the file that somebody has sent."""

import pytest

from web.console.views import videos


@pytest.mark.parametrize(
    ("filename", "content_type"),
    [
        ("holiday.mp4", "video/mp4"),
        ("holiday.MOV", "video/quicktime"),
        ("holiday.webm", "video/webm"),
        ("holiday", "video/mp4"),
        ("page.html", "video/mp4"),
        ("drawing.svg", "video/mp4"),
        ("script.js", "video/mp4"),
    ],
)
def test_name_makes_no_page_of_a_video(filename: str, content_type: str) -> None:
    assert videos.content_type(filename) == content_type
