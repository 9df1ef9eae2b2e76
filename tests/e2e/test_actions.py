"""What an administrator does in the console, checked through the API."""

import base64
import re
import zipfile

from playwright.sync_api import Page, expect

from tests.contract.admin import basic, body
from tests.contract.calls import detected, post
from tests.e2e import seeds
from tests.e2e.browsers import payload
from tests.e2e.conftest import PageErrors, Site


def count_jobs(site: Site, **values: object) -> int:
    """Return how many jobs match, according to the admin API."""
    return int(body(basic(site.service, "GET", "/jobs", params=values))["total"])


# --- the mask test ------------------------------------------------------------------------------------


def test_masked_photograph_has_fewer_faces(page: Page, site: Site) -> None:
    page.goto("/console/test")
    page.get_by_label("Method", exact=True).select_option("solid")
    with page.expect_response(re.compile("/test/mask")) as answered:
        page.get_by_label("Choose an image").set_input_files(payload("portrait.jpg", seeds.portrait()))
    answer = answered.value.json()
    expect(page.get_by_text("1 detected, 1 masked")).to_be_visible()
    expect(page.locator("[data-marks] .mark")).to_have_count(1)
    expect(page.locator("[data-masked]")).to_have_js_property("naturalWidth", 512)
    result = base64.b64decode(answer["output"]["image_base64"])
    faces = [detected(site.service, file)["summary"]["face_count"] for file in (seeds.portrait(), result)]
    assert faces == [1, 0]


def test_curl_command_matches_the_form(page: Page) -> None:
    page.goto("/console/test")
    page.get_by_label("Strength").fill("50")
    page.get_by_label("Format").select_option("png")
    page.get_by_label("Choose an image").set_input_files(payload("it's me.jpg", seeds.portrait()))
    line = page.locator("#curl").inner_text()
    assert r"""-F 'image=@it'\''s me.jpg'""" in line
    assert "/api/v1/mask?strength=50&format=png'" in line and "-o masked.png" in line
    page.get_by_role("button", name="Reset", exact=True).click()
    expect(page.locator("#curl")).not_to_contain_text("?")


def test_regions_of_a_batch_are_sent_and_shown(page: Page, page_errors: PageErrors) -> None:
    page.goto("/console/batches/new")
    page.get_by_label("Name").fill("With a band")
    page.get_by_label("Strength").fill("auto")
    page.get_by_label("Always mask").fill("[{")
    page.get_by_label("Choose images").set_input_files([payload("a.jpg", seeds.portrait())])
    page.get_by_role("button", name="Start batch").click()
    expect(page.get_by_role("alert")).to_contain_text("Always mask: this is not a JSON array")
    page.get_by_label("Always mask").fill(seeds.BAND)
    page.get_by_role("button", name="Start batch").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("With a band")
    expect(page.locator("main .pairs").last).to_contain_text("0, 0.9 – 1, 1 (relative)")
    expect(page.locator("main .pairs").last).to_contain_text("auto")


def test_rejected_image_shows_the_request_id(page: Page, page_errors: PageErrors) -> None:
    page_errors.expected = ["415"]
    page.goto("/console/test")
    page.get_by_label("Choose an image").set_input_files(payload("notes.jpg", b"no picture at all"))
    expect(page.get_by_role("alert")).to_contain_text(re.compile(r"request [0-9a-f-]{36}"))
    expect(page.get_by_role("alert")).to_contain_text("This image format is not supported")


# --- keys ------------------------------------------------------------------------------------------------------


