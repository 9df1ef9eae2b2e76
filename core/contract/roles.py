"""What an administrator may do."""

from enum import StrEnum


class Role(StrEnum):
    """Each may do what those before it may.

    viewer: sees results, lists and jobs, never an original; operator: sees originals, reviews, masks by hand, runs
    batches and videos, deletes; owner: keys, administrators and the audit trail.
    """

    VIEWER = "viewer"
    OPERATOR = "operator"
    OWNER = "owner"

    def includes(self, other: "Role") -> bool:
        """Whether whoever has this role may do what the other one may."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(other)
