"""The states that rows and answers are in. The texts are public: they stand in answers, filters and the database."""

from enum import StrEnum


class JobType(StrEnum):
    DETECT = "detect"
    MASK = "mask"


class JobStatus(StrEnum):
    """cancelled: with its batch; the API calls it failed, with the error `cancelled`."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ReviewState(StrEnum):
    PENDING = "pending"
    DONE = "done"


class BatchStatus(StrEnum):
    """open: takes uploads, and works already; running: closed; completed: nothing is left to be done."""

    OPEN = "open"
    RUNNING = "running"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class ItemState(StrEnum):
    """refused: no picture that is taken, and why; deleted: with its image, nothing else is known of it."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    DELETED = "deleted"


class DeliveryStatus(StrEnum):
    """pending: is sent, or sent again; failed: is given up."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class VideoStatus(StrEnum):
    """What is being done with a video; rendering: also verifying and joining."""

    QUEUED = "queued"
    PROBING = "probing"
    DETECTING = "detecting"
    LINKING = "linking"
    RENDERING = "rendering"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class StepKind(StrEnum):
    """The steps of a video's way, in this order; detect and render: one for each segment."""

    PROBE = "probe"
    DETECT = "detect"
    LINK = "link"
    RENDER = "render"
    JOIN = "join"


class StepState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
