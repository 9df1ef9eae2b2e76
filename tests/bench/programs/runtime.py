"""The network alone: the very inputs that /detect gives it for a picture, and nothing before or after it.

python -m tests.bench.programs.runtime
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2

from core import config
from core.contract.options import DetectOptions
from core.engine import defaults
from core.vision import detector, pipeline
from core.weights import versions
from tests.bench.programs import loop


def prepared(files: list[str]) -> Callable[[str], object]:
    """Note what the network is given for each file; return what gives it that again."""
    cv2.setNumThreads(1)  # as in a worker
    settings = config.read()
    found = detector.load(versions.run_chooser(), settings)
    network = found.runner.network
    run, inputs = network.run, {}
    noted: list[Any] = []

    def note(blob: Any) -> Sequence[Any]:
        noted.append(blob.copy())
        return run(blob)

    network.run = note  # type: ignore[method-assign]  # what passes through it is what the bench repeats
    options = defaults.resolve(DetectOptions(), settings)
    for file in files:
        pipeline.detect(Path(file).read_bytes(), options, found, settings.max_image_pixels)
        inputs[file] = list(noted)
        noted.clear()
    return lambda file: [run(blob) for blob in inputs[file]]


if __name__ == "__main__":
    loop.serve(prepared)
