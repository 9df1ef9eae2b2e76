"""InsightFace finds faces: its SCRFD class with the service's own model file, as its examples use it.

python -m tests.bench.programs.insightface_detect MODEL_FILE THREADS
"""

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import onnxruntime
from insightface.model_zoo import SCRFD

from tests.bench.programs import loop


def prepared(_files: list[str]) -> Callable[[str], object]:
    """Load the model; return what works on one file. THREADS 0 is the runtime's own choice."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(sys.argv[2])
    session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
    found = SCRFD(str(Path(sys.argv[1])), session=session)
    found.prepare(ctx_id=-1, input_size=(640, 640), det_thresh=0.5)
    return lambda file: found.detect(cv2.imread(file))


if __name__ == "__main__":
    loop.serve(prepared)
