"""From the bytes of a picture to a report or to the bytes of a masked picture, in three parts: find, cover, encode.

Pure functions. Whatever goes wrong between decode and encode is an error, never a picture with a face in it.
"""

import time

from core.contract.options import CoverOptions, ManualMaskOptions, ResolvedDetectOptions, ResolvedMaskOptions
from core.contract.reports import DetectionReport, Detections, Face, MaskedImage, MaskReport, Timings, face_count
from core.observability import traces
from core.pictures import images
from core.pictures.images import DecodedImage
from core.vision import covering, finding, regions, searches
from core.vision.detector import Detector
from core.vision.regions import MaskPolicy
from core.vision.verifications import Covered, Subject

MANUAL = "by hand"  # where a report names the model that found the faces


def detect(data: bytes, options: ResolvedDetectOptions, detector: Detector, max_pixels: int) -> DetectionReport:
    """Find the faces of an encoded picture."""
    steps = _Steps()
    picture = images.decode(data, max_pixels, searches.sufficient_side(options.detail, detector.input_size))
    steps.end("decode_ms")
    with traces.span("find"):
        detections = finding.find(picture, options, detector)
    return _report(picture, detector, detections, steps)


def mask(
    data: bytes,
    options: ResolvedMaskOptions,
    detector: Detector,
    max_pixels: int,
    policy: MaskPolicy = regions.STRONG,
) -> MaskedImage:
    """Cover the faces of an encoded picture and encode the result; ResidualFace when one can't be hidden."""
    steps = _Steps()
    picture = images.decode(data, max_pixels)
    steps.end("decode_ms")
    with traces.span("find"):
        selection = finding.find_to_mask(picture, options, detector)
    steps.begin()
    subject = covering.subject(picture, options, policy)
    covered = covering.cover(subject, selection.detections.faces, options.mask_regions)
    steps.end("mask_ms")
    if options.verify:
        covered = covering.verify(picture, subject, covered, selection, detector)
        steps.add("verify_ms", covered.verification.verify_ms if covered.verification else 0.0)
    image = _encode(picture, covered, options)
    steps.end("encode_ms")
    faces = _ranked((*selection.detections.faces, *covered.missed))
    detections = selection.detections.model_copy(update={"faces": faces})
    report = _report(picture, detector, detections, steps)
    sure = tuple(face for face in selection.kept if not face.review)
    kept = {"kept_faces": face_count(selection.kept), "uncovered": sure}
    masked = _mask_report(report, covered, subject).model_copy(update=kept)
    return MaskedImage(report=masked, image=image)


def mask_manually(
    data: bytes, options: ManualMaskOptions, max_pixels: int, policy: MaskPolicy = regions.STRONG
) -> MaskedImage:
    """Cover the faces that a person has marked, and nothing else. The person judges the result: no search follows."""
    steps = _Steps()
    picture = images.decode(data, max_pixels)
    steps.end("decode_ms")
    subject = covering.subject(picture, options, policy)
    covered = covering.cover(subject, options.faces, options.mask_regions)
    steps.end("mask_ms")
    image = _encode(picture, covered, options)
    steps.end("encode_ms")
    report = _report(picture, None, Detections.marked(_ranked(options.faces)), steps)
    return MaskedImage(report=_mask_report(report, covered, subject), image=image)


class _Steps:
    """The milliseconds of each step, by the name that Timings has for it."""

    def __init__(self) -> None:
        self.ms: dict[str, float] = {}
        self.begin()

    def begin(self) -> None:
        self._started = time.perf_counter()

    def end(self, step: str) -> None:
        """Add the step that has ended; the next one begins."""
        self.add(step, (time.perf_counter() - self._started) * 1000)

    def add(self, step: str, ms: float) -> None:
        self.ms[step] = ms
        traces.record(step.removesuffix("_ms"), ms / 1000)
        self.begin()


def _encode(picture: DecodedImage, covered: Covered, options: CoverOptions) -> bytes:
    masked = covering.overlay(picture, covered.masked)
    return images.encode(masked.pixels, masked.alpha, masked.icc, options.format, options.quality)


def _ranked(faces: tuple[Face, ...]) -> tuple[Face, ...]:
    return tuple(sorted(faces, key=lambda face: -face.confidence))


def _mask_report(report: DetectionReport, covered: Covered, subject: Subject) -> MaskReport:
    strengths = [region.strength for region in covered.regions]
    unused = subject.policy.raised(subject.options.method, subject.options.strength, 1)
    return MaskReport(
        detection=report,
        regions=len(covered.regions),
        effective_strength=max(strengths, default=unused),
        verification=covered.verification,
    )


def _report(picture: DecodedImage, detector: Detector | None, detections: Detections, steps: _Steps) -> DetectionReport:
    width, height = picture.size
    timings: Timings = detections.timings.model_copy(update=steps.ms)
    return DetectionReport(
        width=width,
        height=height,
        channels=3 if picture.alpha is None else 4,
        model=detector.name if detector else MANUAL,
        precision=detector.precision if detector else None,
        runtime=detector.runtime if detector else None,
        detections=detections.model_copy(update={"timings": timings}),
        metadata_removed=picture.metadata,
    )
