"""Outcomes as answers: the JSON of detect, the image and headers of mask."""

import base64
import time
import uuid
from dataclasses import dataclass
from http import HTTPStatus

from flask import Response, g
from pydantic import BaseModel

from core.contract import detections
from core.contract.options import ResolvedDetectOptions, ResolvedMaskOptions
from core.contract.reports import DetectionReport, MaskedImage
from core.records.calls import StoredIds
from web.schemas import detect
from web.schemas.detect import DetectResponse, ImageInfo, Profiling, Summary
from web.schemas.mask import Masking, MaskResponse, Output, Verified


@dataclass(frozen=True)
class RequestContext:
    """What the caller sent. started: time.perf_counter() when it was all there."""

    options: ResolvedDetectOptions
    size_bytes: int
    input_size: int
    started: float

    @property
    def total_ms(self) -> float:
        return (time.perf_counter() - self.started) * 1000


def detection(report: DetectionReport, sent: RequestContext, ids: StoredIds) -> Response:
    """Answer where the faces are."""
    return as_json(detected(report, sent, ids))


def detected(report: DetectionReport, sent: RequestContext, ids: StoredIds) -> DetectResponse:
    """Word the outcome of detect."""
    total_ms = sent.total_ms
    found = detections.of_report(report)
    pixels = report.width * report.height
    return DetectResponse(
        request_id=g.request_id,
        image_id=_text(ids.image_id),
        job_id=_text(ids.job_id),
        image=ImageInfo(width=report.width, height=report.height, channels=report.channels, size_bytes=sent.size_bytes),
        detections=found,
        summary=Summary.of(found, pixels),
        processing=detect.processing(report, sent.options, sent.input_size, total_ms),
        profiling=Profiling.of(report, sent.size_bytes, total_ms, ids.storage_ms),
    )


def as_json(body: BaseModel, status: int = HTTPStatus.OK) -> Response:
    """Answer a body of the contract."""
    return Response(body.model_dump_json(), status, mimetype="application/json")


def masked_image(masked: MaskedImage, output_format: str, sent: RequestContext, ids: StoredIds) -> Response:
    """Answer the masked picture, what was done to it in the headers."""
    report = masked.report.detection
    timings = report.detections.timings
    response = Response(masked.image, mimetype=f"image/{output_format}")
    response.headers["X-Face-Count"] = str(len(report.detections.faces))
    response.headers["X-Inference-Ms"] = f"{timings.inference_ms:.2f}"
    response.headers["X-Mask-Ms"] = f"{timings.mask_ms or 0:.2f}"
    response.headers["X-Encode-Ms"] = f"{timings.encode_ms or 0:.2f}"
    response.headers["X-Total-Ms"] = f"{sent.total_ms:.2f}"
    response.headers["X-Model"] = report.model
    response.headers["X-Mask-Effective-Strength"] = str(masked.report.effective_strength)
    if report.metadata_removed:
        response.headers["X-Metadata-Removed"] = ", ".join(report.metadata_removed)
    if masked.report.verification:
        response.headers["X-Residual-Faces"] = str(masked.report.verification.residual_faces)
    if ids.image_id and ids.job_id:
        response.headers["X-Image-Id"] = str(ids.image_id)
        response.headers["X-Job-Id"] = str(ids.job_id)
    return response


def masked_picture(masked: MaskedImage, options: ResolvedMaskOptions, sent: RequestContext) -> Response:
    """Answer the masked picture inside the JSON that tells all about it."""
    cover = masked.report
    found = detected(cover.detection, sent, StoredIds())
    found.profiling.output_bytes = len(masked.image)
    body = MaskResponse(
        **dict(found),
        masking=Masking(
            method=options.method,
            strength=options.strength,
            padding=options.padding,
            regions_masked=cover.regions,
            effective_strength=cover.effective_strength,
        ),
        metadata_removed=list(cover.detection.metadata_removed),
        verification=Verified.model_validate(cover.verification) if cover.verification else None,
        output=Output(
            format=options.format,
            quality=options.quality,
            size_bytes=len(masked.image),
            image_base64=base64.b64encode(masked.image).decode(),
        ),
    )
    return as_json(body)


def _text(given: uuid.UUID | None) -> str | None:
    return None if given is None else str(given)