def test_key_is_created_used_and_revoked(page: Page, site: Site) -> None:
    page.goto("/console/keys")
    page.get_by_placeholder("Name of the new key").fill("the night desk")
    page.get_by_role("button", name="Create", exact=True).click()
    dialog = page.get_by_role("dialog", name="Your new API key")
    text = dialog.locator("code").inner_text()
    for _ in range(3):
        page.keyboard.press("Escape")
    expect(dialog.locator("code")).to_have_text(text)  # it is shown this once
    dialog.get_by_role("button", name="I have copied it").click()
    row = page.get_by_role("row", name="the night desk")
    expect(row).to_contain_text("Active")
    assert text not in page.content()

    assert post(site.service, "/api/v1/detect", key=text, files={"image": seeds.portrait()}).status_code == 200
    for answer in ("Cancel", "Revoke"):
        expect(row).to_contain_text("Active")
        row.get_by_role("button", name="Revoke").click()
        page.get_by_role("dialog", name="Revoke this API key?").get_by_role("button", name=answer).click()
    expect(row).to_contain_text("Revoked")
    assert post(site.service, "/api/v1/detect", key=text, files={"image": seeds.portrait()}).status_code == 403
    row.get_by_role("button", name="Activate").click()
    expect(row).to_contain_text("Active")

    row.get_by_role("button", name="Edit").click()
    page.get_by_role("dialog", name="Edit key").get_by_label("Name").fill("the day desk")
    page.get_by_role("button", name="Save").click()
    row = page.get_by_role("row", name="the day desk")
    row.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(row).to_be_visible()
    row.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)
    assert post(site.service, "/api/v1/detect", key=text, files={"image": seeds.portrait()}).status_code == 401


# --- images ------------------------------------------------------------------------------------------------------


def test_image_is_deleted_and_gone(page: Page, site: Site, page_errors: PageErrors) -> None:
    page_errors.expected = ["422"]  # a picture that a batch could not decode
    image = seeds.masked(site.service, "to be deleted.jpg", seeds.portrait()).headers["X-Image-Id"]
    page.goto("/console/images")
    with page.expect_navigation():  # until the scripts of the page have run
        page.get_by_role("link", name="Open to be deleted.jpg").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("to be deleted.jpg")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog", name="Delete this image?").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("1 deleted")).to_be_visible()
    expect(page.get_by_text("to be deleted.jpg")).to_have_count(0)
    assert basic(site.service, "GET", f"/images/{image}").status_code == 404


def test_several_images_are_deleted_at_once(page: Page, site: Site, page_errors: PageErrors) -> None:
    page_errors.expected = ["422"]
    names = [f"one of many {number}.jpg" for number in range(3)]
    for name in names:
        seeds.masked(site.service, name, seeds.portrait())
    before = body(basic(site.service, "GET", "/images"))["total"]
    page.goto("/console/images")
    for name in names[:2]:
        page.get_by_role("checkbox", name=name).check()
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog", name="Delete 2 images?").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("2 deleted")).to_be_visible()
    for name, left in zip(names, (0, 0, 1), strict=True):
        expect(page.get_by_role("checkbox", name=name)).to_have_count(left)
    assert body(basic(site.service, "GET", "/images"))["total"] == before - 2


def test_slider_is_moved_by_keys(page: Page, page_errors: PageErrors) -> None:
    page.goto("/console/images?name=portrait%203.jpg")  # others' pictures may fill the first page
    with page.expect_navigation():  # until the scripts of the page have run
        page.get_by_role("link", name="Open portrait 3.jpg").click()
    slider = page.get_by_role("slider")
    slider.focus()
    for key, share in (("Home", 0), ("End", 1), ("ArrowLeft", 0.99), ("PageDown", 0.89)):
        page.keyboard.press(key)
        expect(page.locator("[data-compare]")).to_have_attribute("style", f"--share: {share};")
        seam, bounds = page.locator(".seam").bounding_box(), slider.bounding_box()
        assert seam is not None and bounds is not None
        thumb = bounds["x"] + 8 + (bounds["width"] - 16) * share  # of 16 pixels, whose middle stays inside
        assert abs(seam["x"] + seam["width"] / 2 - thumb) < 2, key
    page.get_by_label("Show faces").uncheck()
    expect(page.locator(".compare .marks")).to_be_hidden()


