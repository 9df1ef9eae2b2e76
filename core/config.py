"""The settings: the only reader of the environment."""

import difflib
import os
import re
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.sources import EnvSettingsSource

from core.contract.options import Detail
from core.errors.startup import SettingsError
from core.settings import redis_urls
from core.settings.files import SUFFIX, FileSettings
from core.settings.oidc import OidcSettings
from core.settings.storage import StorageSettings
from core.settings.types import (
    KeySwitch,
    Ports,
    RedisUrls,
    TracesEndpoint,
    WebhookSecrets,
    setting,
    split_secrets,
)
from core.settings.web import WebSettings

ROOT = Path(__file__).resolve().parent.parent
PREFIX = "FACE_API_"
# Read by the clients and the tests, not by the service.
CLIENT_NAMES = {"FACE_API_URL", "FACE_API_KEY", "FACE_API_REQUIRE_WEIGHTS"}


class Settings(StorageSettings, OidcSettings, WebSettings):
    """Every setting, from FACE_API_* variables or a `.env` file. Frozen once read."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        validate_by_name=True,
        validate_by_alias=True,
    )

    var_dir: Path = setting(Path("var"), "Folder of the embedded defaults' files.")
    log_level: Literal["debug", "info", "warning", "error"] = setting("info", "Least level that is logged.")

    metrics_port: int = setting(
        0,
        "Port of the numbers for Prometheus of web; worker has the next one, maintenance the one after; 0: off.",
        ge=0,
        le=65533,
    )
    traces_endpoint: TracesEndpoint = setting(
        "", "Where traces are sent, an OTLP URL such as `http://127.0.0.1:4318/v1/traces`; empty: nowhere."
    )
    metrics_host: str = setting("127.0.0.1", "Address that the numbers are served on: they ask nobody for a password.")

    model: Literal["auto", "scrfd_10g", "scrfd_2.5g", "scrfd_500m", "centerface"] = setting(
        "scrfd_10g", "Detection model; `auto` takes the best that can be had without asking for a licence."
    )
    weights_dir: Path = setting(ROOT / "weights", "Folder of the model files.")
    weights_mirror: str = setting("", "Folder or base URL of model files, tried before their official source.")
    precision: Literal["auto", "fp32", "int8"] = setting(
        "auto",
        "Arithmetic of the network; `auto` uses int8 where it passes a self-test at start and is faster, else fp32.",
    )
    runtime: Literal["auto", "onnxruntime", "openvino", "cuda"] = setting(
        "auto",
        "What runs the network; `auto`: a GPU or OpenVINO where it is installed, passes a self-test at start and is"
        " faster, else ONNX Runtime.",
    )
    input_size: int = setting(
        640, "Longer side of the network's input, in pixels; a multiple of 32.", ge=64, le=4096, multiple_of=32
    )
    detail_detect: Detail = setting("fast", "How closely detect searches a picture unless a call says it.")
    detail_mask: Detail = setting("balanced", "How closely mask searches a picture unless a call says it.")
    verify_masks: bool = setting(
        True, "Whether masked pictures are searched again unless a call says it; never with detail=fast."
    )
    mask_doubtful: bool = setting(
        True, "Whether doubtful faces, likely enough for their size, are masked too unless a call says it."
    )
    allow_weak_masks: bool = setting(
        False,
        "Whether a mask may be as weak as a call asks for; faces stay recognisable, and are verified only if asked.",
    )
    worker_processes: int = setting(0, "Processes of a worker, each with the model; 0: one for each CPU.", ge=0, le=256)
    inference_threads: int = setting(
        0, "Threads of a process for the network; 0: its share of the CPUs, and those that are idle.", ge=0, le=256
    )

    redis_url: RedisUrls = setting(
        "redis://127.0.0.1:6379/0",
        "Redis or Valkey, without persistence. Several, separated by commas, share the bytes of calls:"
        " the same list in the same order for every process.",
    )
    queue_limit: int = setting(64, "Calls that may wait for the engine at a time; one more gets 503.", ge=1)
    job_timeout_s: float = setting(
        30.0, "Seconds that a call waits for its result before 504; before 503 if its turn never came.", gt=0, le=600
    )
    stop_grace_s: float = setting(
        0.0, "Seconds that calls have when web is stopped, before 503; 0: `FACE_API_JOB_TIMEOUT_S` + 5.", ge=0, le=3600
    )

    batch_queue_limit: int = setting(
        100_000, "Pictures of batches that may wait; while there are more, uploads to batches get 503.", ge=1
    )
    batch_lease_s: float = setting(
        60.0,
        "Seconds after which a picture of a batch goes to another worker, when its own no longer extends the lease.",
        ge=1,
        le=3600,
    )
    batch_item_timeout_s: float = setting(
        300.0, "Seconds that a picture of a batch may take; its worker process is ended then.", ge=1, le=86400
    )

    max_video_s: float = setting(7200.0, "Longest video, in seconds.", gt=0, le=86400)
    video_gpl_encoders: bool = setting(
        True, "Whether MP4 may be encoded by x264, which is under the GPL; else it holds VP9, too."
    )

    webhook_secret: WebhookSecrets = setting(
        SecretStr(""),
        "Signs webhooks: `whsec_` and base64 of 24 to 64 bytes, several separated by commas; empty: none may be named.",
    )
    webhook_allow_private: bool = setting(False, "Whether webhooks may lead to private addresses, and to this machine.")
    webhook_ports: Ports = setting((80, 443), "Ports that webhooks may lead to, separated by commas.")

    database_enabled: bool = setting(True, "Whether there is a database (API keys, records).")
    database_url: str = setting("", "SQLAlchemy URL; empty: SQLite in the folder of the embedded defaults.")
    database_timeout_s: float = setting(10.0, "Seconds of silence until a Postgres counts as down.", gt=0, le=600)

    api_key_enabled: KeySwitch = setting(True, "Whether detect and mask ask for an API key.", validate_default=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        variables = cast(EnvSettingsSource, env_settings), cast(EnvSettingsSource, dotenv_settings)
        files = FileSettings(settings_cls, *variables)
        return init_settings, env_settings, files, dotenv_settings

    @property
    def broker_url(self) -> str:
        """The first Redis, as Celery is told of it."""
        return redis_urls.for_celery(self.redis_urls[0])

    @property
    def redis_urls(self) -> list[str]:
        """Each Redis; the first also has the queue, sessions, limits and what workers say."""
        return redis_urls.split(self.redis_url)

    @property
    def webhook_secrets(self) -> list[str]:
        """Each secret that signs webhooks: while one is replaced, the new one and the old."""
        return split_secrets(self.webhook_secret)

    @property
    def keeps_pictures(self) -> bool:
        """Whether pictures are stored: one without a row in the database could never be found or deleted."""
        return self.storage_enabled and self.database_enabled

    @property
    def grace_s(self) -> float:
        """How long calls have when web is stopped: by default even the last that comes has all its time."""
        return self.stop_grace_s or self.job_timeout_s + 5

    @property
    def sqlalchemy_url(self) -> str:
        """The database's URL, the embedded default filled in."""
        return self.database_url or f"sqlite:///{self.var_dir.resolve() / 'face-api.sqlite3'}"


