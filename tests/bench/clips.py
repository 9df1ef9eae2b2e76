"""Short videos of which every face's place is known: annotated pictures under a moving camera, and faces that move.

A clip is a world, which is a picture with annotated faces, sprites that move over it, and a camera. What is true of a
frame follows from them: no person has to look. Faces of sprites cross, come in at the edge, and are hidden.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Values = NDArray[np.float64]
# Of a moment in seconds: where things are then.
Camera = Callable[[float], Values]  # (2, 3), from the world to the frame
Place = Callable[[float], tuple[float, float]]  # left and top of a sprite in the world

FPS, SECONDS = 25, 2.4
WIDTH, HEIGHT = 960, 540
QUALITIES = (23, 35)  # crf of H.264: as cameras are usually transcoded, and visibly poor
GRID = 16  # points of a face a side, at which it is looked up whether something lies before it
SUBFRAMES = 6  # of a blurred frame; the shutter is open for half of it


@dataclass(frozen=True)
class Sprite:
    """Something that moves over a world. alpha: (h, w), 0 to 1; face: left top right bottom in it, None for no face.

    shown: from when to when, in seconds.
    """

    pixels: Pixels
    alpha: Values
    face: Values | None
    place: Place
    shown: tuple[float, float] = (-math.inf, math.inf)

    def at(self, moment: float) -> tuple[int, int] | None:
        """Return where it is, None when it is not there."""
        if not self.shown[0] <= moment < self.shown[1]:
            return None
        x, y = self.place(moment)
        return round(x), round(y)


@dataclass(frozen=True)
class Clip:
    """One video. kind: what is hard about it; blurred: whether the shutter is slow.

    faces, ignored: (n, 4), of the world; the latter count neither as found nor as false.
    """

    name: str
    kind: str
    world: Pixels
    faces: Values
    camera: Camera
    ignored: Values
    sprites: Sequence[Sprite] = ()
    blurred: bool = False

    @property
    def frames(self) -> int:
        return round(FPS * SECONDS)


@dataclass(frozen=True)
class Truth:
    """The faces of one frame. boxes: (n, 4), cut to the frame; visible: (n,), which share of each can be seen.

    A face has the same row in every frame: first those of the world, then those of the sprites. ignored: (m, 4).
    """

    boxes: Values
    visible: Values
    ignored: Values


def write(clip: Clip, path: Path, crf: int) -> None:
    """Encode a clip as H.264 in MP4."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": str(crf), "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(clip.frames):
            image = av.VideoFrame.from_ndarray(frame(clip, number), format="bgr24")
            container.mux(stream.encode(image))
        container.mux(stream.encode())


def frame(clip: Clip, number: int) -> Pixels:
    """Draw a frame, BGR, (HEIGHT, WIDTH, 3)."""
    moment = number / FPS
    if not clip.blurred:
        return _drawn(clip, moment)
    moments = moment + (np.arange(SUBFRAMES) + 0.5 - SUBFRAMES / 2) / SUBFRAMES / 2 / FPS
    summed = sum(_drawn(clip, one).astype(np.float32) for one in moments.tolist())
    return np.asarray(np.rint(summed / SUBFRAMES), np.uint8)


def truths(clip: Clip) -> Iterator[Truth]:
    """Yield what is true of each frame."""
    for number in range(clip.frames):
        yield truth(clip, number / FPS)


def truth(clip: Clip, moment: float) -> Truth:
    """Return where the faces are at a moment."""
    there = [(sprite, sprite.at(moment)) for sprite in clip.sprites]
    faces = [(face, 0) for face in clip.faces]
    for layer, (sprite, place) in enumerate(there, 1):
        if sprite.face is not None:
            faces.append((sprite.face + np.tile(np.array(place or (-1e6, -1e6), float), 2), layer))
    boxes, visible = [], []
    for face, layer in faces:
        whole = _seen_by(clip.camera(moment), face)
        cut = np.minimum(np.maximum(whole, 0), np.array([WIDTH, HEIGHT] * 2))
        inside = max(0, cut[2] - cut[0]) * max(0, cut[3] - cut[1]) / ((whole[2] - whole[0]) * (whole[3] - whole[1]))
        before = [(one, place) for one, place in there[layer:] if place is not None]
        boxes.append(cut)
        visible.append(inside * (1 - _hidden(face, before)))
    ignored = np.array([_seen_by(clip.camera(moment), face) for face in clip.ignored])
    return Truth(np.array(boxes).reshape(-1, 4), np.array(visible), ignored.reshape(-1, 4))


def _seen_by(camera: Values, face: Values) -> Values:
    """Return the box, in the frame, of the ellipse of a face: a head that turns has no corners."""
    axes = (face[2:] - face[:2]) / 2
    middle = camera[:, :2] @ ((face[:2] + face[2:]) / 2) + camera[:, 2]
    reach = np.hypot(camera[:, 0] * axes[0], camera[:, 1] * axes[1])
    return np.concatenate([middle - reach, middle + reach])


def _hidden(face: Values, before: Sequence[tuple[Sprite, tuple[int, int]]]) -> float:
    """Return which share of a face lies behind sprites."""
    x, y = np.meshgrid(*(np.linspace(face[axis], face[axis + 2], GRID) for axis in (0, 1)))
    covered = np.zeros(x.shape, bool)
    for sprite, (left, top) in before:
        height, width = sprite.alpha.shape
        column, row = (x - left).astype(int), (y - top).astype(int)
        inside = (x >= left) & (x < left + width) & (y >= top) & (y < top + height)
        covered |= inside & (sprite.alpha[row.clip(0, height - 1), column.clip(0, width - 1)] > 0.5)
    return float(covered.mean())


def _drawn(clip: Clip, moment: float) -> Pixels:
    world = clip.world.copy() if clip.sprites else clip.world
    for sprite in clip.sprites:
        place = sprite.at(moment)
        if place is not None:
            _paste(world, sprite, place)
    # Enlarged smoothly, reduced without aliases.
    how = cv2.INTER_CUBIC if abs(np.linalg.det(clip.camera(moment)[:, :2])) > 1 else cv2.INTER_AREA
    return np.asarray(
        cv2.warpAffine(world, clip.camera(moment), (WIDTH, HEIGHT), flags=how, borderValue=(90, 90, 90)), np.uint8
    )


def _paste(world: Pixels, sprite: Sprite, place: tuple[int, int]) -> None:
    (left, top), (height, width) = place, sprite.alpha.shape
    rows = slice(max(0, -top), max(0, min(height, world.shape[0] - top)))
    columns = slice(max(0, -left), max(0, min(width, world.shape[1] - left)))
    target = world[max(0, top) : max(0, top + height), max(0, left) : max(0, left + width)]
    alpha = sprite.alpha[rows, columns, None]
    target[:] = np.rint(alpha * sprite.pixels[rows, columns] + (1 - alpha) * target)


def view(centre: Values, scale: float, degrees: float = 0) -> Values:
    """Return a camera's matrix that shows a point of the world in the middle of the frame."""
    angle = math.radians(degrees)
    turned = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return np.hstack([turned, (np.array([WIDTH, HEIGHT]) / 2 - turned @ centre)[:, None]])