# --- jobs ----------------------------------------------------------------------------------------------------------


def test_filters_are_in_the_url(page: Page, site: Site) -> None:
    page.goto("/console/jobs")
    page.get_by_label("Method").select_option("pixelate")
    expect(page).to_have_url(re.compile(r"/jobs\?method=pixelate$"))
    total = count_jobs(site, method="pixelate")
    assert total > 40
    expect(page.get_by_text(f"1–20 of {total}")).to_be_visible()
    page.get_by_role("link", name="Next page").click()
    expect(page.get_by_text(f"21–40 of {total}")).to_be_visible()
    expect(page.get_by_label("Method")).to_have_value("pixelate")
    page.get_by_label("Status").select_option("failed")
    failed = count_jobs(site, method="pixelate", status="failed")
    expect(page).to_have_url(re.compile(r"/jobs\?method=pixelate&status=failed$"))
    expect(page.locator("tbody tr:not(.reason)")).to_have_count(failed)
    expect(page.locator("tbody tr.reason")).to_have_count(failed)
    page.go_back()
    expect(page.get_by_text(f"21–40 of {total}")).to_be_visible()


def test_days_start_in_the_viewers_time_zone(page: Page, site: Site) -> None:
    page.goto("/console/jobs")
    page.get_by_label("From").fill("2020-01-01")
    page.get_by_label("Before").fill("2020-01-02")
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile("created_after=2020-01-01T00%3A00%3A00.000Z"))
    expect(page.get_by_text("No matching jobs")).to_be_visible()
    expect(page.get_by_label("Before")).to_have_value("2020-01-02")
    page.get_by_role("link", name="Clear").first.click()
    expect(page.get_by_label("From")).to_have_value("")


def test_last_of_500_jobs_is_the_first_from_the_other_end(page: Page, site: Site) -> None:
    page.goto("/console/jobs")
    page.get_by_label("Pages of jobs").get_by_role("link").nth(-2).click()
    last = page.locator("tbody a.mono").last.inner_text()
    page.goto("/console/jobs")
    page.get_by_label("Order").select_option("oldest")
    expect(page.locator("tbody a.mono").first).to_have_text(last)


def test_whole_list_is_sorted_by_a_column(page: Page, site: Site) -> None:
    page.goto("/console/jobs?per_page=50&page=2")
    for first in ("longest", "shortest"):
        page.get_by_role("link", name="Inference").click()
        expect(page).to_have_url(re.compile(rf"order={first}_inference"))
        times = sorted((job.inference_ms for job in site.jobs if job.inference_ms), reverse=first == "longest")
        values = page.locator("tbody tr:not(.reason) td[data-label='Inference']").evaluate_all(
            "all => all.map(one => +one.dataset.value)"
        )
        assert values == sorted(values, reverse=first == "longest") and len(values) == 50
        assert first == "shortest" or values[0] >= times[0]
    expect(page.locator("tbody .name").first).to_have_text(re.compile("jpg|photo"))


def test_job_page_copies_the_json(page: Page, site: Site) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/console/jobs?status=completed")
    page.locator("tbody a.mono").first.click()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText().then(JSON.parse)")
    job = body(basic(site.service, "GET", f"/jobs/{copied['id']}"))
    assert set(copied) == set(job) and copied["detections"] == job["detections"]


# --- batches ----------------------------------------------------------------------------------------------------------


