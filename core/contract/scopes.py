"""What an API key may be used for."""

from enum import StrEnum


class Scope(StrEnum):
    """admin: what the administrator may do, except for keys and the audit trail. read: what the key itself has made."""

    DETECT = "detect"
    MASK = "mask"
    BATCH = "batch"
    VIDEO = "video"
    READ = "read"
    ADMIN = "admin"


DEFAULT_SCOPES = (Scope.DETECT, Scope.MASK)
