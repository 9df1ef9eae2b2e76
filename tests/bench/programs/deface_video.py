"""deface finds the faces of a video's frames as its command line does; answers where it would lay its masks.

python -m tests.bench.programs.deface_video

Standard input is a JSON list of files; of each file, the answer is one line: a list of frames, each a list of the boxes
of its masks, whose ellipses are blurred.
"""

import json
import os
import sys

import imageio.v3
from deface.centerface import CenterFace
from deface.deface import scale_bb

# The defaults of its command line.
THRESHOLD, MASK_SCALE = 0.2, 1.3


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    found = CenterFace(in_shape=None, backend="auto")
    for file in json.loads(sys.stdin.readline()):
        frames = imageio.v3.imiter(file, plugin="FFMPEG")
        print(json.dumps([_masks(frame, found) for frame in frames]), file=answers, flush=True)


def _masks(frame: object, found: CenterFace) -> list[list[int]]:
    boxes, _ = found(frame, threshold=THRESHOLD)
    return [scale_bb(*box[:4].astype(int), MASK_SCALE).tolist() for box in boxes]


if __name__ == "__main__":
    main()
