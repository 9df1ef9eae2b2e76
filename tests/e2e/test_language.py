"""What the API says of fields and files is told in the reader's language."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.contract.admin import basic, body
from tests.e2e.conftest import OpenContext, PageErrors, Site, add_session


def korean(open_context: OpenContext, site: Site) -> Page:
    context = open_context(locale="ko")
    add_session(context, site)
    return context.new_page()


def save_networks(page: Page, name: str, texts: tuple[str, str, str, str]) -> Locator:
    """Try to create a key with impossible networks; return what its dialog says of them.

    texts: of the field of its name, the button that opens the dialog, the field of networks and the last button.
    """
    page.goto("/console/keys")
    page.get_by_placeholder(texts[0]).fill(name)
    page.get_by_role("button", name=texts[1]).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(texts[2]).fill("nowhere")
    dialog.get_by_role("button", name=texts[3]).click()
    return dialog.get_by_role("alert")


def test_reasons_of_refused_files_are_translated(open_context: OpenContext, site: Site) -> None:
    batch = body(basic(site.service, "POST", "/batches", json={"name": "Odd files"}), 201)["id"]
    files = [("images", ("empty.jpg", b"")), ("images", ("notes.txt", b"no picture"))]
    body(basic(site.service, "POST", f"/batches/{batch}/images", files=files), 202)
    page = korean(open_context, site)
    page.goto(f"/console/batches/{batch}")
    for reason in ("빈 파일입니다", "JPEG, PNG, WebP, BMP, TIFF, HEIC, AVIF 중 어느 것도 아닙니다"):
        expect(page.locator(".reason").filter(has_text=reason)).to_have_count(1)
    assert page.locator(".reason [lang=en]").count() == 0


def test_problems_of_fields_are_translated(open_context: OpenContext, site: Site, page_errors: PageErrors) -> None:
    page_errors.expected = ["422"]
    page = korean(open_context, site)
    page.goto("/console/images?page=0&min_faces=few")
    told = page.get_by_role("alert")
    expect(told).to_contain_text("page: 1 이상이어야 합니다")
    expect(told).to_contain_text("정수여야 합니다")
    told = save_networks(page, "그 키", ("새 키 이름", "옵션 지정", "허용 네트워크", "저장"))
    expect(told).to_contain_text("네트워크를 192.0.2.0/24 또는 2001:db8::/32처럼")


def test_problems_are_told_once(page: Page, page_errors: PageErrors) -> None:
    page_errors.expected = ["422"]
    told = save_networks(page, "that key", ("Name of the new key", "With options…", "Allowed networks", "Save"))
    expect(told).to_have_text(re.compile(r"^\s*allowed_networks\S*: Write a network as .* \(request"))
    page.goto("/console/test")
    page.get_by_label("Choose an image").set_input_files({"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b""})
    alert = page.get_by_role("alert")
    expect(alert).to_have_text(re.compile(r"^\s*No image was sent: the file is empty \(request"))


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        (
            {"errors": [{"field": "image", "message": "No image was sent"}], "detail": "No image was sent"},
            "No image was sent",
        ),
        ({"errors": [{"field": "image", "message": "it is text"}]}, "No image was sent: it is text"),
        ({"detail": "No image was sent"}, "No image was sent"),
        ({"code": "new", "detail": "No image was sent"}, "No image was sent"),
        ({"code": "new"}, "new"),
    ],
)
def test_scripts_repeat_no_title(page: Page, problem: dict[str, object], told: str) -> None:
    page.goto("/console/test")
    script = page.locator("script[type=module]").first.get_attribute("src") or ""
    texts = script.rpartition("/")[0] + "/texts.js"
    given = {"code": "no_image", "title": "No image was sent"} | problem
    explained = page.evaluate("([from, given]) => import(from).then(({ explain }) => explain(given))", [texts, given])
    assert explained == told
