"""Many different small pictures with faces, cut from a few: crops and scales, the same ones every time."""

from pathlib import Path

import cv2
import numpy as np
import skimage.data

POISON = "TESTS_POISON_SHA256"  # the variable that names the picture which tests/faults/worker.py dies of
SIDE = 320  # pixels: quick to work on


def made(count: int, shared: Path | None) -> dict[str, bytes]:
    """Return JPEG files by name, in folders."""
    sources = _sources(shared)
    chance = np.random.default_rng(5)
    found = {}
    for number in range(count):
        source = sources[number % len(sources)]
        height, width = source.shape[:2]
        share = chance.uniform(0.6, 1.0)
        crop_width, crop_height = int(width * share), int(height * share)
        left, top = chance.integers(0, width - crop_width + 1), chance.integers(0, height - crop_height + 1)
        crop = source[top : top + crop_height, left : left + crop_width]
        scale = chance.uniform(0.8, 1.2) * SIDE / max(crop.shape)
        resized = cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        found[f"{number % 7}/{number:05}.jpg"] = cv2.imencode(".jpg", resized, [cv2.IMWRITE_JPEG_QUALITY, 90])[
            1
        ].tobytes()
    return found


def _sources(shared: Path | None) -> list[np.ndarray]:
    folder = shared / "data/wider/images" if shared else None
    paths = sorted(folder.rglob("*.jpg"))[:40] if folder and folder.is_dir() else []
    read = [picture for path in paths if (picture := cv2.imread(str(path))) is not None]
    return read or [cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR)]
