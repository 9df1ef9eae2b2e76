"""Cover the faces of a decoded picture, found or marked by a person, and search the masked picture again."""

from dataclasses import replace

import numpy as np

from core.contract import region_options
from core.contract.options import CoverOptions
from core.contract.region_options import Regions
from core.contract.reports import Face
from core.pictures import images
from core.pictures.images import DecodedImage
from core.vision import finding, masks, regions, searches, verifications
from core.vision.detector import Detector, Surroundings
from core.vision.finding import Selection
from core.vision.masks import MaskedPixels
from core.vision.regions import MaskPolicy, Region
from core.vision.verifications import Covered, Expected, Subject


def subject(picture: DecodedImage, options: CoverOptions, policy: MaskPolicy) -> Subject:
    """Return what is masked: the picture as a viewer sees it, and how."""
    return Subject(images.flatten(picture), options, regions.policy_of(options, policy))


def cover(subject: Subject, faces: tuple[Face, ...], requested: Regions) -> Covered:
    """Mask faces, and the regions that the caller has named; InvalidOption for one outside of the picture."""
    how = subject.options, subject.policy, subject.size
    planned = regions.plan(faces, *how) + regions.plan_requested(requested, *how)
    return Covered(masks.cover(subject.pixels, planned), planned)


def verify(
    picture: DecodedImage, subject: Subject, covered: Covered, selection: Selection, detector: Detector
) -> Covered:
    """Search around the masks again, and mask what is still found; ResidualFace when that doesn't help."""
    options = selection.options
    sure = options.model_copy(update={"confidence": max(options.confidence, verifications.MIN_RESIDUAL_CONFIDENCE)})
    lying = any(searches.is_rotated(one.name) and one.candidates for one in selection.detections.passes)

    def search(masked: MaskedPixels, regions: tuple[Region, ...]) -> tuple[Face, ...]:
        return finding.find_around(overlay(picture, masked), Surroundings(regions, sure, lying), detector)

    kept = region_options.boxes(options.keep_regions, subject.size)
    expected = Expected(selection.visible, kept, options.nms_threshold, only_regions=selection.limited)
    return verifications.verify(subject, covered, expected, search)


def overlay(picture: DecodedImage, masked: MaskedPixels) -> DecodedImage:
    """Lay the masks over the picture: opaque, since the outline of a cut-out head is a trace of a person too."""
    if picture.alpha is None:
        return replace(picture, pixels=masked.pixels)
    pixels = np.where(masked.covered[..., None], masked.pixels, picture.pixels)
    return replace(picture, pixels=pixels, alpha=masked.covered | picture.alpha)
