"""The base classes of everything that crosses a border of the service."""

from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict


class CachedSchema(BaseModel):
    """A model whose JSON schema is made once: the web framework asks for it at every request."""

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return super().model_json_schema(*args, **kwargs) if args or kwargs else _schema(cls)


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema(by_alias=True)


class FrozenModel(CachedSchema):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
