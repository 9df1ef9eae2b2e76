"""What is wrong with a field that a caller sent."""

from dataclasses import dataclass

MAX_PROBLEMS = 20  # chosen: more than anybody mends at once; a form can have 50,000 stray fields, 400 regions 2,000
MAX_FIELD_LENGTH = 100  # chosen: three times the longest name that there is; a stray field's may fill the whole form


@dataclass(frozen=True)
class FieldProblem:
    """What is wrong with one parameter or form field; of a caller's own name for it only the beginning is kept."""

    field: str
    message: str

    def __post_init__(self) -> None:
        if len(self.field) > MAX_FIELD_LENGTH:
            object.__setattr__(self, "field", self.field[:MAX_FIELD_LENGTH] + "…")
