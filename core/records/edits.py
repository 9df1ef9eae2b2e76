"""Manual masks: a stored picture is masked again, without false detections and with the faces that were missed."""

import hashlib
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.exc import IntegrityError

from core.contract import region_options
from core.contract.detections import Landmarks, of_face
from core.contract.options import CoverOptions, ManualMaskOptions
from core.contract.reports import Box, Face, MaskedImage
from core.contract.states import JobStatus, JobType
from core.database.clock import now
from core.engine.client import EngineClient
from core.errors import InvalidOption
from core.errors.problems import FieldProblem
from core.records import outcomes, records, reviews, uncoverings
from core.records.results import ResultStore
from core.records.reviews import ManualResult, SeenResult
from core.records.rows import JobDetail, StoredImage, StoredJob

# The options that say how a face is covered; the others say which faces are found.
APPEARANCE = tuple(CoverOptions.model_fields)


@dataclass(frozen=True)
class ManualEdit:
    """What a person changes. keep, remove: indexes of the job's detections; every one that is not removed is kept.

    job_id: None stands for the image's newest; add: in pixels of the upright picture; appearance: the options given, by
    name; by: who. seen: None where any result may be replaced.
    """

    job_id: uuid.UUID | None
    keep: tuple[int, ...]
    remove: tuple[int, ...]
    add: tuple[Box, ...]
    appearance: dict[str, Any]
    by: str
    seen: SeenResult | None = None


@dataclass(frozen=True)
class EditPlan:
    """What is masked, and why. detections: as they are saved."""

    image: StoredImage
    options: ManualMaskOptions
    detections: list[dict[str, Any]]
    report: dict[str, Any] = field(default_factory=dict)
    seen: SeenResult | None = None


class MaskEditor:
    """Makes manual masks."""

    def __init__(self, results: ResultStore, engine: EngineClient) -> None:
        self._results = results
        self._engine = engine

    def make(self, image_id: uuid.UUID, edit: ManualEdit, gone: Callable[[], bool]) -> uuid.UUID:
        """Mask a stored picture and store the result as a new job, whose id is returned.

        NotFound without the image or the job, InvalidOption for an edit that does not fit them, NewerResult when there
        is one than the edit has seen, StorageUnavailable, SQLAlchemyError, and what the engine raises. Whatever fails
        leaves nothing behind.
        """
        started = time.perf_counter()
        with self._results.sessions() as session:
            image = records.get_image(session, image_id).image
            edited = reviews.to_edit(session, image_id, edit.job_id)
            reviews.require_newest(session, image_id, edit.seen)
        plan = make_plan(image, edited, edit)
        masked = self._engine.run_manual_mask(self._results.objects.get(image.s3_key), plan.options, gone)
        return self._store(plan, masked, (time.perf_counter() - started) * 1000)

    def _store(self, plan: EditPlan, masked: MaskedImage, total_ms: float) -> uuid.UUID:
        job_id, moment, output_format = uuid.uuid4(), now(), plan.options.format
        outcome = outcomes.manually_masked(masked, plan.options, total_ms)
        report, digest = (outcome.report or {}) | plan.report, hashlib.sha256(masked.image).hexdigest()
        with self._results.begin() as pending:
            job = StoredJob(
                id=job_id,
                image_id=plan.image.id,
                status=JobStatus.COMPLETED,
                processed_s3_key=pending.add_processed(plan.image.id, job_id, output_format, masked.image),
                processed_size_bytes=len(masked.image),
                created_at=moment,
                finished_at=moment,
                edited_by=plan.report["by"],
                api_key_id=plan.image.api_key_id,  # whose picture it is sees what became of it
                **outcome.values | {"uncovered_faces": len(report["uncovered"])},
            )
            result = ManualResult(job, plan.detections, report, digest, plan.seen)
            try:
                pending.commit(lambda session: reviews.insert_edited(session, result))
            except IntegrityError:
                with self._results.sessions() as session:
                    records.get_image(session, plan.image.id)  # NotFound: it has been deleted meanwhile
                raise
        return job_id


