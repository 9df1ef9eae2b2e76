"""From the bytes of a picture to a report or to the bytes of a masked picture: pure functions.

Whatever goes wrong between decode and encode is an error, never a picture with a face in it.
"""

import time
from dataclasses import replace

import numpy as np

from core.contract.options import DetectOptions, MaskOptions
from core.contract.reports import DetectionReport, Detections, Face, MaskedImage, MaskReport, Timings
from core.pictures import images
from core.pictures.images import DecodedImage
from core.vision import boxes, masks, regions, verifications
from core.vision.candidates import Candidates
from core.vision.detector import Detector
from core.vision.masks import MaskedPixels
from core.vision.regions import MaskPolicy
from core.vision.verifications import Covered, Subject


def detect(data: bytes, options: DetectOptions, detector: Detector, max_pixels: int) -> DetectionReport:
    """Find the faces of an encoded picture."""
    started = time.perf_counter()
    picture = images.decode(data, max_pixels)
    decode_ms = _since(started)
    found = find(picture, options, detector)
    return _report(picture, detector, found, {"decode_ms": decode_ms})


def mask(
    data: bytes, options: MaskOptions, detector: Detector, max_pixels: int, floor: MaskPolicy = regions.STRONG
) -> MaskedImage:
    """Cover the faces of an encoded picture and encode the result; ResidualFace when one can't be hidden."""
    started = time.perf_counter()
    picture = images.decode(data, max_pixels)
    steps = {"decode_ms": _since(started)}
    found, left = wanted(picture, options, detector)

    started = time.perf_counter()
    limited = 0 < options.max_faces <= len(found.faces)
    subject = Subject(images.flatten(picture), options, floor, left, only=limited)
    planned = regions.plan(found.faces, options, floor, subject.size)
    covered = Covered(masks.cover(subject.pixels, planned), planned)
    steps["mask_ms"] = _since(started)
    if options.verify is not False:
        covered = _verified(picture, subject, covered, detector)
    if covered.verification:
        steps["verify_ms"] = covered.verification.verify_ms

    started = time.perf_counter()
    masked = _with_cover(picture, covered.layer)
    image = images.encode(masked.pixels, masked.alpha, masked.icc, options.format, options.quality)
    steps["encode_ms"] = _since(started)
    every = found.model_copy(update={"faces": _ranked((*found.faces, *covered.missed))})
    return MaskedImage(cover=_cover(_report(picture, detector, every, steps), covered, options, floor), image=image)


def wanted(picture: DecodedImage, options: MaskOptions, detector: Detector) -> tuple[Detections, tuple[Face, ...]]:
    """Find the faces that are to be masked, and those that stay visible because `max_faces` is smaller.

    A thorough search also finds those down to `review_confidence`; they are marked, since a person should look at them.
    """
    thorough = options.detail == "thorough"
    least = min(options.confidence, options.review_confidence) if thorough else options.confidence
    found = find(picture, options.model_copy(update={"confidence": least, "max_faces": 0}), detector)
    faces = tuple(face.model_copy(update={"review": face.confidence < options.confidence}) for face in found.faces)
    most = options.max_faces or len(faces)
    return found.model_copy(update={"faces": faces[:most]}), faces[most:]


def _verified(picture: DecodedImage, subject: Subject, covered: Covered, detector: Detector) -> Covered:
    least = max(subject.options.confidence, verifications.SEEN)
    quick = subject.options.model_copy(update={"confidence": least, "max_faces": 0, "detail": "fast"})

    def look(layer: MaskedPixels) -> tuple[Face, ...]:
        return find(_with_cover(picture, layer), quick, detector).faces

    return verifications.verify(subject, covered, look)


def find(picture: DecodedImage, options: DetectOptions, detector: Detector) -> Detections:
    """Find the faces that a viewer sees, and those that the colours hold where alpha hides them in part.

    The colours are searched `balanced` at most: two thorough searches can take longer than a call may.
    """
    if picture.alpha is None:
        return detector.find(picture.pixels, options)
    every = options.model_copy(update={"max_faces": 0})
    quicker = every.model_copy(update={"detail": "balanced"}) if every.detail == "thorough" else every
    seen, hidden = detector.find(images.flatten(picture), every), detector.find(picture.pixels, quicker)
    return _merged(seen, hidden, options)


def _merged(seen: Detections, hidden: Detections, options: DetectOptions) -> Detections:
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


def _ranked(faces: tuple[Face, ...]) -> tuple[Face, ...]:
    return tuple(sorted(faces, key=lambda face: -face.confidence))


def _with_cover(picture: DecodedImage, cover: MaskedPixels) -> DecodedImage:
    """Lay the masks over the picture: opaque, since the outline of a cut-out head is a trace of a person too."""
    if picture.alpha is None:
        return replace(picture, pixels=cover.pixels)
    pixels = np.where(cover.covered[..., None], cover.pixels, picture.pixels)
    return replace(picture, pixels=pixels, alpha=cover.covered | picture.alpha)


def _cover(report: DetectionReport, covered: Covered, options: MaskOptions, floor: MaskPolicy) -> MaskReport:
    strengths = [region.strength for region in covered.regions]
    return MaskReport(
        report=report,
        regions=len(covered.regions),
        effective_strength=max(strengths, default=floor.raised(options.method, options.strength, 1)),
        verification=covered.verification,
    )


def _report(picture: DecodedImage, detector: Detector, found: Detections, steps: dict[str, float]) -> DetectionReport:
    height, width = picture.pixels.shape[:2]
    timings = found.timings.model_copy(update=steps)
    return DetectionReport(
        width=width,
        height=height,
        channels=3 if picture.alpha is None else 4,
        model=detector.name,
        found=found.model_copy(update={"timings": timings}),
        metadata_removed=picture.metadata,
    )


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
