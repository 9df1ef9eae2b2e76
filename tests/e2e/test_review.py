"""Reviewing and masking by hand in the browser, checked through the API."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from core.database.clock import now
from core.records.rows import StoredJob
from tests.contract.admin import basic, body, kept
from tests.contract.calls import detect
from tests.e2e import seeds
from tests.e2e.conftest import PageErrors, Site


def job_of(site: Site, image_id: object) -> dict[str, Any]:
    """Return the newest job of an image, with all that is stored of it."""
    newest = body(basic(site.service, "GET", f"/images/{image_id}"))["jobs"][0]["id"]
    return body(basic(site.service, "GET", f"/jobs/{newest}"))


@pytest.fixture(autouse=True)
def nothing_waits(site: Site) -> Iterator[None]:
    """Delete what a test leaves in the queue: the next one counts on it to be empty."""
    yield
    for item in body(basic(site.service, "GET", "/reviews", params={"per_page": 100}))["items"]:
        basic(site.service, "DELETE", f"/images/{item['image_id']}")


def opened(page: Page, path: str = "/console/review") -> None:
    """Open an editor whose scripts have run."""
    page.goto(path)
    expect(page.locator("[data-marks] .mark[tabindex='0']")).to_have_count(1)


def test_doubtful_faces_are_reviewed(page: Page, site: Site) -> None:
    first, second = seeds.doubtful(site.service), seeds.doubtful(site.service)
    page.goto("/console/review")
    expect(page.get_by_text("1 of 2")).to_be_visible()
    assert str(second.image_id) in page.content()
    expect(page.locator("[data-rows] li > :first-child")).to_have_text(["Face 3", "Face 2", "Face 1"])
    expect(page.locator("[data-rows] .pill")).to_have_text(["Not masked", "Doubtful"])
    page.get_by_role("button", name="Reject: Face 2").click()
    picture = page.locator("[data-marks]")
    box = picture.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.1, box["y"] + box["height"] * 0.1)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.4, steps=4)
    page.mouse.up()
    page.keyboard.press("Shift+ArrowRight")
    page.get_by_role("button", name="Restore: Face 3").click()  # which is just not masked
    page.keyboard.press("m")
    expect(page.get_by_text("Masked faces: 3")).to_be_visible()
    made = job_of(site, second.image_id)
    shown = page.locator("[data-canvas] img")
    expect(shown).to_have_attribute("src", re.compile(made["id"]))
    expect(shown).to_have_js_property("naturalWidth", 512)
    with page.expect_navigation():  # until the scripts of the page have run
        page.keyboard.press("n")
    expect(page.get_by_text("1 of 1")).to_be_visible()
    assert (made["face_count"], made["report"]["removed"], made["report"]["by"]) == (3, [1], "admin")
    near, (x1, y1, x2, y2) = made["report"]["added"]
    assert near == [40, 300, 90, 360]
    assert abs(x1 - 51) < 6 and abs(y1 - 51) < 6 and abs(x2 - 156) < 8 and abs(y2 - 205) < 6

    page.keyboard.press("a")
    expect(page.get_by_text("Nothing to review")).to_be_visible()
    reviewed = [body(basic(site.service, "GET", f"/jobs/{job.id}")) for job in (first, second)]
    assert [one["review_state"] for one in reviewed] == ["done", "done"]
    assert [one["report"]["review"]["verdict"] for one in reviewed] == ["accepted", "edited"]
    page.goto(f"/console/jobs/{first.id}")
    expect(page.get_by_text("Accepted · admin")).to_be_visible()


def test_accepted_image_is_taken_back(page: Page, site: Site) -> None:
    jobs = [seeds.doubtful(site.service), seeds.doubtful(site.service)]
    opened(page)
    for left in (1, 0):
        with page.expect_navigation():  # until the scripts of the page have run
            page.keyboard.press("a")
        expect(page.get_by_text("1 of 1" if left else "Nothing to review")).to_be_visible()
        expect(page.get_by_text("Accepted: hangar.jpg")).to_be_visible()
    with page.expect_navigation():
        page.keyboard.press("u")
    expect(page.get_by_text("1 of 1")).to_be_visible()
    states = [body(basic(site.service, "GET", f"/jobs/{job.id}"))["review_state"] for job in jobs]
    assert states == ["pending", "done"]  # the newest was shown first
    expect(page.locator("[data-accepted]")).to_be_hidden()


def test_next_and_previous_have_shortcuts(page: Page, site: Site) -> None:
    for _ in range(3):
        seeds.doubtful(site.service)
    opened(page)
    for key, place in (("n", 2), ("n", 3), ("n", 1), ("p", 3), ("p", 2)):
        with page.expect_navigation():  # until the scripts of the page have run
            page.keyboard.press(key)
        expect(page.get_by_text(f"{place} of 3")).to_be_visible()


# --- uncovering ---------------------------------------------------------------------------------------


def test_sure_face_is_uncovered_only_when_that_is_meant(page: Page, site: Site) -> None:
    made = seeds.masked(site.service, "by hand.jpg", seeds.portrait(), method="solid")
    image_id = made.headers["X-Image-Id"]
    page.goto(f"/console/images/{image_id}")
    with page.expect_navigation():  # until the scripts of the page have run
        page.get_by_role("link", name="Mask manually").click()
    page.get_by_role("button", name="Reject: Face 1").click()
    page.get_by_role("button", name="Mask again").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("will not be masked: 1.")
    page.keyboard.press("m")  # asks no second time
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert job_of(site, image_id)["id"] == made.headers["X-Job-Id"]
    page.get_by_role("button", name="Mask again").click()
    dialog.get_by_role("button", name="Leave visible").click()
    expect(page.get_by_text("Sure faces that are visible: 1")).to_be_visible()
    with page.expect_navigation():
        page.keyboard.press("n")
    expect(page.locator(".head .pill")).to_have_text(["By hand", "1 face uncovered"])
    by_hand = page.locator("tbody tr").first.locator(".pills .pill")
    expect(by_hand).to_have_text(["Completed", "By hand", "1 face uncovered"])
    expect(page.get_by_text("1 face was detected and left visible on purpose.")).to_be_visible()
    job = job_of(site, image_id)
    assert (job["face_count"], job["edited_by"], job["uncovered_faces"]) == (0, "admin", 1)
    again = requests.get(job["processed_url"], timeout=30).content
    assert detect(site.service, again).json()["summary"]["face_count"] == 1
    page.goto("/console/images?name=by+hand.jpg")
    expect(page.locator(".picture .pill")).to_have_text(["By hand", "1 face uncovered"])
    with page.expect_navigation():
        page.get_by_role("link", name="by hand.jpg").click()

    page.get_by_role("button", name="Undo mask").click()
    dialog.get_by_role("button", name="Undo", exact=True).click()
    expect(page.get_by_text("The result from before is back.")).to_be_visible()
    expect(page.locator(".head .pill")).to_have_count(0)
    job = job_of(site, image_id)
    assert requests.get(job["processed_url"], timeout=30).content == made.content


def test_mask_of_somebody_else_is_not_undone_unseen(page: Page, site: Site, page_errors: PageErrors) -> None:
    page_errors.expected = ["409"]
    job = seeds.doubtful(site.service)
    opened(page, f"/console/images/{job.image_id}/edit?job={job.id}")
    other = page.context.new_page()
    opened(other, f"/console/images/{job.image_id}/edit?job={job.id}")
    for one in (page, other):
        one.get_by_role("button", name="Reject: Face 2").click()
        one.get_by_role("button", name="Mask again").click()
        if one is page:
            expect(page.locator("[data-result-faces]")).to_be_visible()
    dialog = other.get_by_role("dialog", name="There is a newer result")
    dialog.get_by_role("button", name="Stay here").click()
    expect(other.get_by_text("Not masked yet")).to_be_visible()
    other.get_by_role("button", name="Mask again").click()
    with other.expect_navigation():
        dialog.get_by_role("button", name="Show the newer one").click()
    expect(other.locator(".head .pill")).to_have_text(["By hand"])
    assert body(basic(site.service, "GET", f"/images/{job.image_id}"))["job_count"] == 2


def test_face_drawn_anew_asks_nothing(page: Page, site: Site) -> None:
    job = seeds.doubtful(site.service)
    opened(page, f"/console/images/{job.image_id}/edit?job={job.id}")
    page.get_by_role("button", name="Reject: Face 1").click()
    picture = page.locator("[data-marks]").bounding_box()
    assert picture is not None
    scale = picture["width"] / 512
    page.mouse.move(picture["x"] + 170 * scale, picture["y"] + 45 * scale)
    page.mouse.down()
    page.mouse.move(picture["x"] + 280 * scale, picture["y"] + 190 * scale, steps=3)
    page.mouse.up()
    page.keyboard.press("m")
    expect(page.get_by_text("Masked faces: 2")).to_be_visible()
    assert job_of(site, job.image_id)["uncovered_faces"] == 0


def test_undo_after_masking_brings_picture_and_edits_back(page: Page, site: Site) -> None:
    job = seeds.doubtful(site.service)
    opened(page)
    page.get_by_role("button", name="Reject: Face 2").click()
    page.keyboard.press("m")
    expect(page.get_by_text("Masked faces: 1")).to_be_visible()
    with page.expect_navigation():  # until the scripts of the page have run
        page.keyboard.press("u")
    expect(page.get_by_text("1 of 1")).to_be_visible()
    expect(page.get_by_role("button", name="Restore: Face 2")).to_be_visible()
    restored = job_of(site, job.image_id)
    assert (restored["review_state"], restored["edited_by"], restored["face_count"]) == ("pending", None, 2)


# --- edits ----------------------------------------------------------------------------------------------


def test_edits_are_undone_and_redone(page: Page, site: Site) -> None:
    seeds.doubtful(site.service)
    opened(page)
    page.clock.set_fixed_time(now())  # keys count as one step while little time passes
    page.get_by_role("button", name="Reject: Face 2").click()
    page.get_by_role("button", name="Add box").click()
    for _ in range(3):
        page.keyboard.press("ArrowRight")  # one step
    added = page.locator("[data-marks] .own rect")
    moved = added.get_attribute("x")
    page.keyboard.press("Control+z")
    assert added.get_attribute("x") != moved
    page.keyboard.press("Control+z")
    expect(added).to_have_count(0)
    page.get_by_role("button", name="Undo", exact=False).first.click()
    expect(page.get_by_role("button", name="Reject: Face 2")).to_be_visible()
    expect(page.locator("[data-unsaved]")).to_be_hidden()
    page.keyboard.press("Control+Shift+z")
    expect(page.get_by_role("button", name="Restore: Face 2")).to_be_visible()


def test_edits_wait_for_the_viewer(page: Page, site: Site) -> None:
    for _ in range(2):
        seeds.doubtful(site.service)
    opened(page)
    page.get_by_role("button", name="Reject: Face 2").click()
    expect(page.get_by_text("Not masked yet")).to_be_visible()
    for key in ("n", "p"):
        with page.expect_navigation():  # until the scripts of the page have run
            page.keyboard.press(key)
        if key == "n":
            expect(page.get_by_text("Your changes are kept, and not masked yet.")).to_be_visible()
    expect(page.get_by_text("Your changes from before are back.")).to_be_visible()
    expect(page.get_by_role("button", name="Restore: Face 2")).to_be_visible()
    page.keyboard.press("a")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Accept without your changes?")
    dialog.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Discard changes").click()
    expect(page.get_by_role("button", name="Reject: Face 2")).to_be_visible()
    with page.expect_navigation():
        page.keyboard.press("a")
    expect(page.get_by_text("1 of 1")).to_be_visible()


# --- crowds ---------------------------------------------------------------------------------------------


def crowd(site: Site, faces: int = 479) -> StoredJob:
    """Store a picture with so many faces, of which the last three are doubtful."""
    side = 512 // 24
    found = [
        {
            "index": index,
            "bbox": {"x1": x, "y1": y, "x2": x + side * 0.7, "y2": y + side * 0.7},
            "confidence": 0.9 if index < faces - 3 else 0.3,
            "landmarks": None,
        }
        | ({"review": True} if index >= faces - 3 else {})
        for index, (x, y) in enumerate((index % 24 * side, index // 24 * side) for index in range(faces))
    ]
    return kept(site.service, filename="crowd.jpg", detections=found, face_count=faces, review_state="pending")


def test_doubtful_faces_of_a_crowd_come_first(page: Page, site: Site) -> None:
    crowd(site)
    opened(page)
    names = page.locator("[data-rows] li > :first-child")
    expect(names).to_have_count(479)
    assert names.all_inner_texts()[:4] == ["Face 477", "Face 478", "Face 479", "Face 1"]
    for face in (477, 478, 479, 477):
        page.keyboard.press("d")
        expect(page.get_by_role("button", name=f"Face {face}", exact=True)).to_be_focused()
    page.keyboard.press("Shift+D")
    focused = page.get_by_role("button", name="Face 479", exact=True)
    expect(focused).to_be_focused()
    middle, frame = focused.bounding_box(), page.locator("[data-viewport]").bounding_box()
    assert middle is not None and frame is not None
    assert middle["width"] > 60  # large enough to judge it
    assert frame["x"] <= middle["x"] and middle["x"] + middle["width"] <= frame["x"] + frame["width"]
    assert frame["y"] <= middle["y"] and middle["y"] + middle["height"] <= frame["y"] + frame["height"]
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Restore: Face 479")).to_be_visible()
    page.keyboard.press("j")
    expect(page.get_by_role("button", name="Face 1", exact=True)).to_be_focused()
    page.keyboard.press("0")
    expect(page.get_by_role("button", name="Fit")).to_be_disabled()
    page.get_by_role("button", name="Reject: Face 300").click()
    restore = page.get_by_role("button", name="Restore: Face 300")
    expect(restore).to_be_focused()
    expect(restore).to_be_in_viewport()


def test_labels_of_a_crowd_are_shown_on_hover(page: Page, site: Site) -> None:
    job = crowd(site)
    opened(page)
    labels = page.locator("[data-marks] .mark text")
    assert labels.nth(100).evaluate("one => getComputedStyle(one).visibility") == "hidden"
    page.locator("[data-marks] .mark rect").nth(100).hover()
    assert labels.nth(100).evaluate("one => getComputedStyle(one).visibility") == "visible"
    page.keyboard.press("l")
    assert labels.nth(7).evaluate("one => getComputedStyle(one).visibility") == "visible"
    page.goto(f"/console/images/{job.image_id}")
    label = page.locator(".marks .mark text").nth(7)
    assert label.evaluate("one => getComputedStyle(one).visibility") == "hidden"


def test_buttons_come_before_hundreds_of_faces(page: Page, site: Site) -> None:
    crowd(site)
    opened(page)
    page.locator("#main").focus()
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent.trim()"))
    assert reached[:2] == ["AcceptA", "Mask againM"]
    assert "Add box" in reached and reached.index("477 · 0.30") < reached.index("Add box")


def test_image_is_zoomed_and_moved(page: Page, site: Site) -> None:
    seeds.doubtful(site.service)
    opened(page)
    canvas, frame = page.locator("[data-canvas]"), page.locator("[data-viewport]")
    before = canvas.bounding_box()
    assert before is not None
    for _ in range(3):
        page.keyboard.press("+")
    after = canvas.bounding_box()
    assert after is not None and after["width"] > 3 * before["width"]
    expect(page.locator("[data-canvas] img")).to_have_attribute("src", re.compile("full.jpg"))
    start = frame.evaluate("one => one.scrollLeft")
    page.keyboard.press("h")
    bounds = frame.bounding_box()
    assert bounds is not None
    page.mouse.move(bounds["x"] + 200, bounds["y"] + 200)
    page.mouse.down()
    page.mouse.move(bounds["x"] + 120, bounds["y"] + 150, steps=3)
    page.mouse.up()
    assert frame.evaluate("one => one.scrollLeft") - start == 80
    expect(page.locator("[data-marks] .own")).to_have_count(0)
    page.keyboard.press("h")
    face = page.locator("[data-marks] .mark rect").first
    box = face.bounding_box()
    page.keyboard.press("-")
    smaller = face.bounding_box()
    assert box is not None and smaller is not None and smaller["width"] < box["width"]
