"""What pages say of a result, and what they no longer say once it isn't there."""

import re
import uuid
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.contract.admin import basic, kept
from tests.e2e import seeds
from tests.e2e.browsers import payload
from tests.e2e.conftest import PageErrors, Site

EVERYWHERE = '[{"unit": "relative", "x1": 0, "y1": 0, "x2": 1, "y2": 1}]'


def tried(page: Page) -> None:
    """Mask a photograph on the test page."""
    page.goto("/console/test")
    page.get_by_label("Choose an image").set_input_files(payload("portrait.jpg", seeds.portrait()))
    expect(page.get_by_text("1 detected, 1 masked")).to_be_visible()


def assert_nothing_is_told(page: Page) -> None:
    """Nothing is left of a result, and there is nothing to save."""
    for text in ("1 detected, 1 masked", "Verified", re.compile("Faces of [0-9]+ px")):
        expect(page.get_by_text(text)).to_have_count(0)
    save = page.locator("[data-save]")
    expect(save).to_be_hidden()
    assert save.get_attribute("href") is None
    for name in ("masked", "details", "json", "tools"):
        expect(page.locator(f"[data-{name}]")).to_be_hidden()
    expect(page.locator("[data-marks] .mark")).to_have_count(0)


# --- the test page ------------------------------------------------------------------------------------


def test_failure_stands_beside_no_result(page: Page, page_errors: PageErrors) -> None:
    page_errors.expected = ["415"]
    tried(page)
    page.get_by_label("Choose an image").set_input_files(payload("notes.jpg", b"no picture at all"))
    expect(page.get_by_role("alert")).to_be_visible()
    assert_nothing_is_told(page)


def test_result_is_cleared_before_the_next_call(page: Page) -> None:
    tried(page)
    page.route("**/test/mask*", lambda route: None)  # a call that does not end
    page.get_by_label("Method", exact=True).select_option("solid")
    expect(page.locator("[data-busy]")).to_be_visible()
    assert_nothing_is_told(page)


def test_refused_file_unselects_the_one_before(page: Page) -> None:
    tried(page)
    limit = int(page.locator("[data-test-form]").get_attribute("data-limit") or 0)
    page.locator("[data-test-form]").evaluate("form => (form.dataset.limit = 0)")
    page.evaluate(
        """size => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([new Uint8Array(size)], "huge.jpg", { type: "image/jpeg" }));
          dispatchEvent(new DragEvent("drop", { dataTransfer: transfer }));
        }""",
        limit + 1,
    )
    expect(page.get_by_role("alert")).to_contain_text("huge.jpg is larger than")
    assert_nothing_is_told(page)
    expect(page.locator("[data-run]")).to_be_disabled()
    expect(page.locator("[data-original]")).to_be_hidden()
    expect(page.locator("[data-file-name]")).to_have_text(re.compile("^Drop an image here"))
    expect(page.locator("#curl")).to_contain_text("photo.jpg")
    with page.expect_response(re.compile("/test/mask")):  # the same file may be chosen again
        page.get_by_label("Choose an image").set_input_files(payload("portrait.jpg", seeds.portrait()))


def test_face_left_by_a_region_is_saved_only_when_that_is_meant(page: Page) -> None:
    page.goto("/console/test")
    page.get_by_label("Never mask").fill(EVERYWHERE)
    page.keyboard.press("Tab")  # else the field's change comes with the next click
    page.get_by_label("Choose an image").set_input_files(payload("portrait.jpg", seeds.portrait()))
    expect(page.get_by_text("All detected faces (1) are left visible by your regions.")).to_be_visible()
    expect(page.get_by_text("Surely detected and left visible by your regions: 1")).to_be_visible()
    expect(page.get_by_text("No faces were detected")).to_have_count(0)
    expect(page.get_by_text("no other faces are left")).to_be_visible()
    save = page.locator("[data-save]")
    save.click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    save.click()
    with page.expect_download() as downloaded:
        page.get_by_role("dialog").get_by_role("button", name="Download anyway").click()
    assert downloaded.value.suggested_filename == "portrait-masked.jpg"


# --- batches --------------------------------------------------------------------------------------------


def test_regions_of_a_batch_uncover_only_when_that_is_meant(page: Page, site: Site) -> None:
    name = f"Kept {uuid.uuid4()}"
    page.goto("/console/batches/new")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Never mask").fill(EVERYWHERE)
    page.get_by_label("Choose images").set_input_files([payload("a.jpg", seeds.portrait())])
    start = page.get_by_role("button", name="Start batch")
    start.click()
    page.get_by_role("dialog", name="Leave faces visible").get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert name not in basic(site.service, "GET", "/batches").text
    start.click()
    page.get_by_role("dialog").get_by_role("button", name="Leave visible").click()
    expect(page.locator(".head .pill")).to_have_text("Completed")
    expect(page.get_by_role("row", name="a.jpg").locator(".pill")).to_have_text(["Completed", "1 face uncovered"])


# --- why no faces are shown -----------------------------------------------------------------------------

NONE = "No faces were detected."
CASES: list[tuple[dict[str, Any], str]] = [
    ({"face_count": 0}, NONE),
    ({"status": "failed", "error": "The picture does not decode completely"}, "The search did not end"),
    ({"status": "cancelled", "error": "cancelled"}, "Cancelled: this image was not searched."),
    ({"status": "queued"}, "This image has not been searched yet."),
    ({"face_count": 0, "edited_by": "admin", "uncovered_faces": 2}, "2 faces were detected and left visible"),
    ({"face_count": 0, "edited_by": "admin"}, "Masked by hand without any face; no search was made."),
    ({"face_count": 0, "report": {"kept_faces": 1}}, "1 doubtful face was detected and left by a region."),
]


@pytest.mark.parametrize(("values", "told"), CASES, ids=[told for _, told in CASES])
@pytest.mark.parametrize("where", ["image", "job", "editor"])
def test_only_a_search_tells_that_there_are_no_faces(
    page: Page, site: Site, values: dict[str, Any], told: str, where: str
) -> None:
    job = kept(site.service, **{"face_count": None, "detections": []} | values)
    addresses = {
        "image": f"/console/images/{job.image_id}",
        "job": f"/console/jobs/{job.id}",
        "editor": f"/console/images/{job.image_id}/edit?job={job.id}",
    }
    page.goto(addresses[where])
    expect(page.get_by_text(told)).to_be_visible()
    if told != NONE:
        expect(page.get_by_text(NONE)).to_have_count(0)
        expect(page.get_by_role("heading", name="0 faces")).to_have_count(0)
    basic(site.service, "DELETE", f"/images/{job.image_id}")
