"""How cameras and faces move in the clips of `make bench-video`: pan, zoom, rotation, shake, blur, hiding, crossing."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from matplotlib import cbook

from tests.bench import clips, inputs
from tests.bench.clips import HEIGHT, SECONDS, WIDTH, Camera, Clip, Pixels, Sprite, Values

HEAD = 0.6  # of a face's size on every side: what of a head a sprite holds
HIDDEN = (0.7, 1.7)  # seconds


@dataclass(frozen=True)
class Still:
    """An annotated picture. faces: (n, 4); ignored: (m, 4), annotated too, but too small or unclear to count."""

    name: str
    pixels: Pixels
    faces: Values
    ignored: Values

    def scale(self, share: float) -> float:
        """Return the scale at which a frame shows this share of its width or height, whichever is filled first."""
        height, width = self.pixels.shape[:2]
        return float(max(WIDTH / (share * width), HEIGHT / (share * height)))

    def point(self, across: float, down: float) -> Values:
        height, width = self.pixels.shape[:2]
        return np.array([across * width, down * height])


def pan(still: Still) -> Camera:
    """Move along the longer side of what is left, so that faces come in and go out."""
    scale = still.scale(0.6)

    def at(moment: float) -> Values:
        share = moment / SECONDS
        return clips.view(still.point(0.3 + 0.4 * share, 0.35 + 0.3 * share), scale)

    return at


def zoom(still: Still) -> Camera:
    return lambda moment: clips.view(
        still.point(0.5, 0.45), still.scale(1.0 - 0.45 * math.sin(math.pi * moment / SECONDS))
    )


def rotation(still: Still) -> Camera:
    return lambda moment: clips.view(
        still.point(0.5, 0.45), still.scale(0.8), 25 * math.sin(2 * math.pi * moment / SECONDS)
    )


def shake(still: Still, strength: float = 1) -> Camera:
    """Hold a camera by hand: three waves in each direction. strength: 1 is 15 pixels or so."""
    waves = ((1.3, 10, 0.3), (3.1, 6, 1.1), (6.7, 4, 2.3))

    def at(moment: float) -> Values:
        off = [
            strength * sum(size * math.sin(2 * math.pi * hertz * moment + start + turn) for hertz, size, start in waves)
            for turn in (0, 2)
        ]
        scale = still.scale(0.85)
        return clips.view(still.point(0.5, 0.45) + np.array(off) / scale, scale, 0.08 * strength * off[0])

    return at


def whip(still: Still) -> Camera:
    """Pan to and fro, fast, with a shaking hand."""
    shaken, scale = shake(still), still.scale(0.7)

    def at(moment: float) -> Values:
        swing = still.point(0.5 + 0.07 * math.sin(2 * math.pi * moment / 2.5), 0.45)
        return clips.view(swing, scale) + np.pad((shaken(moment) - shaken(0))[:, 2:], ((0, 0), (2, 0)))

    return at


CAMERAS: dict[str, Callable[[Still], Camera]] = {
    "pan": pan,
    "zoom": zoom,
    "rotation": rotation,
    "shake": shake,
    "blur": whip,
}


def moved(still: Still, kind: str) -> Clip:
    """Return the clip of a picture under a moving camera."""
    camera = CAMERAS[kind](still)
    return Clip(f"{kind}-{still.name}", kind, still.pixels, still.faces, camera, still.ignored, blurred=kind == "blur")


def hiding(still: Still) -> Clip:
    """Return a clip in which something stands before each face for a second."""
    sprites = []
    for face in still.faces:
        left, top, right, bottom = np.rint(grown(face, 0.35)).astype(int).tolist()
        patch = backdrop(right - left, bottom - top, seed=left)
        sprites.append(Sprite(patch, np.ones(patch.shape[:2]), None, _standing(left, top), HIDDEN))
    camera = shake(still, 0.3)
    return Clip(f"hidden-{still.name}", "hidden", still.pixels, still.faces, camera, still.ignored, sprites)


def crossing(stills: Sequence[Still], name: str) -> Clip:
    """Return a clip in which the largest faces of two pictures walk past each other, one before the other."""
    first, second = (cut_out(still, 110) for still in stills[:2])
    sprites = [
        Sprite(*first, lambda moment: (40 + 250 * moment, 180 + 15 * math.sin(9 * moment))),
        Sprite(*second, lambda moment: (700 - 230 * moment, 200 + 15 * math.sin(8 * moment))),
    ]
    return Clip(f"crossing-{name}", "crossing", backdrop(WIDTH, HEIGHT, 3), _none(), _fixed(), _none(), sprites)


def entering(stills: Sequence[Still], name: str) -> Clip:
    """Return a clip in which faces come in at the left, at the right and from below, and go out again."""
    one, two, three = (cut_out(still, side) for still, side in zip(stills, (70, 100, 130), strict=False))
    sprites = [
        Sprite(*one, lambda moment: (-160 + 420 * math.sin(math.pi * moment / SECONDS), 60)),
        Sprite(*two, lambda moment: (960 - 300 * moment + 70 * moment * moment, 240)),
        Sprite(*three, lambda moment: (330, 540 - 380 * math.sin(math.pi * moment / SECONDS))),
    ]
    return Clip(f"entering-{name}", "entering", backdrop(WIDTH, HEIGHT, 4), _none(), _fixed(), _none(), sprites)


def cut_out(still: Still, side: int) -> tuple[Pixels, Values, Values]:
    """Return the head of a picture's largest face, which gets this longer side: pixels, alpha, and the face's box."""
    face = max(still.faces.tolist(), key=lambda box: max(box[2] - box[0], box[3] - box[1]))
    left, top, right, bottom = grown(np.array(face), HEAD)
    height, width = still.pixels.shape[:2]
    left, top = max(0, int(left)), max(0, int(top))
    right, bottom = min(width, math.ceil(right)), min(height, math.ceil(bottom))
    factor = side / max(face[2] - face[0], face[3] - face[1])
    size = round((right - left) * factor), round((bottom - top) * factor)
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    pixels = np.asarray(cv2.resize(still.pixels[top:bottom, left:right], size, interpolation=how), np.uint8)
    box = (np.array(face) - [left, top, left, top]) * factor
    return pixels, _oval(grown(box, 0.4), size), box


def _oval(box: Values, size: tuple[int, int]) -> Values:
    """Return a soft ellipse in a box, within a sprite of (width, height)."""
    x, y = np.meshgrid(np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5)
    middle, axes = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    away = np.hypot((x - middle[0]) / axes[0], (y - middle[1]) / axes[1])
    return np.asarray(np.clip((1 - away) * 8, 0, 1))


def backdrop(width: int, height: int, seed: int) -> Pixels:
    """Draw something without a face: soft spots of many sizes."""
    rng, drawn = np.random.default_rng(seed), np.full((height, width, 3), 110, np.float32)
    for cells in (3, 9, 31):
        spots = rng.normal(0, 26, (cells, cells, 3)).astype(np.float32)
        drawn += cv2.resize(spots, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(drawn, 0, 255), np.uint8)


def grown(box: Values, share: float) -> Values:
    """Return a box that is larger by a share of its size on every side."""
    margin = share * (box[2:] - box[:2])
    return np.concatenate([box[:2] - margin, box[2:] + margin])


def _standing(left: float, top: float) -> clips.Place:
    return lambda _moment: (left, top)


def _fixed() -> Camera:
    return lambda _moment: np.array([[1.0, 0, 0], [0, 1, 0]])


def _none() -> Values:
    return np.zeros((0, 4))


def portraits() -> list[Still]:
    """Return two portraits that come with libraries, and where their faces are, as found by eye."""
    hopper = cv2.imread(str(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)))
    return [
        Still("astronaut", inputs.portrait(), np.array([[175.0, 65, 275, 195]]), _none()),
        Still("grace_hopper", np.asarray(hopper, np.uint8), np.array([[190.0, 90, 330, 290]]), _none()),
    ]