@cache
def load() -> Settings:
    """Read the settings once per process; a SettingsError lists everything that is wrong with them."""
    return read()


def read(**values: Any) -> Settings:
    """Read the settings again; `values` override the environment."""
    try:
        return Settings(**values)
    except ValidationError as error:
        lines = [_line(problem) for problem in error.errors()]
        raise SettingsError("these settings are not valid:\n" + "\n".join(lines)) from None
    except ValueError as error:  # of a file that a variable names
        raise SettingsError(f"these settings are not valid:\n{error}") from None


def _line(problem: Any) -> str:
    """Return what is wrong with a variable, without pydantic's prefix."""
    name = str(problem["loc"][0]) if problem["loc"] else ""
    return f"  {name if name.isupper() else PREFIX + name.upper()}: {str(problem['msg']).removeprefix('Value error, ')}"


def names() -> list[str]:
    """Return the variable of every setting, in the order of the class."""
    return [PREFIX + name.upper() for name in Settings.model_fields]


def unknown() -> dict[str, str]:
    """Return the FACE_API_* variables that no setting reads, each with the nearest name that one does ('' if none).

    Of the environment and of the `.env` file.
    """
    known = names()
    known += [name + SUFFIX.upper() for name in known]
    file = Path(".env")
    in_file = re.findall(
        rf"^\s*(?:export\s+)?({PREFIX}\w+)\s*=", file.read_text() if file.is_file() else "", re.MULTILINE
    )
    given = [name for name in {*os.environ, *in_file} if name.startswith(PREFIX)]
    unread = [name for name in sorted(given) if name not in known and name not in CLIENT_NAMES]
    return {name: next(iter(difflib.get_close_matches(name, known, 1)), "") for name in unread}
