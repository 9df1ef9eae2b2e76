"""Responses from reports: the JSON of detect, the image and headers of mask."""

import base64
import time
import uuid
from dataclasses import dataclass
from http import HTTPStatus

from flask import Response, g
from pydantic import BaseModel

from core.contract import detections
from core.contract.options import ResolvedDetectOptions, ResolvedMaskOptions
from core.contract.reports import DetectionReport, MaskedImage, face_count
from core.records.calls import StoredIds
from web.schemas import detect
from web.schemas.detect import DetectResponse, ImageInfo, Profiling, Summary
from web.schemas.mask import Masking, MaskResponse, Output, Verified


@dataclass(frozen=True)
class RequestContext:
    """What a response needs of its request. started: time.perf_counter() when the body was received."""

    options: ResolvedDetectOptions
    size_bytes: int
    input_size: int
    started: float

    @property
    def total_ms(self) -> float:
        return (time.perf_counter() - self.started) * 1000


def detection(report: DetectionReport, context: RequestContext, ids: StoredIds) -> Response:
    """Respond with the detected faces."""
    return as_json(detect_body(report, context, ids))


def detect_body(report: DetectionReport, context: RequestContext, ids: StoredIds) -> DetectResponse:
    total_ms = context.total_ms
    faces = detections.of_report(report)
    pixels = report.width * report.height
    return DetectResponse(
        request_id=g.request_id,
        image_id=_text(ids.image_id),
        job_id=_text(ids.job_id),
        image=ImageInfo(
            width=report.width, height=report.height, channels=report.channels, size_bytes=context.size_bytes
        ),
        detections=faces,
        summary=Summary.of(faces, report.detections.face_count, pixels),
        processing=detect.processing(report, context.options, context.input_size, total_ms),
        profiling=Profiling.of(report, context.size_bytes, total_ms, ids.storage_ms),
    )


def as_json(body: BaseModel, status: int = HTTPStatus.OK) -> Response:
    """Respond with a body of the contract."""
    return Response(body.model_dump_json(), status, mimetype="application/json")


def masked_image(masked: MaskedImage, output_format: str, context: RequestContext, ids: StoredIds) -> Response:
    """Respond with the masked picture; the headers say what was done to it."""
    report = masked.report.detection
    timings = report.detections.timings
    response = Response(masked.image, mimetype=f"image/{output_format}")
    response.headers["X-Face-Count"] = str(report.detections.face_count)
    response.headers["X-Kept-Faces"] = str(masked.report.kept_faces)
    response.headers["X-Inference-Ms"] = f"{timings.inference_ms:.2f}"
    response.headers["X-Mask-Ms"] = f"{timings.mask_ms or 0:.2f}"
    response.headers["X-Encode-Ms"] = f"{timings.encode_ms or 0:.2f}"
    response.headers["X-Total-Ms"] = f"{context.total_ms:.2f}"
    response.headers["X-Model"] = report.model
    response.headers["X-Doubtful-Faces"] = str(report.detections.doubtful)
    if report.detections.smallest_face_px is not None:
        response.headers["X-Smallest-Face"] = f"{report.detections.smallest_face_px:.1f}"
    response.headers["X-Mask-Effective-Strength"] = str(masked.report.effective_strength)
    if report.metadata_removed:
        response.headers["X-Metadata-Removed"] = ", ".join(report.metadata_removed)
    if masked.report.verification:
        response.headers["X-Residual-Faces"] = str(masked.report.verification.residual_faces)
    if ids.image_id and ids.job_id:
        response.headers["X-Image-Id"] = str(ids.image_id)
        response.headers["X-Job-Id"] = str(ids.job_id)
    return response


def masked_json(masked: MaskedImage, options: ResolvedMaskOptions, context: RequestContext) -> Response:
    """Respond with the masked picture inside the JSON that describes it."""
    report = masked.report
    detected = detect_body(report.detection, context, StoredIds())
    detected.profiling.output_bytes = len(masked.image)
    body = MaskResponse(
        **dict(detected),
        masking=Masking(
            method=options.method,
            strength=options.strength,
            cover=options.cover,
            padding=options.padding,
            regions_masked=report.regions,
            doubtful=report.detection.detections.doubtful,
            kept_faces=report.kept_faces,
            uncovered_faces=face_count(report.uncovered),
            effective_strength=report.effective_strength,
        ),
        metadata_removed=list(report.detection.metadata_removed),
        verification=Verified.model_validate(report.verification) if report.verification else None,
        output=Output(
            format=options.format,
            quality=options.quality,
            size_bytes=len(masked.image),
            image_base64=base64.b64encode(masked.image).decode(),
        ),
    )
    return as_json(body)


def _text(row_id: uuid.UUID | None) -> str | None:
    return None if row_id is None else str(row_id)
