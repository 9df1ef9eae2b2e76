"""What has become of a batch: each picture once, with the result that it has where nothing happens."""

import hashlib
import time
from pathlib import Path
from typing import Any

import requests

from core import config
from core.contract.options import MaskOptions
from core.engine import defaults
from core.vision import pipeline
from tests import detectors
from tests.faults.calls import ask
from tests.faults.conftest import INPUT_SIZE
from tests.stack import Stack


def expected(pictures: dict[str, bytes], model: tuple[str, Path]) -> dict[str, bytes]:
    """Mask pictures here, as a service with the settings of tests/faults does."""
    name, folder = model
    own = {"model": name, "weights_dir": folder, "inference_threads": 1, "input_size": INPUT_SIZE}
    settings = config.read(**own, detail_mask="fast")
    found, options = detectors.load(settings), defaults.resolve(MaskOptions(), settings)
    return {
        name: pipeline.mask(data, options, found, settings.max_image_pixels).image for name, data in pictures.items()
    }


def listed(stack: Stack, batch: str) -> list[Any]:
    """Return all items of a batch."""
    found: list[Any] = []
    while True:
        query = {"per_page": 100, "page": len(found) // 100 + 1}
        page = ask(stack, "GET", f"/batches/{batch}/items", params=query)
        found += page["items"]
        if len(found) == page["total"]:
            return found


def wait(stack: Stack, batch: str, within_s: float) -> Any:
    """Wait until a batch is finished; return what it says."""
    deadline = time.monotonic() + within_s
    while not (shown := ask(stack, "GET", f"/batches/{batch}"))["finished_at"]:
        assert time.monotonic() < deadline, f"{shown}\n{stack.log('worker')[-3000:]}"
        time.sleep(0.5)
    return shown


def assert_items(found: list[Any], pictures: dict[str, bytes], wanted: dict[str, bytes]) -> None:
    """Every picture is there once, with its result."""
    assert sorted(item["name"] for item in found) == sorted(pictures)
    for item in found:
        name = item["name"]
        assert (item["state"], item["error"]) == ("completed", None)
        assert item["sha256"] == hashlib.sha256(pictures[name]).hexdigest()
        result = requests.get(item["result_url"], timeout=30).content
        assert result == wanted[name], name
        assert item["result_sha256"] == hashlib.sha256(result).hexdigest()
