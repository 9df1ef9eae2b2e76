"""Find the faces of a decoded picture: those that a viewer sees, and those that partly transparent colours hide."""

from dataclasses import dataclass, replace
from functools import partial

from core.contract import region_options, reports
from core.contract.options import ResolvedDetectOptions, ResolvedMaskOptions
from core.contract.reports import Detections, Face, Timings
from core.pictures import images
from core.pictures.images import DecodedImage, Reduction
from core.vision import doubts, fusion, passes, seams
from core.vision.detector import Detector, Surroundings


def find(picture: DecodedImage, options: ResolvedDetectOptions, detector: Detector) -> Detections:
    """Find the faces that a viewer sees, and those that the colours hold where alpha hides them in part.

    Where viewers disagree about which way up the picture is, it is searched both ways.
    """
    if picture.doubtful_orientation == 1:
        return _find(picture, options, detector)
    first, second = _options_of_two(options)
    turned = images.turned(picture, picture.doubtful_orientation)
    other = _find(turned, second, detector)
    return _merge(_find(picture, first, detector), _turned_back(other, turned, picture), options)


def _options_of_two(options: ResolvedDetectOptions) -> tuple[ResolvedDetectOptions, ResolvedDetectOptions]:
    """Return the options of two searches whose faces are merged: all faces, and `balanced` at most the second time.

    Two thorough searches can take longer than a call may.
    """
    first = options.model_copy(update={"max_faces": 0})
    return first, first.model_copy(update={"detail": "balanced"}) if first.detail == "thorough" else first


def _turned_back(found: Detections, turned: DecodedImage, picture: DecodedImage) -> Detections:
    """Bring what was found in a turned picture into the picture."""

    def point(x: float, y: float) -> tuple[float, float]:
        return images.turned_back((x, y), turned.size, picture.doubtful_orientation)

    def face_back(face: Face) -> Face:
        (x1, y1), (x2, y2) = point(*face.box[:2]), point(*face.box[2:])
        box = (min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
        landmarks = face.landmarks and tuple(point(*mark) for mark in face.landmarks)
        return face.model_copy(update={"box": box, "landmarks": landmarks})

    return found.model_copy(update={"faces": tuple(face_back(face) for face in found.faces)})


def _find(picture: DecodedImage, options: ResolvedDetectOptions, detector: Detector) -> Detections:
    if picture.reduction is not None:
        return _enlarged(detector.find(picture.pixels, options), picture.reduction, detector.input_size)
    wraps = picture.wraps and options.detail != "fast"
    search = partial(seams.find, detector=detector) if wraps else detector.find
    if picture.alpha is None:
        return search(picture.pixels, options)
    first, second = _options_of_two(options)
    return _merge(search(images.flatten(picture), first), search(picture.pixels, second), options)


def find_around(picture: DecodedImage, surroundings: Surroundings, detector: Detector) -> tuple[Face, ...]:
    """Find the faces in and around regions, as `find` does: as a viewer sees them, by the colours, across a seam."""
    # Where viewers disagree about which way up the picture is, faces may lie.
    lying = surroundings.any_orientation or picture.doubtful_orientation != 1
    surroundings, options = replace(surroundings, any_orientation=lying), surroundings.options
    wraps = picture.wraps and options.detail != "fast"
    search = partial(seams.find_around, detector=detector) if wraps else detector.find_around
    visible = search(images.flatten(picture), surroundings)
    if picture.alpha is None:
        return visible
    hidden = search(picture.pixels, surroundings)
    return fusion.distinct_faces((*visible, *hidden), options.nms_threshold)


@dataclass(frozen=True)
class Selection:
    """Which faces are masked. options: what they were searched with; detections: the faces to mask.

    visible: those that stay visible because `max_faces` is smaller, or because they lie where faces are kept; kept:
    the latter; limited: whether the caller has given a number of faces, and there are as many.
    """

    options: ResolvedMaskOptions
    detections: Detections
    visible: tuple[Face, ...]
    kept: tuple[Face, ...]
    limited: bool


def find_to_mask(picture: DecodedImage, options: ResolvedMaskOptions, detector: Detector) -> Selection:
    """Find the faces that are to be masked: the sure ones, then the doubtful ones."""
    least = doubts.least_confidence(options)
    unlimited = options.model_copy(update={"confidence": least, "max_faces": 0})
    detections = find(picture, unlimited, detector)
    judged = doubts.judge(detections.faces, options, detector.doubt_limits)
    keep, size = options.keep_regions, picture.size
    faces, kept = region_options.split((*judged.sure, *judged.doubtful), keep, size)
    near_misses, _ = region_options.split(judged.near_misses, keep, size)
    masked, visible = reports.split_after(faces, options.max_faces)
    limited = 0 < options.max_faces <= reports.face_count(faces)
    selected = detections.model_copy(update={"faces": masked, "near_misses": near_misses})
    return Selection(options, selected, (*visible, *kept), kept, limited)


def _enlarged(detections: Detections, reduction: Reduction, input_size: int) -> Detections:
    """Bring what was found in reduced pixels into the whole picture."""
    (width, height), factor, (left, top) = reduction.size, reduction.factor, reduction.origin

    def place(x: float, y: float) -> tuple[float, float]:
        return left + factor * x, top + factor * y

    def place_inside(x: float, y: float) -> tuple[float, float]:
        x, y = place(x, y)
        return min(max(0.0, x), float(width)), min(max(0.0, y), float(height))

    def enlarged(face: Face) -> Face:
        box = (*place_inside(*face.box[:2]), *place_inside(*face.box[2:]))
        landmarks = face.landmarks and tuple(place(*point) for point in face.landmarks)
        return face.model_copy(update={"box": box, "landmarks": landmarks})

    faces = tuple(enlarged(face) for face in detections.faces)
    smallest = detections.smallest_face_px and detections.smallest_face_px * factor
    update = {"faces": faces, "det_scale": passes.scale(width, height, input_size), "smallest_face_px": smallest}
    return detections.model_copy(update=update)


def _merge(visible: Detections, hidden: Detections, options: ResolvedDetectOptions) -> Detections:
    distinct = fusion.distinct_faces((*visible.faces, *hidden.faces), options.nms_threshold)
    update = {
        "faces": reports.split_after(distinct, options.max_faces)[0],
        "timings": _add(visible.timings, hidden.timings),
        "candidates_before_nms": visible.candidates_before_nms + hidden.candidates_before_nms,
        "candidates_after_nms": len(distinct),
        "smallest_face_px": max(visible.smallest_face_px or 0, hidden.smallest_face_px or 0) or None,
        "passes": visible.passes + hidden.passes,
    }
    return visible.model_copy(update=update)


def _add(first: Timings, second: Timings) -> Timings:
    ours, theirs = first.model_dump(), second.model_dump()
    return Timings(**{step: ours[step] if ours[step] is None else ours[step] + theirs[step] for step in ours})
