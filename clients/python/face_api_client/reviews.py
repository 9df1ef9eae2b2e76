"""What a person decides about the faces of a stored image."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from types import EllipsisType
from typing import Any, Literal

from face_api_client.options import CoverOptions
from face_api_client.pictures import Box

Verdict = Literal["accepted", "reopened"]


@dataclass(frozen=True, slots=True)
class MaskEdit:
    """Which faces of an image are masked: every detection of a job that is not removed, and what is added.

    remove, keep: detections by their index; keep: those that were checked. options: what is left out is as in the job.
    job_id: whose detections are meant; None: the image's newest that has any. newest_job_id: the job whose result is
    the newest as far as you know, None if there is no result; once it is given, the call fails where there is a newer.
    """

    remove: Sequence[int] = ()
    add: Sequence[Box] = ()
    keep: Sequence[int] = ()
    options: CoverOptions | dict[str, Any] | None = None
    job_id: str | None = None
    newest_job_id: str | EllipsisType | None = ...

    def body(self) -> dict[str, Any]:
        known = {} if self.newest_job_id is ... else {"newest_job_id": self.newest_job_id}
        given = {"job_id": self.job_id, "options": self.options}
        lists = {"remove": list(self.remove), "add": [asdict(box) for box in self.add], "keep": list(self.keep)}
        return lists | {name: value for name, value in given.items() if value} | known
