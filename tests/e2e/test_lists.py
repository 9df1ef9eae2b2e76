"""Lists and batches as an administrator walks through them in the console."""

import re
import uuid
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import Dialog, Page, Route, expect

from core.database.clock import now
from tests.contract.admin import basic, body, kept
from tests.e2e import seeds
from tests.e2e.browsers import payload
from tests.e2e.conftest import PageErrors, Site


def new_batch(site: Site, name: str) -> str:
    """Create a batch that is open; return its id."""
    return str(body(basic(site.service, "POST", "/batches", json={"name": name}), 201)["id"])


def test_cancelled_job_is_none_that_failed(page: Page, site: Site) -> None:
    page.goto("/console/")
    failed = page.locator(".totals dd").nth(4)
    before = failed.inner_text()
    batch = uuid.uuid4()
    kept(site.service, batch_id=batch, status="cancelled", error="cancelled", processed_s3_key=None)
    page.reload()
    expect(failed).to_have_text(before)
    expect(page.locator(".legend")).to_contain_text("Cancelled")
    page.goto(f"/console/jobs?status=cancelled&batch_id={batch}")
    expect(page.locator("tbody .pill")).to_have_text("Cancelled")
    colours = "one => getComputedStyle(one).backgroundColor"
    cancelled = page.locator("tbody .pill").evaluate(colours)
    expect(page.locator("tr.reason")).to_have_count(0)
    page.goto("/console/jobs?status=failed")
    assert page.locator("tbody .pill").first.evaluate(colours) != cancelled


def test_cancelling_says_what_becomes_of_the_originals(page: Page, site: Site) -> None:
    page.goto(f"/console/batches/{new_batch(site, 'Called off')}")
    page.get_by_role("button", name="Cancel batch").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("originals of the others stay stored until you delete the batch")
    dialog.get_by_role("button", name="Cancel batch").click()
    expect(page.locator(".head .pill")).to_have_text("Cancelled")


def test_batch_leads_to_its_reviews(page: Page, site: Site) -> None:
    batch = new_batch(site, "With doubts")
    jobs = [kept(site.service, batch_id=uuid.UUID(batch), review_state="pending", detections=[]) for _ in range(2)]
    other = kept(site.service, review_state="pending", detections=[])
    try:
        page.goto("/console/batches")
        expect(page.get_by_role("row", name="With doubts")).to_contain_text("2 to review")
        page.goto(f"/console/batches/{batch}")
        with page.expect_navigation():  # until the scripts of the page have run
            page.get_by_role("link", name="2 to review").click()
        expect(page.get_by_text("1 of 2")).to_be_visible()
        page.keyboard.press("a")
        expect(page.get_by_text("1 of 1")).to_be_visible()
        page.get_by_role("link", name="Images of one batch").click()
        expect(page.get_by_role("link", name="1 to review")).to_be_visible()
    finally:
        for job in (*jobs, other):
            basic(site.service, "DELETE", f"/images/{job.image_id}")


# --- images ------------------------------------------------------------------------------------------------------


def test_images_are_searched_and_all_found_deleted(page: Page, site: Site, page_errors: PageErrors) -> None:
    page_errors.expected = ["422", "404"]  # thumbnails of what is no picture, or is deleted meanwhile
    batch, old = uuid.uuid4(), now() - timedelta(days=400)
    for number in range(26):
        kept(site.service, filename=f"meadow {number}.jpg", batch_id=batch, created_at=old, face_count=5)
    kept(site.service, filename="forest.jpg", batch_id=batch, created_at=old, face_count=9)
    page.goto("/console/images")
    page.get_by_label("Name").fill("MEADOW")
    page.get_by_label("Faces from").fill("5")
    with page.expect_navigation():  # until the scripts of the page have run
        page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("1–24 of 26")).to_be_visible()
    expect(page.locator("[data-select-found]")).to_be_hidden()
    page.get_by_label("Select all").check()
    page.get_by_role("button", name="Select all 26 found").click()
    expect(page.get_by_text("All 26 found are selected")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog", name="Delete 26 images?").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No matching images")).to_be_visible()
    page.goto(f"/console/images?batch_id={batch}")
    expect(page.locator(".picture .name")).to_have_text(["forest.jpg"])
    page.get_by_label("Doubtful faces").select_option("pending")
    expect(page.get_by_text("No matching images")).to_be_visible()


def test_unchecking_one_selects_the_page_alone(page: Page, page_errors: PageErrors) -> None:
    page_errors.expected = ["422"]
    page.goto("/console/images?per_page=2")
    page.get_by_label("Select all").check()
    page.get_by_role("button", name="found").click()
    page.locator("[data-select]").first.uncheck()
    expect(page.get_by_text("1 selected")).to_be_visible()


