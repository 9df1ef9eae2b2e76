"""What detection and masking report back: faces, timings, and what was done to the picture."""

from collections.abc import Iterable, Sequence
from typing import Self

from pydantic import Field

from core.contract.models import FrozenModel

Point = tuple[float, float]
LandmarkPoints = tuple[Point, Point, Point, Point, Point]
Box = tuple[float, float, float, float]


class Face(FrozenModel):
    """One face of the upright picture. box: left, top, right, bottom in pixels, clipped to the picture.

    landmarks: left eye, right eye, nose, left and right mouth corner (as the viewer sees them), or None for a
    model without them. review: doubtful, so that a person should look. drawn: by a person, and so covered as it is.
    whole_width: of a face that the edge of a panorama cuts in two, of which this is a part; None for a whole one.
    support: `Candidates.support`, for whoever judges what was found; it is not reported.
    """

    box: Box
    confidence: float
    landmarks: LandmarkPoints | None = None
    review: bool = False
    drawn: bool = False
    whole_width: float | None = None
    support: float | None = Field(None, exclude=True, repr=False)


def face_count(faces: Iterable[Face]) -> int:
    """Return the number of faces; the two parts of one that the edge of a panorama cuts are one."""
    return len(set(_identities(faces)))


def split_after(faces: Sequence[Face], most: int) -> tuple[tuple[Face, ...], tuple[Face, ...]]:
    """Return the first so many faces, all if 0, and the others; the parts of one stay together."""
    identities = list(_identities(faces))
    first = set(list(dict.fromkeys(identities))[: most or None])
    pairs = list(zip(faces, identities, strict=True))
    return tuple(face for face, one in pairs if one in first), tuple(face for face, one in pairs if one not in first)


def _identities(faces: Iterable[Face]) -> Iterable[int | tuple[float, float]]:
    for index, face in enumerate(faces):
        yield index if face.whole_width is None else (face.whole_width, face.confidence)


class Timings(FrozenModel):
    """Milliseconds spent in each step; None for a step that was not taken."""

    decode_ms: float = 0.0
    preprocess_ms: float = 0.0
    blob_ms: float = 0.0
    inference_ms: float = 0.0
    postprocess_ms: float = 0.0
    nms_ms: float = 0.0
    mask_ms: float | None = None
    verify_ms: float | None = None
    encode_ms: float | None = None


class PassReport(FrozenModel):
    """One run of the network. input_size: (width, height); candidates: before any were merged."""

    name: str
    input_size: tuple[int, int]
    inference_ms: float
    candidates: int


class Detections(FrozenModel):
    """The faces of one picture. input_size: (width, height) of the main pass; timings: sums over the passes.

    smallest_face_px: the longer side of the smallest face that was seen reliably, None where no network has run.
    near_misses: doubtful faces that stay visible, since they are just not likely enough.
    """

    faces: tuple[Face, ...]
    timings: Timings
    candidates_before_nms: int
    candidates_after_nms: int
    det_scale: float
    input_size: tuple[int, int]
    smallest_face_px: float | None = None
    passes: tuple[PassReport, ...] = ()
    near_misses: tuple[Face, ...] = ()

    @property
    def face_count(self) -> int:
        """How many faces there are."""
        return face_count(self.faces)

    @property
    def doubtful(self) -> int:
        """How many of the faces are doubtful."""
        return face_count(face for face in self.faces if face.review)

    @classmethod
    def marked(cls, faces: tuple[Face, ...]) -> Self:
        """Return faces that a person has marked: no network has run."""
        count = len(faces)
        return cls(
            faces=faces,
            timings=Timings(),
            candidates_before_nms=count,
            candidates_after_nms=count,
            det_scale=1.0,
            input_size=(0, 0),
        )


class DetectionReport(FrozenModel):
    """The outcome of detection. width, height, channels: of the upright picture.

    precision, runtime: the network's arithmetic and what ran it, None where none has run.

    metadata_removed: what the file holds beside its picture, and a masked picture lacks: names of
    core/pictures/metadata.py.
    """

    width: int
    height: int
    channels: int
    model: str
    detections: Detections
    precision: str | None = None
    runtime: str | None = None
    metadata_removed: tuple[str, ...] = ()


class Verification(FrozenModel):
    """The second search, in the masked picture. rounds: of masking again; residual_faces: 0."""

    rounds: int
    regions_masked_again: int
    residual_faces: int
    verify_ms: float


class MaskReport(FrozenModel):
    """What was done to a picture: the faces found, the regions masked, the largest strength used.

    kept_faces: those that were found where the caller wants faces to be left; uncovered: the sure ones among them.
    verification: None where the masked picture was not searched.
    """

    detection: DetectionReport
    regions: int
    effective_strength: int
    kept_faces: int = 0
    uncovered: tuple[Face, ...] = ()
    verification: Verification | None = None


class MaskedImage(FrozenModel):
    """A masked picture, encoded, and what was done to it."""

    report: MaskReport
    image: bytes
