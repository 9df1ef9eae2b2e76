"""Videos in the console: uploaded, followed, played beside the original, cancelled, deleted."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests import clips
from tests.clips import Clip
from tests.contract.admin import basic, body
from tests.e2e.conftest import PageErrors, Site

WORKED_MS = 300_000


def clip_file(folder: Path, clip: Clip, name: str = "street.webm") -> Path:
    """A clip as a file; one that is to be played is WebM, which every browser plays."""
    path = folder / name
    path.write_bytes(clips.made(clip))
    return path


def begin(page: Page, file: Path) -> None:
    """Upload a file from the form."""
    page.goto("/console/videos/new")
    page.get_by_label("Choose a video").set_input_files(file)
    page.get_by_label("Detail").select_option("fast")
    page.get_by_label("Method").select_option("solid")
    with page.expect_navigation():
        page.get_by_role("button", name="Upload and mask").click()
    expect(page.get_by_role("heading", name=file.name)).to_be_visible()


def test_video_is_masked_and_played(page: Page, site: Site, tmp_path: Path) -> None:
    begin(page, clip_file(tmp_path, Clip(frames=20, fps=10, format="webm")))
    download = page.get_by_role("link", name="Download result")
    expect(download).to_be_visible(timeout=WORKED_MS)  # the page comes again by itself
    expect(page.locator("[data-done]")).to_have_text("20")
    for name in ("original", "masked"):
        player = page.locator(f"video[data-{name}]")
        expect(player).to_have_js_property("error", None)
        page.wait_for_function("player => player.readyState >= 2", arg=player.element_handle())
        assert player.evaluate("player => [player.videoWidth, player.videoHeight]") == [640, 360]
    expect(page.locator("[data-boxes] rect")).to_have_count(1)
    masked = page.locator("video[data-masked]")
    masked.evaluate("player => { player.currentTime = 1.5; }")
    page.wait_for_function("() => Math.abs(document.querySelector('[data-original]').currentTime - 1.5) < 0.2")
    left = clips.face_box(Clip(), 15)[0]
    page.wait_for_function(
        "left => Math.abs(document.querySelector('[data-boxes] rect')?.getAttribute('x') - left) < 40", arg=left
    )
    page.get_by_label("Show tracks").uncheck()
    expect(page.locator("[data-boxes] rect")).to_have_count(0)
    viewed = body(basic(site.service, "GET", "/audit", params={"deed": "original.viewed", "per_page": 100}))["items"]
    assert page.url.rpartition("/")[2] in {one["target"] for one in viewed}
    page.goto("/console/videos")
    row = page.get_by_role("row", name="street.webm").first
    expect(row).to_contain_text("Completed")
    row.get_by_role("link").click()
    page.get_by_role("button", name="Delete video").click()
    with page.expect_navigation():
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("The video is deleted.")).to_be_visible()


def test_video_is_cancelled(page: Page, tmp_path: Path) -> None:
    begin(page, clip_file(tmp_path, Clip(frames=300, fps=10, key_every=20, format="webm"), "long.webm"))
    page.get_by_role("button", name="Cancel video").click()
    with page.expect_navigation():
        page.get_by_role("dialog").get_by_role("button", name="Cancel video").click()
    expect(page.locator("[data-status]")).to_have_text("Cancelled")
    expect(page.get_by_role("button", name="Cancel video")).to_have_count(0)


def test_reason_of_a_refusal_is_told(page: Page, tmp_path: Path, page_errors: PageErrors) -> None:
    page_errors.expected = ["415"]
    file = tmp_path / "picture.mp4"
    file.write_bytes(clips.jpeg(clips.picture(Clip(), 0)))
    page.goto("/console/videos/new")
    page.get_by_label("Choose a video").set_input_files(file)
    page.get_by_role("button", name="Upload and mask").click()
    expect(page.get_by_role("alert")).to_contain_text("This video format is not supported")


def test_failed_video_says_why(page: Page, tmp_path: Path) -> None:
    file = clip_file(tmp_path, Clip(frames=30, format="mp4"), "cut.mp4")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    begin(page, file)
    expect(page.get_by_text("The video is damaged or incomplete")).to_be_visible(timeout=WORKED_MS)
