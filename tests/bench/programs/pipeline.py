"""The pipeline without anything around it, from a file's bytes to a report or a masked picture.

python -m tests.bench.programs.pipeline detect|mask fast|balanced|thorough
"""

import sys
from collections.abc import Callable
from pathlib import Path

import cv2

from core import config
from core.contract.options import DetectOptions, MaskOptions
from core.engine import defaults
from core.vision import detector, pipeline
from core.weights import versions
from tests.bench.programs import loop


def prepared(_files: list[str]) -> Callable[[str], object]:
    """Load the model; return what works on one file."""
    cv2.setNumThreads(1)  # as in a worker
    task, detail = sys.argv[1:]
    settings = config.read()
    found, limit = detector.load(versions.run_chooser(), settings), settings.max_image_pixels
    if task == "detect":
        to_detect = defaults.resolve(DetectOptions.model_validate({"detail": detail}), settings)
        return lambda file: pipeline.detect(Path(file).read_bytes(), to_detect, found, limit)
    to_mask = defaults.resolve(MaskOptions.model_validate({"detail": detail}), settings)
    return lambda file: pipeline.mask(Path(file).read_bytes(), to_mask, found, limit)


if __name__ == "__main__":
    loop.serve(prepared)
