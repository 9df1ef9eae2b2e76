"""From the bytes of a picture to a report or to the bytes of a masked picture: pure functions.

Whatever goes wrong between decode and encode is an error, never a picture with a face in it.
"""

import time
from dataclasses import replace

import numpy as np

from core import images
from core.images import Picture
from core.results import Cover, DetectOptions, Face, Found, Masked, MaskOptions, Report, Timings
from core.vision import boxes, masks
from core.vision.candidates import Candidates
from core.vision.detector import Detector


def detect(data: bytes, options: DetectOptions, detector: Detector, max_pixels: int) -> Report:
    """Find the faces of an encoded picture."""
    started = time.perf_counter()
    picture = images.decode(data, max_pixels)
    decode_ms = _since(started)
    found = find(picture, options, detector)
    return _report(picture, detector, found, {"decode_ms": decode_ms})


def mask(data: bytes, options: MaskOptions, detector: Detector, max_pixels: int) -> Masked:
    """Cover the faces of an encoded picture and encode the result."""
    started = time.perf_counter()
    picture = images.decode(data, max_pixels)
    decode_ms = _since(started)
    found = find(picture, options, detector)

    started = time.perf_counter()
    regions = _regions(picture, found.faces, options.padding)
    covered = masks.cover(images.flatten(picture), regions, options.method, options.strength)
    masked = _with_cover(picture, covered)
    mask_ms = _since(started)

    started = time.perf_counter()
    image = images.encode(masked.pixels, masked.alpha, masked.icc, options.format, options.quality)
    steps = {"decode_ms": decode_ms, "mask_ms": mask_ms, "encode_ms": _since(started)}
    report = _report(picture, detector, found, steps)
    cover = Cover(report=report, regions=len(regions), effective_strength=covered.effective_strength)
    return Masked(cover=cover, image=image)


def find(picture: Picture, options: DetectOptions, detector: Detector) -> Found:
    """Find the faces that a viewer sees, and those that the colours hold where alpha hides them in part."""
    if picture.alpha is None:
        return detector.find(picture.pixels, options)
    every = options.model_copy(update={"max_faces": 0})
    seen, hidden = detector.find(images.flatten(picture), every), detector.find(picture.pixels, every)
    return _merged(seen, hidden, options)


def _merged(seen: Found, hidden: Found, options: DetectOptions) -> Found:
    faces = sorted((*seen.faces, *hidden.faces), key=lambda face: -face.confidence)
    found = Candidates(
        np.array([face.box for face in faces], np.float32).reshape(-1, 4),
        np.array([face.confidence for face in faces], np.float32),
        None,
    )
    kept = boxes.nms(found.boxes, found.scores, options.nms_threshold)
    distinct = tuple(faces[index] for index in kept)
    update = {
        "faces": distinct[: options.max_faces or None],
        "timings": _sum(seen.timings, hidden.timings),
        "candidates_before_nms": seen.candidates_before_nms + hidden.candidates_before_nms,
        "candidates_after_nms": len(distinct),
        "passes": seen.passes + hidden.passes,
    }
    return seen.model_copy(update=update)


def _sum(first: Timings, second: Timings) -> Timings:
    ours, theirs = first.model_dump(), second.model_dump()
    return Timings(**{step: ours[step] if ours[step] is None else ours[step] + theirs[step] for step in ours})


def _regions(picture: Picture, faces: tuple[Face, ...], padding: float) -> boxes.Regions:
    found = np.array([face.box for face in faces], np.float32).reshape(-1, 4)
    height, width = picture.pixels.shape[:2]
    return boxes.to_pixels(boxes.grow(found, padding), width, height)


def _with_cover(picture: Picture, cover: masks.Layer) -> Picture:
    """Lay the masks over the picture: opaque, since the outline of a cut-out head is a trace of a person too."""
    if picture.alpha is None:
        return replace(picture, pixels=cover.pixels)
    pixels = np.where(cover.covered[..., None], cover.pixels, picture.pixels)
    return replace(picture, pixels=pixels, alpha=np.where(cover.covered, np.uint8(255), picture.alpha))


def _report(picture: Picture, detector: Detector, found: Found, steps: dict[str, float]) -> Report:
    height, width = picture.pixels.shape[:2]
    timings = found.timings.model_copy(update=steps)
    return Report(
        width=width,
        height=height,
        channels=3 if picture.alpha is None else 4,
        model=detector.name,
        found=found.model_copy(update={"timings": timings}),
        metadata_removed=picture.metadata,
    )


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