def test_image_leads_to_its_neighbours_and_batch(page: Page, site: Site, page_errors: PageErrors) -> None:
    page_errors.expected = ["422"]
    batch = uuid.UUID(new_batch(site, "Walked through"))
    moments = [now() - timedelta(days=500, minutes=minute) for minute in range(3)]
    jobs = [
        kept(site.service, filename=f"step {number}.jpg", batch_id=batch, created_at=moment)
        for number, moment in enumerate(moments)
    ]
    page.goto(f"/console/images/{jobs[0].image_id}")
    expect(page.get_by_role("link", name="Newer image")).to_have_count(0)
    page.get_by_role("link", name="Older image").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("step 1.jpg")
    page.get_by_role("link", name="Older image").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("step 2.jpg")
    expect(page.get_by_role("link", name="Older image")).to_have_count(0)
    with page.expect_download() as downloaded:
        page.get_by_role("link", name="Result", exact=True).click()
    assert downloaded.value.suggested_filename == "step 2-masked.jpeg"
    page.get_by_role("link", name="Walked through").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Walked through")


# --- batches -----------------------------------------------------------------------------------------------------


def test_one_item_is_tried_again(page: Page, site: Site) -> None:
    batch = seeds.batch(site.service, "Torn twice", 0, broken=2, close=False)
    page.route("**/events", lambda route: route.fulfill(status=204))
    page.goto(f"/console/batches/{batch}")
    page.get_by_role("button", name="Retry: day 2/IMG_2100.jpg").click()
    expect(page.get_by_text("The image is queued again.")).to_be_visible()
    listed = body(basic(site.service, "GET", f"/batches/{batch}/items"))["items"]
    one, other = [item["id"] for item in listed]
    tries = {event["id"]: event["attempts"] for event in listed}
    assert tries[other] == 1
    assert basic(site.service, "POST", f"/batches/{batch}/items/{uuid.uuid4()}/retry").status_code == 404
    assert basic(site.service, "POST", f"/batches/{batch}/items/{one}/retry").status_code == 200


def test_rows_follow_the_counters(page: Page, site: Site) -> None:
    batch = new_batch(site, "Live rows")
    page.goto(f"/console/batches/{batch}")
    expect(page.get_by_text("No images yet.")).to_be_visible()
    for number in range(2):
        part = ("images", (f"late {number}.jpg", seeds.portrait(), "image/jpeg"))
        assert basic(site.service, "POST", f"/batches/{batch}/images", files=[part]).status_code == 202
        row = page.get_by_role("row", name=f"late {number}.jpg")
        expect(row.locator(".pill")).to_have_text("Completed")
        expect(row.locator("td").nth(1)).to_have_text("1")


def test_rows_follow_what_happens_before_the_stream_begins(page: Page, site: Site) -> None:
    batch, streams = new_batch(site, "Overtaken"), list[Route]()
    page.route("**/events", lambda route: streams.append(route))  # noqa: PLW0108 - Playwright marks functions
    with page.expect_request("**/events"):
        page.goto(f"/console/batches/{batch}")
    expect(page.get_by_text("No images yet.")).to_be_visible()
    part = ("images", ("early.jpg", seeds.portrait(), "image/jpeg"))
    assert basic(site.service, "POST", f"/batches/{batch}/images", files=[part]).status_code == 202
    site.service.until(lambda: body(basic(site.service, "GET", f"/batches/{batch}"))["counts"]["completed"] == 1)
    streams[0].continue_()
    expect(page.get_by_role("row", name="early.jpg").locator(".pill")).to_have_text("Completed")


def test_row_with_the_focus_is_not_taken_away(page: Page, site: Site) -> None:
    batch = seeds.batch(site.service, "Held", 1, broken=0, close=False)
    page.goto(f"/console/batches/{batch}")
    page.get_by_role("link", name="day 1/IMG_2041.jpg").focus()
    part = ("images", ("later.jpg", seeds.portrait(), "image/jpeg"))
    with page.expect_response(lambda answer: answer.url.endswith(f"/console/batches/{batch}")):
        assert basic(site.service, "POST", f"/batches/{batch}/images", files=[part]).status_code == 202
    expect(page.get_by_role("link", name="day 1/IMG_2041.jpg")).to_be_focused()


# --- uploads -----------------------------------------------------------------------------------------------------

