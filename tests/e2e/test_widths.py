"""What fits where: no choice is cut off, whatever the width of the window."""

import pytest
from playwright.sync_api import Page

from tests.contract.admin import basic, body
from tests.e2e import seeds
from tests.e2e.conftest import OpenContext, Site, add_session

# A select that is narrower than it would be by itself.
CUT_CHOICES = """() => [...document.querySelectorAll("main select")].filter((select) => {
  if (!select.offsetWidth) return false;
  const own = select.offsetWidth;
  select.style.width = "max-content";
  const whole = select.offsetWidth;
  select.style.width = "";
  return own < whole;
}).map((select) => select.name)"""


def open_page(open_context: OpenContext, site: Site, width: int, language: str) -> Page:
    context = open_context(viewport={"width": width, "height": 800}, locale=language)
    add_session(context, site)
    return context.new_page()


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("width", [390, 1024, 1280])
def test_no_choice_of_a_filter_is_cut_off(open_context: OpenContext, site: Site, width: int, language: str) -> None:
    page = open_page(open_context, site, width, language)
    for path in ("/console/jobs?method=solid", "/console/images?name=portrait", "/console/test"):
        page.goto(path)
        assert page.evaluate(CUT_CHOICES) == []


@pytest.mark.parametrize("width", [390, 800, 1024])
def test_wide_tables_scroll_by_themselves(open_context: OpenContext, site: Site, width: int) -> None:
    page = open_page(open_context, site, width, "en")
    for path in ("jobs", "keys", "batches"):
        page.goto(f"/console/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [390, 1024, 1280])
def test_preview_of_a_key_is_not_cut_off(open_context: OpenContext, site: Site, width: int) -> None:
    page = open_page(open_context, site, width, "en")
    page.goto("/console/keys")
    cut = "[...document.querySelectorAll('.of-keys th code')].map((one) => one.scrollWidth - one.clientWidth)"
    found = page.evaluate(cut)
    assert found and not any(found)


def test_date_fields_fit_a_phone(open_context: OpenContext, site: Site) -> None:
    page = open_page(open_context, site, 390, "en")
    for path in ("/console/jobs", "/console/images?name=portrait"):
        page.goto(path)
        dates = page.locator("input[type=date]")
        boxes = [one for one in (dates.nth(number).bounding_box() for number in range(dates.count())) if one]
        assert len(boxes) == 2
        assert all(one["x"] >= 16 and one["x"] + one["width"] <= 374 and one["width"] >= 140 for one in boxes)
        # Safari zooms into a field whose text is smaller, and stays there.
        assert dates.first.evaluate("one => getComputedStyle(one).fontSize") == "16px"
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("language", ["en", "ko"])
def test_values_of_a_job_fit_a_phone(open_context: OpenContext, site: Site, language: str) -> None:
    job = seeds.masked(site.service, "narrow.jpg", seeds.portrait()).headers["X-Job-Id"]
    page = open_page(open_context, site, 390, language)
    page.goto(f"/console/jobs/{job}")
    widths = page.evaluate("[...document.querySelectorAll('main .pairs dd')].map((one) => one.clientWidth)")
    assert len(widths) > 15 and min(widths) >= 120, widths


@pytest.fixture(scope="module")
def filled(site: Site) -> Site:
    """Fill the lists that are empty otherwise, with names as long as people choose them."""
    for name in ("Harbour festival of the northern districts", "Portraits"):
        seeds.batch(site.service, name, 1)
    seeds.video(site.service)
    limits = {"detect": "600/minute", "mask": "300/minute"}
    scopes = ["detect", "mask", "batch", "video", "read"]
    key = {"name": "the photo desk in Hamburg", "scopes": scopes, "rate_limits": limits}
    admin = {"name": "ada.lovelace@example.org", "role": "operator", "password": "correct horse battery"}
    for path, asked in (("/api-keys", key), ("/admins", admin)):
        assert basic(site.service, "POST", path, json=asked).status_code == 201
    return site


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("width", [1024, 1280])
def test_tables_fit_a_usual_window(open_context: OpenContext, filled: Site, width: int, language: str) -> None:
    page = open_page(open_context, filled, width, language)
    wide = "[...document.querySelectorAll('.scroll')].map((one) => one.scrollWidth - one.clientWidth)"
    slow = "document.querySelectorAll('.named .number + .number').forEach((one) => { one.textContent = '12,345 ms' })"
    for path in ("jobs", "batches", "videos", "audit", "keys", "administrators", "account"):
        page.goto(f"/console/{path}")
        page.evaluate(slow)  # by themselves they are as wide as the machine is busy
        assert {*page.evaluate(wide)} == {0}, path  # of each table


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize(("width", "rows"), [(1024, 2), (1280, 1), (1440, 1)])
def test_buttons_of_a_row_stand_beside_each_other(
    open_context: OpenContext, filled: Site, width: int, rows: int, language: str
) -> None:
    # What its other columns hold leaves little for the buttons.
    key = {"name": "key " * 40, "scopes": ["detect", "mask", "batch", "video", "read", "admin"]}
    limits = {
        "allowed_networks": ["10.0.0.0/8", "192.168.0.0/16", "2001:db8::/32"],
        "expires_at": "2100-01-01T00:00:00Z",
    }
    body(basic(filled.service, "POST", "/api-keys", json=key | limits), 201)
    page = open_page(open_context, filled, width, language)
    tops = """() => [...document.querySelectorAll(".row-actions")].map(
      (row) => new Set([...row.children].map((button) => button.offsetTop)).size)"""
    for path in ("keys", "administrators"):
        page.goto(f"/console/{path}")
        found = page.evaluate(tops)
        assert found and max(found) <= rows, path
        heights = page.evaluate("[...document.querySelectorAll('.row-actions .button')].map((one) => one.offsetHeight)")
        assert not heights or max(heights) < 36, f"{path}: the text of a button is broken"


@pytest.mark.parametrize("width", [640, 800, 901, 1024, 1130, 1220, 1440])
def test_no_card_of_the_dashboard_is_left_alone(open_context: OpenContext, site: Site, width: int) -> None:
    page = open_page(open_context, site, width, "en")
    page.goto("/console/")
    ends = """() => [...document.querySelectorAll("main .cards, .totals dl")].flatMap((group) => {
      const last = [...group.children].at(-1).getBoundingClientRect();
      return [Math.round(group.getBoundingClientRect().right - last.right)];
    })"""
    assert page.evaluate(ends) == [0, 0, 0]
    cut = "[...document.querySelectorAll('main .card')].map((one) => one.scrollWidth - one.clientWidth)"
    assert {*page.evaluate(cut)} == {0}


LONG_NAME = "pillow_heif__invalid_handlers_of_a_damaged_item_reference_box__0123456789abcdef.jpg"
# What is wider than its place, be it cut off or to be scrolled.
WIDE = """() => [...document.querySelectorAll("main :is(.card, .segments, label)")].filter(
  (one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.innerText)"""


@pytest.mark.parametrize("width", [320, 390])
def test_nothing_is_wider_than_a_phone(open_context: OpenContext, filled: Site, width: int) -> None:
    seeds.masked(filled.service, LONG_NAME, seeds.portrait())
    page = open_page(open_context, filled, width, "en")
    batch = body(basic(filled.service, "GET", "/batches"))["items"][0]["id"]
    for path in ("search?q=pillow", "videos", "videos/new", "batches", f"batches/{batch}"):
        page.goto(f"/console/{path}")
        assert page.evaluate(WIDE) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


@pytest.mark.parametrize("width", [390, 1024, 1440])
def test_long_name_takes_two_lines_of_a_list(open_context: OpenContext, site: Site, width: int) -> None:
    name = "all the words of an event, its place and its photographers " * 4
    for each in (name.strip(), "Portraits of the board"):
        body(basic(site.service, "POST", "/batches", json={"name": each}), 201)
    page = open_page(open_context, site, width, "en")
    page.goto("/console/batches")
    link = page.get_by_role("link", name=name.strip()).first
    counted = "one => Math.round(one.clientHeight / parseFloat(getComputedStyle(one).lineHeight))"
    assert link.evaluate(counted) == 2
    assert page.get_by_title(name.strip()).count() >= 1
    short = page.get_by_role("link", name="Portraits of the board").first
    assert short.evaluate(counted) == (2 if width == 1024 else 1)


@pytest.mark.parametrize("path", ["videos/new", "batches/new"])
def test_file_is_chosen_first_on_a_phone(open_context: OpenContext, site: Site, path: str) -> None:
    page = open_page(open_context, site, 390, "en")
    page.goto(f"/console/{path}")
    chosen, option = (page.locator(one).first.bounding_box() for one in ("[data-drop]", ".option"))
    assert chosen and option and chosen["y"] < option["y"]
    if path == "videos/new":
        assert "transparency" not in page.locator("main form").inner_text()


def test_long_names_leave_room_for_the_rest(open_context: OpenContext, site: Site) -> None:
    seeds.masked(site.service, "20_Family_Group_Family_Group_20_of_the_harbour_festival.jpg", seeds.portrait())
    page = open_page(open_context, site, 1280, "en")
    page.goto("/console/jobs")
    assert page.locator(".scroll").evaluate("one => one.scrollWidth - one.clientWidth") == 0
    batch = seeds.batch(site.service, "Long names", 2, broken=0)
    items = body(basic(site.service, "GET", f"/batches/{batch}/items"))["items"]
    assert basic(site.service, "DELETE", f"/images/{items[1]['image_id']}").status_code == 204
    page.goto(f"/console/batches/{batch}")
    assert page.locator("tbody th.name").first.evaluate("one => one.clientWidth") >= 280
    deleted = page.locator("tbody tr", has_text="Deleted image")
    assert deleted.locator("[data-label='Size']").inner_text() == "–"  # of nothing, no size is known
