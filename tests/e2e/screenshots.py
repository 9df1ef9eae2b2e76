"""Screenshots of every console page, light and dark, desktop and phone, into docs/screenshots/.

    python -m tests.e2e.screenshots [--shared DIR] [--out DIR] [--only NAME] [--url URL]

Starts and fills a service of its own, and opens it in Debian's Chromium. Needs a font with Korean letters, in which one
of the languages is named (Debian: fonts-nanum).
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, FilePayload, Page

from core.config import ROOT
from tests.e2e import browsers, seeds
from tests.stack import Stack

DEVICES = {"wide": (1280, 800, 1.0), "phone": (390, 844, 1.25)}  # width, height, pixels for each
MAX_HEIGHT = 1600  # chosen: the rest of a long list looks like its beginning


@dataclass(frozen=True)
class Variant:
    """Device, theme and language of a screenshot."""

    device: str
    theme: str
    language: str

    @property
    def suffix(self) -> str:
        return "" if self.language == "en" else f"-{self.language}"


@dataclass(frozen=True)
class Shot:
    """One page. prepare: actions before the screenshot."""

    name: str
    path: str
    prepare: Callable[[Page], None] = lambda _: None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, help="folder with model files below data/weights")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "screenshots")
    parser.add_argument("--only", default="", help="only pages whose name begins so")
    parser.add_argument("--language", default="en")
    parser.add_argument("--url", default="", help="a running, filled service instead of one of its own")
    parser.add_argument("--png", action="store_true", help="write PNG instead of WebP")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, _running(Path(folder), args) as url, browsers.launched() as browser:
        for device in DEVICES:
            for theme in ("light", "dark"):
                _shoot(browser, url, Variant(device, theme, args.language), args)


@contextmanager
def _running(folder: Path, args: argparse.Namespace) -> Iterator[str]:
    if args.url:
        yield args.url
        return
    weights = args.shared / "data" / "weights" if args.shared else ROOT / "weights"
    name = "scrfd_2.5g" if (weights / "scrfd_2.5g.onnx").exists() else "centerface"
    settings = {"FACE_API_MODEL": name, "FACE_API_WEIGHTS_DIR": str(weights.resolve())}
    service = Stack(folder, settings | {"FACE_API_WORKER_PROCESSES": "1"})
    try:
        service.start()
        seeds.fill(service)
        yield service.url
    finally:
        service.stop()


def _shoot(browser: Browser, url: str, variant: Variant, args: argparse.Namespace) -> None:
    width, height, scale = DEVICES[variant.device]
    context = browser.new_context(
        base_url=url,
        viewport={"width": width, "height": height},
        device_scale_factor=scale,
        color_scheme="dark" if variant.theme == "dark" else "light",
        locale=variant.language,
        timezone_id="UTC",
    )
    for shot in _shots(context):
        if shot.name.startswith(args.only):
            page = context.new_page()
            page.goto(shot.path)
            page.wait_for_load_state("networkidle")
            shot.prepare(page)
            # A window as tall as the page, so that sticky elements are in their place.
            page_height = int(page.evaluate("document.documentElement.scrollHeight"))
            page.set_viewport_size({"width": width, "height": min(max(page_height, height), MAX_HEIGHT)})
            name = f"{shot.name}-{variant.device}-{variant.theme}{variant.suffix}"
            _save(page, args.out / f"{name}.{'png' if args.png else 'webp'}")
            page.close()
    context.close()


def _shots(context: BrowserContext) -> Iterator[Shot]:
    """Yield the pages; all but the first need a session."""
    yield Shot("login", "/console/login")
    answer = context.request.post(
        "/console/login", form={"username": "admin", "password": "correct horse"}, max_redirects=0
    )
    assert answer.status == 303
    image = context.request.get("/api/v1/admin/images?per_page=2").json()["items"][1]["id"]
    jobs = context.request.get("/api/v1/admin/jobs?status=completed&method=gaussian").json()["items"]
    job = next(job["id"] for job in jobs if job["processed_url"])
    yield Shot("dashboard", "/console/", lambda page: page.locator(".live:not([hidden])").wait_for())
    yield Shot("images", "/console/images")
    yield Shot("image", f"/console/images/{image}")
    yield Shot("jobs", "/console/jobs")
    yield Shot("job", f"/console/jobs/{job}")
    batch = context.request.get("/api/v1/admin/batches?status=completed").json()["items"][0]["id"]
    yield Shot("batches", "/console/batches")
    yield Shot("batch", f"/console/batches/{batch}")
    yield Shot("batch-new", "/console/batches/new", _select_files)
    video = context.request.get("/api/v1/videos?status=completed").json()["items"][0]["id"]
    yield Shot("videos", "/console/videos")
    yield Shot("video", f"/console/videos/{video}", _show_frame)
    yield Shot("video-new", "/console/videos/new")
    yield Shot("search", "/console/search?q=portrait")
    yield Shot("review", "/console/review")
    yield Shot("keys", "/console/keys")
    yield Shot("administrators", "/console/administrators")
    yield Shot("account", "/console/account")
    yield Shot("audit", "/console/audit")
    yield Shot("test", "/console/test", _mask_image)
    yield Shot("error", "/console/nowhere")


def _select_files(page: Page) -> None:
    file = seeds.portrait()
    names = ("harbour.jpg", "parade.jpg", "stage left.jpg", "stage right.jpg")
    files: list[FilePayload] = [{"name": name, "mimeType": "image/jpeg", "buffer": file} for name in names]
    page.locator("[data-file]").set_input_files(files)


def _show_frame(page: Page) -> None:
    """Wait until both players show the same frame."""
    page.locator("video[data-masked]").evaluate("player => { player.currentTime = 1; }")
    page.wait_for_function(
        "() => [...document.querySelectorAll('video')].every((one) => one.readyState === 4 && !one.seeking)"
    )
    page.wait_for_timeout(1000)  # Chromium's sign of loading fades


def _mask_image(page: Page) -> None:
    page.locator("[name=method]").select_option("pixelate")
    file: FilePayload = {"name": "portrait.jpg", "mimeType": "image/jpeg", "buffer": seeds.portrait()}
    page.locator("[data-file]").set_input_files(file)
    page.locator("[data-masked]:not([hidden])").wait_for()
    page.locator("[data-busy][hidden]").wait_for(state="attached")


def _save(page: Page, path: Path) -> None:
    with Image.open(BytesIO(page.screenshot(animations="disabled"))) as picture:
        picture.convert("RGB").save(path, quality=68, method=6)


if __name__ == "__main__":
    main()