def test_batch_is_created_watched_and_downloaded(page: Page, site: Site) -> None:
    page.goto("/console/batches/new")
    page.get_by_label("Name").fill("A small parade")
    page.get_by_label("Method", exact=True).select_option("solid")
    whole = [payload(f"float {number}.jpg", seeds.portrait()) for number in range(3)]
    page.get_by_label("Choose images").set_input_files([*whole, payload("torn.jpg", seeds.portrait()[:30_000])])
    expect(page.get_by_text("4 files")).to_be_visible()
    page.get_by_role("button", name="Start batch").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("A small parade")
    expect(page.locator(".head .pill")).to_have_text("Completed")
    expect(page.locator("tr.reason")).to_contain_text("undecodable_image")
    with page.expect_download() as downloaded:
        page.get_by_role("link", name="Download results").click()
    with zipfile.ZipFile(downloaded.value.path()) as archive:
        masked = [name for name in archive.namelist() if name.startswith("float")]
        faces = detected(site.service, archive.read(masked[0]))["summary"]["face_count"]
    assert (len(masked), faces) == (3, 0)
    # Without events the page polls, the first time after 3 s: until then nothing reloads it, and the toast stays.
    page.route("**/events", lambda route: route.fulfill(status=204))
    page.get_by_role("button", name="Retry failed").click()
    expect(page.get_by_text("The failed images are queued again.")).to_be_visible()
    # The page reloads once more when the batch is done; a click before that would be lost.
    expect(page.locator(".head .pill")).to_have_text("Completed")
    expect(page.locator("tr.reason")).to_contain_text("undecodable_image")
    page.get_by_role("link", name="Failed 1").click()
    expect(page.locator("tbody tr:not(.reason)")).to_have_count(1)


def test_finished_batch_is_deleted(page: Page, site: Site) -> None:
    page.goto("/console/batches/new")
    page.get_by_label("Name").fill("Not kept")
    files = [payload("a.jpg", seeds.portrait()), payload("moving.gif", b"GIF89a")]
    page.get_by_label("Choose images").set_input_files(files)
    page.get_by_role("button", name="Start batch").click()
    expect(page.locator(".head .pill")).to_have_text("Completed")
    expect(page.locator("tr.reason")).to_contain_text("unsupported_image")
    expect(page.get_by_role("link", name="Refused 1")).to_be_visible()
    page.get_by_role("button", name="Delete batch").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("The batch is deleted.")).to_be_visible()
    expect(page.get_by_role("link", name="Not kept")).to_have_count(0)
    found = body(basic(site.service, "GET", "/batches", params={"per_page": 100}))["items"]
    assert [one for one in found if one["name"] == "Not kept"] == []


def test_retry_continues_the_open_batch(page: Page, site: Site, page_errors: PageErrors) -> None:
    page_errors.expected = ["ERR_FAILED"]  # a connection that breaks
    page.route("**/images", lambda route: route.abort(), times=1)
    page.goto("/console/batches/new")
    page.get_by_label("Name").fill("Sent twice")
    page.get_by_label("Choose images").set_input_files([payload("a.jpg", seeds.portrait())])
    page.get_by_role("button", name="Start batch").click()
    expect(page.locator("[data-problem]")).to_be_visible()
    page.get_by_role("button", name="Start batch").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sent twice")
    found = body(basic(site.service, "GET", "/batches", params={"per_page": 100}))["items"]
    assert [one["counts"]["total"] for one in found if one["name"] == "Sent twice"] == [1]


def test_name_that_a_form_would_change_is_refused(page: Page, site: Site) -> None:
    page.goto("/console/batches/new")
    page.get_by_label("Name").fill("Odd names")
    page.get_by_label("Choose images").set_input_files(
        [payload("100%22.jpg", seeds.portrait()), payload("100%.jpg", seeds.portrait())]
    )
    expect(page.get_by_text("2 files")).to_be_visible()
    with page.expect_navigation():
        page.get_by_role("button", name="Start batch").click()
    expect(page.get_by_role("row", name="100%22.jpg").first).to_contain_text("Refused")
    items = body(basic(site.service, "GET", f"/batches/{page.url.rpartition('/')[2]}/items"))["items"]
    assert {one["name"]: one["state"] == "refused" for one in items} == {"100%22.jpg": True, "100%.jpg": False}
    assert all(one["size_bytes"] > 0 for one in items)