DROP = """([names, bytes]) => {
  const transfer = new DataTransfer();
  for (const name of names) transfer.items.add(new File([new Uint8Array(bytes)], name, { type: "image/jpeg" }));
  const target = document.querySelector("main");
  for (const kind of ["dragenter", "drop"])
    target.dispatchEvent(new DragEvent(kind, { dataTransfer: transfer, bubbles: true }));
}"""


def test_open_batch_takes_more_files(page: Page, site: Site) -> None:
    batch = seeds.batch(site.service, "Still open", 1, broken=0, close=False)
    page.goto(f"/console/batches/{batch}")
    page.get_by_label("Choose images").set_input_files([payload("more.jpg", seeds.portrait())])
    expect(page.get_by_text("1 added")).to_be_visible()
    row = page.get_by_role("row", name="more.jpg")
    expect(row.locator(".pill")).to_have_text("Completed")
    page.get_by_role("button", name="Close batch").click()
    expect(page.locator("[data-drop]")).to_have_count(0)


def test_files_that_are_refused_stay_as_rows(page: Page, site: Site) -> None:
    """Too large, or of a name that another file has: each is there."""
    chosen = page.get_by_label("Choose images")
    page.route("**/batches/new", lambda route: limited(route, 500_000))
    page.goto("/console/batches/new")
    page.get_by_label("Name").fill("Nothing vanishes")
    chosen.set_input_files([payload("a.jpg", seeds.portrait()), payload("huge.jpg", b"x" * 1_000_000)])
    expect(page.locator(".names .refused")).to_contain_text("The file is too large")
    chosen.set_input_files([payload("a.jpg", seeds.officer())])
    expect(page.locator("[data-file-list] li span:first-child")).to_have_text(["a.jpg", "huge.jpg", "a (2).jpg"])
    page.get_by_role("button", name="Start batch").click()
    expect(page.get_by_text("1 rejected; first: huge.jpg: The file is too large")).to_be_visible()
    expect(page.locator(".head .pill")).to_have_text("Completed")
    expect(page.get_by_role("link", name="Refused 1")).to_be_visible()
    expect(page.locator("tr.reason")).to_contain_text("The file is too large")
    expect(page.get_by_role("row", name="a (2).jpg")).to_be_visible()
    expect(page.locator("[data-done]")).to_have_text("2")  # as the command counts
    page.goto("/console/batches")
    expect(page.get_by_role("row", name="Nothing vanishes").get_by_role("cell").nth(4)).to_have_text("1")


def limited(route: Route, limit: int) -> None:
    """Serve a page that says that a call may hold fewer bytes."""
    answer = route.fetch()
    route.fulfill(response=answer, body=re.sub('data-limit="[0-9]+"', f'data-limit="{limit}"', answer.text()))


def test_leaving_during_an_upload_is_asked_about(page: Page) -> None:
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.route("**/images", lambda route: None)  # a call that does not end
    page.goto("/console/batches/new")
    page.get_by_label("Choose images").set_input_files([payload("a.jpg", seeds.portrait())])
    page.get_by_role("button", name="Start batch").click()
    expect(page.get_by_text("Uploading 0 of 1")).to_be_visible()
    with page.expect_event("dialog"):
        page.get_by_role("link", name="Jobs").first.click(no_wait_after=True)
    assert asked == ["beforeunload"]
    expect(page.get_by_text("Uploading 0 of 1")).to_be_visible()


def test_folder_is_chosen_with_its_paths(page: Page, tmp_path: Path) -> None:
    folder = tmp_path / "parade"
    (folder / "day 1").mkdir(parents=True)
    for name in ("a.jpg", "day 1/b.jpg", ".DS_Store"):
        (folder / name).write_bytes(seeds.portrait())
    page.goto("/console/batches/new")
    page.get_by_label("Choose a folder").set_input_files(folder)
    listed = page.locator("[data-file-list] li span:first-child")
    expect(listed).to_have_count(2)
    assert sorted(listed.all_inner_texts()) == ["parade/a.jpg", "parade/day 1/b.jpg"]


def test_files_dropped_on_the_list_fill_the_form(page: Page, site: Site) -> None:
    page.goto("/console/batches")
    page.evaluate(DROP, [["one.jpg", "two.jpg"], list(seeds.portrait())])
    expect(page.get_by_text("2 files")).to_be_visible()
    expect(page).to_have_url(re.compile("/console/batches/new$"))
    page.evaluate(DROP, [["three.jpg"], list(seeds.portrait())])
    expect(page.get_by_text("3 files")).to_be_visible()
    page.get_by_label("Name").fill("Dropped")
    page.get_by_role("button", name="Start batch").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Dropped")
    expect(page.locator(".head .pill")).to_have_text("Completed")
