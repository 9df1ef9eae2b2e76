"""What each error of the tree in `core/errors` has."""

from collections.abc import Iterable
from typing import Self

from core.errors.problems import MAX_PROBLEMS, FieldProblem


class FaceApiError(Exception):
    """A case that the caller is told of: `detail` is written for them."""

    code = "error"
    title = "Error"
    field = ""  # the parameter or form field that a 422 is about

    def __init__(
        self, detail: str = "", *, problems: tuple[FieldProblem, ...] = (), retry_after_s: int | None = None
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.problems = problems[:MAX_PROBLEMS] or ((FieldProblem(self.field, self.detail),) if self.field else ())
        self.retry_after_s = retry_after_s


class InvalidInput(FaceApiError):
    """What the caller sent is wrong: the same again is refused again."""

    @classmethod
    def of(cls, problems: Iterable[FieldProblem]) -> Self:
        """Make the error whose detail names the first problems, and says how many more there are."""
        every = tuple(problems)
        named = [f"{problem.field}: {problem.message}" for problem in every[:MAX_PROBLEMS]]
        more = [f"and {len(every) - MAX_PROBLEMS} more"] if len(every) > MAX_PROBLEMS else []
        return cls("; ".join(named + more), problems=every)
