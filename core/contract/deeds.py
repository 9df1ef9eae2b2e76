"""What the audit trail tells of: what was done, and by what kind of caller."""

from enum import StrEnum


class Deed(StrEnum):
    """What was done, `what.how`. A record names the id of that what, if it has one."""

    SERVICE_STARTED = "service.started"
    BACKED_UP = "service.backed_up"
    RESTORED = "service.restored"
    WORKER_ROLE_SET = "service.worker_role"  # the worker's role in Postgres, with a new password
    LOG_IN = "session.login"
    LOG_OUT = "session.logout"
    SESSION_ENDED = "session.ended"
    LOG_INS_UNLOCKED = "session.unlocked"
    ADMIN_CREATED = "admin.created"
    ADMIN_CHANGED = "admin.changed"
    ADMIN_PASSWORD_SET = "admin.password"  # noqa: S105 - a deed
    ADMIN_DELETED = "admin.deleted"
    TOTP_ENABLED = "admin.totp_enabled"
    TOTP_DISABLED = "admin.totp_disabled"
    KEY_CREATED = "key.created"
    KEY_CHANGED = "key.changed"
    KEY_ROTATED = "key.rotated"
    KEY_DELETED = "key.deleted"
    IMAGE_DELETED = "image.deleted"
    IMAGE_EXPIRED = "image.expired"
    ORIGINAL_VIEWED = "original.viewed"  # its pixels went to a page of the console
    ORIGINAL_LINKED = "original.linked"  # a link to it was handed out
    ORIGINAL_DOWNLOADED = "original.downloaded"
    ORIGINAL_FETCHED = "original.fetched"  # by a link of this service
    REVIEW_ACCEPTED = "review.accepted"
    REVIEW_REOPENED = "review.reopened"
    MASK_EDITED = "mask.edited"
    MASK_UNDONE = "mask.undone"
    BATCH_CREATED = "batch.created"
    BATCH_CLOSED = "batch.closed"
    BATCH_CANCELLED = "batch.cancelled"
    BATCH_RETRIED = "batch.retried"
    BATCH_DELETED = "batch.deleted"
    BATCH_EXPIRED = "batch.expired"
    VIDEO_CREATED = "video.created"
    VIDEO_CANCELLED = "video.cancelled"
    VIDEO_DELETED = "video.deleted"
    VIDEO_EXPIRED = "video.expired"
    WEBHOOK_REDELIVERED = "webhook.redelivered"


class ActorKind(StrEnum):
    """service: itself, such as retention; visitor: nobody known; link: whoever has a signed link."""

    ADMIN = "admin"
    KEY = "key"
    CLI = "cli"
    VISITOR = "visitor"
    LINK = "link"
    SERVICE = "service"
