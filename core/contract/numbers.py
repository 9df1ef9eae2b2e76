"""Types of options that pydantic would describe, or complain about, in two parts."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    ValidationError,
    WrapValidator,
)
from pydantic_core import PydanticCustomError


def _as_integer(sent: Any) -> Any:
    return int(sent) if isinstance(sent, float) and sent.is_integer() else sent


# JSON has one kind of number: 6.0 is the integer 6, also where types are strict.
WHOLE = BeforeValidator(_as_integer)  # the last of an integer's annotations, or its limits are not described


@dataclass(frozen=True)
class IntegerOr:
    """An integer of a range, or a word. A wrong value has one problem, which names both, where a union has two."""

    word: str
    ge: int
    le: int

    def __get_pydantic_core_schema__(self, _source: Any, handler: GetCoreSchemaHandler) -> Any:
        def validate(sent: Any, as_integer: Any) -> Any:
            try:
                return sent if sent == self.word else as_integer(sent)
            except ValidationError as error:
                choices = {"least": self.ge, "most": self.le, "word": self.word}
                message = "Input should be an integer from {least} to {most}, or {word}"
                raise PydanticCustomError("integer_or", message, choices) from error

        integer = Annotated[int, Field(ge=self.ge, le=self.le), WHOLE]
        # The word is no integer: it is written as it is.
        as_it_is = PlainSerializer(lambda value: value, return_type=Any)
        return handler.generate_schema(Annotated[integer, WrapValidator(validate), as_it_is])

    def __get_pydantic_json_schema__(self, _schema: Any, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {
            "anyOf": [
                {"type": "integer", "minimum": self.ge, "maximum": self.le},
                {"type": "string", "const": self.word},
            ]
        }