def make_plan(image: StoredImage, edited: JobDetail | None, edit: ManualEdit) -> EditPlan:
    """Say what an edit comes to; InvalidOption names the parts of it that don't fit the picture or the job."""
    before = list((edited and edited.detections) or [])
    problems = [*_odd_indexes(edit, len(before)), *_odd_boxes(edit, image)]
    if problems:
        raise InvalidOption.of(problems)
    kept = [found for index, found in enumerate(before) if index not in edit.remove]
    boxes = [_clipped(box, image) for box in edit.add]
    added = [of_face(0, Face(box=box, confidence=1.0), image.width, image.height) for box in boxes]
    every = [*kept, *({**found, "added": True} for found in added)]
    detections = [
        {name: value for name, value in found.items() if name != "review"} | {"index": index}
        for index, found in enumerate(every)
    ]
    options = _options(edited, edit.appearance, detections)
    requested = region_options.boxes(options.mask_regions, (image.width, image.height))
    masked = [*(face.box for face in options.faces), *requested]
    report = {
        "edited_from": str(edited.job.id) if edited else None,
        "kept": [index for index in range(len(before)) if index not in edit.remove],
        "removed": sorted(set(edit.remove)),
        "added": [list(box) for box in boxes],
        "uncovered": uncoverings.by_hand(edited, edit.remove, masked),
        "by": edit.by,
        "at": now().isoformat(),
    }
    return EditPlan(image, options, detections, report, edit.seen)


def _options(
    edited: JobDetail | None, appearance: dict[str, Any], detections: list[dict[str, Any]]
) -> ManualMaskOptions:
    """Return the options given; what is left out is as it was in the job that is edited, if that was a mask.

    What that one's caller wanted to be always masked stays so: a person has judged the faces alone.
    """
    before: dict[str, Any] = {}
    if edited and edited.job.job_type == JobType.MASK:
        job = edited.job
        report = edited.report or {}
        # A mask without a number was made with the weakest that hides each face.
        before = {"method": job.blur_method, "strength": job.blur_strength or "auto", "padding": job.padding}
        before |= {"format": job.output_format, "quality": job.output_quality, "cover": report.get("cover")}
        before |= {"mask_regions": report.get("mask_regions")}
    chosen = {name: value for name, value in before.items() if value is not None} | appearance
    return ManualMaskOptions.model_validate(chosen | {"faces": tuple(_face(one) for one in detections)})


def _face(found: dict[str, Any]) -> Face:
    bbox = found["bbox"]
    marks = found.get("landmarks")
    # By name: a database may keep the members of an object in another order.
    points = tuple((marks[name]["x"], marks[name]["y"]) for name in Landmarks.__annotations__) if marks else None
    # As sure as it was found: the ellipse around a face grows where its landmarks are not to be believed.
    box = (bbox["x1"], bbox["y1"], bbox["x2"], bbox["y2"])
    return Face(box=box, confidence=found["confidence"], landmarks=points, drawn=bool(found.get("added")))


def _odd_indexes(edit: ManualEdit, count: int) -> list[FieldProblem]:
    odd = []
    for name in ("keep", "remove"):
        for place, index in enumerate(getattr(edit, name)):
            if not 0 <= index < count:
                odd.append(FieldProblem(f"{name}.{place}", f"The job has no detection {index}"))
    both = sorted(set(edit.keep) & set(edit.remove))
    return [*odd, *(FieldProblem("remove", f"Detection {index} is to be kept, too") for index in both)]


def _odd_boxes(edit: ManualEdit, image: StoredImage) -> list[FieldProblem]:
    odd = []
    for place, box in enumerate(edit.add):
        left, top, right, bottom = _clipped(box, image)
        if right - left < 1 or bottom - top < 1:
            odd.append(FieldProblem(f"add.{place}", "At least one pixel of it should lie in the picture"))
    return odd


def _clipped(box: Box, image: StoredImage) -> Box:
    left, top, right, bottom = box
    return max(0.0, left), max(0.0, top), min(float(image.width), right), min(float(image.height), bottom)
