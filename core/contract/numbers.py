"""Types of options that pydantic would describe, or complain about, in two parts."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, PlainSerializer, WrapValidator


@dataclass(frozen=True)
class IntegerOr:
    """An integer of a range, or a word. A wrong value has one problem, the integer's, where a union has two."""

    word: str
    ge: int
    le: int

    def __get_pydantic_core_schema__(self, _source: Any, handler: GetCoreSchemaHandler) -> Any:
        def validate(sent: Any, as_integer: Any) -> Any:
            return sent if sent == self.word else as_integer(sent)

        integer = Annotated[int, Field(ge=self.ge, le=self.le)]
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
