"""What the benches work on: pictures, the model at hand, and the settings that a service is started with."""

import argparse
import shutil
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray

from core import config
from core.config import ROOT, Settings
from core.vision.runtimes import choices
from core.weights import downloads, manifest

BUILD = ROOT / "build" / "bench"
FACE = slice(30, 230), slice(120, 320)  # where the portrait has its face: rows, columns


def parser(meaning: str | None) -> argparse.ArgumentParser:
    """Return the beginning of a bench's options. meaning: its docstring."""
    made = argparse.ArgumentParser(description=meaning, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--shared", type=Path, default=None, help="folder with real pictures and weights")
    return made


def settings(shared: Path | None) -> Settings:
    """Return the settings of the model at hand: SCRFD's, else CenterFace, which is downloaded; and of its best version.

    That is chosen once, so that all that is started later runs the same. The file is copied to a folder of the bench's
    own, for what the service makes of it lies beside it.
    """
    name = "scrfd_2.5g" if shared and (shared / "data/weights/scrfd_2.5g.onnx").exists() else "centerface"
    folder = BUILD / "weights"
    folder.mkdir(parents=True, exist_ok=True)
    made = config.read(model=name, weights_dir=folder)
    sources = [ROOT / "weights", *([shared / "data/weights"] if shared else [])]
    for source in [source / f"{name}.onnx" for source in sources]:
        if source.exists() and not (folder / source.name).exists():
            shutil.copy(source, folder)
    downloads.pull(manifest.entry(name), made, downloads.Listener(print))
    best = choices.choose(made)
    return made.model_copy(update={"precision": best.precision, "runtime": best.runtime})


def environment(made: Settings, processes: int) -> dict[str, str]:
    """Return what a service is started with for a bench."""
    return {
        "FACE_API_MODEL": made.model,
        "FACE_API_PRECISION": made.precision,
        "FACE_API_RUNTIME": made.runtime,
        "FACE_API_WEIGHTS_DIR": str(made.weights_dir),
        "FACE_API_WORKER_PROCESSES": str(processes),
        "FACE_API_LOG_LEVEL": "warning",
    }


def pictures(shared: Path | None, count: int) -> list[bytes]:
    """Return photographs of WIDER FACE, evenly spaced over its kinds of scenes, or drawn ones of their usual size."""
    if shared and (shared / "data/wider/images").is_dir():
        paths = sorted((shared / "data/wider/images").rglob("*.jpg"))
        return [paths[number * len(paths) // count].read_bytes() for number in range(min(count, len(paths)))]
    large = np.asarray(cv2.resize(portrait(), (1024, 1024), interpolation=cv2.INTER_CUBIC), np.uint8)
    return [jpeg(large, 88 + number % 8) for number in range(count)]


def weighing(picture: bytes, size: int) -> bytes:
    """Return a picture as the JPEG whose quality brings it nearest to so many bytes."""
    pixels = np.asarray(cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR), np.uint8)
    return min((jpeg(pixels, quality) for quality in range(50, 101, 2)), key=lambda made: abs(len(made) - size))


def portrait() -> NDArray[np.uint8]:
    """Return a public-domain portrait, BGR, (512, 512, 3)."""
    return np.asarray(cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR), np.uint8)


def tiled(width: int, height: int) -> NDArray[np.uint8]:
    """Return a picture of so many pixels that is full of portraits."""
    one = portrait()
    times = -(-height // one.shape[0]), -(-width // one.shape[1]), 1
    return np.ascontiguousarray(np.tile(one, times)[:height, :width])


def crowd(faces: int, columns: int = 25, rows: int = 20, side: int = 100) -> NDArray[np.uint8]:
    """Return a picture of always the same size with so many faces, all of one size, spread over a grid."""
    canvas = np.full((rows * side, columns * side, 3), 128, np.uint8)
    face = cv2.resize(portrait()[FACE], (side, side), interpolation=cv2.INTER_AREA)
    for number in range(faces):
        row, column = divmod(number * columns * rows // faces, columns)
        canvas[row * side : (row + 1) * side, column * side : (column + 1) * side] = face
    return canvas


def jpeg(pixels: NDArray[np.uint8], quality: int = 90) -> bytes:
    """Encode BGR pixels."""
    return bytes(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])
