"""Results of detect and mask. Lengths are pixels of the upright picture, times milliseconds."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Box:
    """Left, top, right, bottom."""

    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Left and right as the viewer sees them."""

    left_eye: Point
    right_eye: Point
    nose: Point
    left_mouth: Point
    right_mouth: Point


@dataclass(frozen=True, slots=True)
class Size:
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class RelativeBox:
    """Shares of the picture's width and height."""

    x_center: float
    y_center: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Face:
    """A face that was found. review: it is less sure than was asked for, a person should look at it."""

    index: int
    bbox: Box
    confidence: float
    landmarks: Landmarks | None
    size: Size
    area: float
    center: Point
    relative: RelativeBox
    review: bool = False


@dataclass(frozen=True, slots=True)
class PictureInfo:
    """The upright picture."""

    width: int
    height: int
    channels: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The faces together; without any, the confidences are 0."""

    face_count: int
    avg_confidence: float
    min_confidence: float
    max_confidence: float
    total_face_area: float
    face_area_ratio: float


@dataclass(frozen=True, slots=True)
class Processing:
    """What ran. smallest_face_px: the longer side of the smallest face that was seen reliably."""

    model: str
    precision: str | None
    runtime: str | None
    smallest_face_px: float | None
    input_size: tuple[int, ...]
    confidence_threshold: float
    nms_threshold: float
    inference_ms: float
    total_ms: float


@dataclass(frozen=True, slots=True)
class DetectResult:
    """The faces of a picture, the surest first. image_id, job_id: of what the service has stored, if it stores."""

    request_id: str
    image_id: str | None
    job_id: str | None
    image: PictureInfo
    detections: tuple[Face, ...]
    summary: Summary
    processing: Processing


@dataclass(frozen=True, slots=True)
class MaskReport:
    """What was done to a picture.

    doubtful_faces: masked though they are less sure than was asked for. kept_faces: found in `keep_regions`, and left.
    residual_faces: still found in the masked picture, always 0; None where it was not searched again.
    """

    request_id: str
    model: str
    face_count: int
    doubtful_faces: int
    kept_faces: int
    residual_faces: int | None
    smallest_face_px: float | None
    effective_strength: int
    metadata_removed: tuple[str, ...]
    inference_ms: float
    mask_ms: float
    encode_ms: float
    total_ms: float
    image_id: str | None
    job_id: str | None

    @classmethod
    def of_headers(cls, headers: Mapping[str, str]) -> Self:
        """Read the headers of a response; KeyError or ValueError for any but mask's."""
        residual, smallest = headers.get("X-Residual-Faces"), headers.get("X-Smallest-Face")
        removed = headers.get("X-Metadata-Removed", "")
        return cls(
            request_id=headers["X-Request-Id"],
            model=headers["X-Model"],
            face_count=int(headers["X-Face-Count"]),
            doubtful_faces=int(headers.get("X-Doubtful-Faces", "0")),
            kept_faces=int(headers.get("X-Kept-Faces", "0")),
            residual_faces=None if residual is None else int(residual),
            smallest_face_px=None if smallest is None else float(smallest),
            effective_strength=int(headers["X-Mask-Effective-Strength"]),
            metadata_removed=tuple(removed.split(", ")) if removed else (),
            inference_ms=float(headers["X-Inference-Ms"]),
            mask_ms=float(headers["X-Mask-Ms"]),
            encode_ms=float(headers["X-Encode-Ms"]),
            total_ms=float(headers["X-Total-Ms"]),
            image_id=headers.get("X-Image-Id"),
            job_id=headers.get("X-Job-Id"),
        )


@dataclass(frozen=True, slots=True)
class MaskedImage:
    """A masked picture. content_type: `image/jpeg`, `image/png` or `image/webp`."""

    data: bytes
    content_type: str
    report: MaskReport

    def save(self, path: str | Path) -> None:
        Path(path).write_bytes(self.data)


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the service can answer calls: `ok`, or `degraded` when something that it needs is not ready."""

    status: str
    model: str
    precision: str | None
    runtime: str | None
    model_loaded: bool
    input_size: tuple[int, ...]
    supports_landmarks: bool
    database_enabled: bool
    database_ready: bool | None
    storage_enabled: bool
    storage_ready: bool | None
