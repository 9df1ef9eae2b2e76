"""Settings that are read from files, as container platforms hand out secrets: `FACE_API_X_FILE` names the file of X."""

from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource
from pydantic_settings.sources import EnvSettingsSource

SUFFIX = "_file"


class FileSettings(PydanticBaseSettingsSource):
    """The values of the files that variables name. ValueError when one can't be read, or the value is given as well.

    sources: what has the variables, the environment first.
    """

    def __init__(self, settings: type[BaseSettings], *sources: EnvSettingsSource) -> None:
        super().__init__(settings)
        self._variables: dict[str, str | None] = {}
        for source in reversed(sources):
            self._variables |= dict(source.env_vars)

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the value of one setting, None where no file is named."""
        variable = f"{self.config['env_prefix']}{field_name}"
        named = self._variables.get(f"{variable}{SUFFIX}".lower())
        if not named:
            return None, field_name, False
        if self._variables.get(variable.lower()):
            raise ValueError(f"{variable.upper()}: is given, and {variable.upper()}_FILE too: leave one of them out")
        try:
            return Path(named).read_text().rstrip("\r\n"), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "is not text"
            raise ValueError(f"{variable.upper()}_FILE: {named}: {reason}") from None

    def __call__(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        problems: list[str] = []
        for name, field in self.settings_cls.model_fields.items():
            try:
                value, _, _ = self.get_field_value(field, name)
            except ValueError as error:
                problems.append(f"  {error}")
            else:
                found |= {name: value} if value else {}
        if problems:
            raise ValueError("\n".join(problems))
        return found
