"""Types of settings that have a format of their own, or that need another setting."""

import base64
import ipaddress
import re
from importlib.util import find_spec
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo, WithJsonSchema
from pydantic_settings import NoDecode

from core.settings import redis_urls

RATE = r"^[1-9]\d* ?(/|per) ?([1-9]\d* ?)?(second|minute|hour|day)s?$"  # of at least one call, as `limits` reads it

# A name, an IPv4 address, or an IPv6 address in brackets; a dot before a name stands for all hosts below it.
HOST = re.compile(r"\.?[A-Za-z0-9_]([A-Za-z0-9_-]*\.?)*|\[[0-9A-Fa-f:.]+\]")
ROLES = ("viewer", "operator", "owner")  # of core/contract/roles.py, which settings can't import
MIN_AUDIT_DAYS = 30  # chosen: so long whoever did something can't remove the record of it
MIN_PASSWORD_LENGTH = 12  # chosen: a typed one of this length has over 50 bits; `make run` makes one of 24 characters


def setting(default: Any, meaning: str, **limits: Any) -> Any:
    """One setting: its default, its meaning for the table of docs/settings.md, and its limits."""
    return Field(default, description=meaning, **limits)


def _server(value: str) -> str:
    """Check that a server is named and nothing below it: `host[:port]`, perhaps after http:// or https://."""
    if not value:
        return value
    parts = urlsplit(value if "://" in value else f"//{value}")
    below = parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None
    if parts.scheme not in {"", "http", "https"} or not parts.hostname or below or parts.port == 0:
        raise ValueError("should be host[:port], http://host[:port] or https://host[:port], without a path")
    return value.rstrip("/")


def _bucket(value: str) -> str:
    """Check that a name is one that S3 takes, beyond its characters."""
    if any(pair in value for pair in ("..", ".-", "-.")) or re.fullmatch(r"[\d.]+", value):
        raise ValueError("should have no dot beside a dot or hyphen, and not be an IP address")
    return value


def _rate(value: str) -> str:
    if not re.fullmatch(RATE, value):
        raise ValueError("Write a rate such as 600/minute, of at least one call")
    return value


def _webhook_secrets(secrets: SecretStr) -> SecretStr:
    """Check that each secret is as Standard Webhooks writes it and long enough not to be guessed; there may be none."""
    for value in split_secrets(secrets):
        prefix, _, text = value.partition("_")
        try:
            is_right = prefix == "whsec" and 24 <= len(base64.b64decode(text, validate=True)) <= 64
        except ValueError:
            is_right = False
        if not is_right:
            raise ValueError(
                "should be `whsec_` and 24 to 64 random bytes in base64: `openssl rand -base64 32` makes such"
            )
    return secrets


def split_secrets(secrets: SecretStr) -> list[str]:
    """Split secrets at their commas."""
    return [secret.strip() for secret in secrets.get_secret_value().split(",") if secret.strip()]


def _split(value: object) -> object:
    """Split a text at its commas; blanks around the entries are ignored."""
    return [entry.strip() for entry in value.split(",") if entry.strip()] if isinstance(value, str) else value


def _hosts(hosts: tuple[str, ...]) -> tuple[str, ...]:
    """Check that each is a host without a port, perhaps with a dot before it."""
    wrong = [host for host in hosts if not HOST.fullmatch(host)]
    if wrong:
        raise ValueError(f"should be hosts without ports, separated by commas; {wrong[0]!r} is none")
    return tuple(host.lower() for host in hosts)


def _origin(value: str) -> str:
    """Check that a URL is one that pages have in common: scheme, host and port alone."""
    if value and not value.startswith(("http://", "https://")):
        raise ValueError("should be http://host[:port] or https://host[:port]")
    return _server(value)


def _traces_endpoint(value: str) -> str:
    """Check that it is a URL, and that what sends to it is installed."""
    if value and not (value.startswith(("http://", "https://")) and urlsplit(value).hostname):
        raise ValueError("should be http://host[:port]/path or https://host[:port]/path")
    if value and not _is_installed("opentelemetry.exporter.otlp.proto.http"):
        raise ValueError("needs the extra `otel`: pip install 'face-api[otel]'")
    return value


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # not even what it is below
        return False


def _admin_password(secret: SecretStr) -> SecretStr:
    """Check that a password is empty, or long enough that guesses within the limits of log-ins find it never."""
    if 0 < len(secret.get_secret_value()) < MIN_PASSWORD_LENGTH:
        raise ValueError(
            f"should have {MIN_PASSWORD_LENGTH} characters or more: `openssl rand -base64 18` makes such; a shorter one"
            " can be guessed"
        )
    return secret


def _keys_need_a_database(enabled: bool, info: ValidationInfo) -> bool:
    if enabled and not info.data.get("database_enabled", True):
        raise ValueError(
            "API keys are kept in the database, which is off: set FACE_API_DATABASE_ENABLED=true,"
            " or FACE_API_API_KEY_ENABLED=false to allow calls without keys"
        )
    return enabled


def _keys_belong_to_a_server(key: SecretStr, info: ValidationInfo) -> SecretStr:
    endpoint = info.data.get("s3_endpoint")
    if endpoint and not key.get_secret_value():
        raise ValueError("is missing: FACE_API_S3_ENDPOINT names a server, which needs both keys")
    # Pictures must not land in a local folder because a name was misspelt.
    if endpoint == "" and key.get_secret_value():
        raise ValueError("is for a server, and FACE_API_S3_ENDPOINT names none")
    return key


def _issuer(value: str, info: ValidationInfo) -> str:
    """Check that a provider is reached over TLS, or on this machine: its keys come from there."""
    parts = urlsplit(value)
    is_plain = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if value and (not parts.hostname or not (parts.scheme == "https" or is_plain) or parts.query or parts.fragment):
        raise ValueError("should be https://host[:port][/path]; http:// is for a provider on this machine")
    if value and not info.data.get("public_url", "?"):
        raise ValueError("needs FACE_API_PUBLIC_URL: the provider sends browsers back to it")
    return value


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _client_of_a_provider(value: str, info: ValidationInfo) -> str:
    if info.data.get("oidc_issuer") and not value:
        raise ValueError("is missing: FACE_API_OIDC_ISSUER names a provider, which knows its clients by their ids")
    return value


def _roles(value: str, info: ValidationInfo) -> str:
    """Check that each entry gives a role, and that there is one where there is a provider."""
    if info.data.get("oidc_issuer") and not value:
        raise ValueError("is empty: nobody could log in at FACE_API_OIDC_ISSUER")
    for name, role in split_roles(value):
        if not name or role not in ROLES:
            raise ValueError(f"should be value=role[,value=role…], each role one of {', '.join(ROLES)}")
    return value


def split_roles(value: str) -> list[tuple[str, str]]:
    """Split `value=role,…` into pairs; a value may hold equals signs."""
    entries = [entry.strip().rpartition("=") for entry in value.split(",") if entry.strip()]
    return [(name.strip(), role.strip()) for name, _, role in entries]


def _audit_days(days: int) -> int:
    if 0 < days < MIN_AUDIT_DAYS or days < 0:
        raise ValueError(f"should be 0 or at least {MIN_AUDIT_DAYS}: records that are younger can't be deleted")
    return days


ClientId = Annotated[str, AfterValidator(_client_of_a_provider)]
Issuer = Annotated[str, AfterValidator(_issuer)]
RoleMapping = Annotated[str, AfterValidator(_roles)]
AuditDays = Annotated[int, AfterValidator(_audit_days)]
AdminPassword = Annotated[SecretStr, AfterValidator(_admin_password)]
Hosts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_hosts)]
KeySwitch = Annotated[bool, AfterValidator(_keys_need_a_database)]
Origin = Annotated[str, AfterValidator(_origin)]
Ports = Annotated[
    tuple[Annotated[int, Field(ge=1, le=65535)], ...], NoDecode, BeforeValidator(_split), Field(min_length=1)
]
Rate = Annotated[str, AfterValidator(_rate), WithJsonSchema({"type": "string", "pattern": RATE})]
RedisUrls = Annotated[str, AfterValidator(redis_urls.check)]
BucketName = Annotated[str, AfterValidator(_bucket)]
Server = Annotated[str, AfterValidator(_server)]
StoreKey = Annotated[SecretStr, AfterValidator(_keys_belong_to_a_server)]
TracesEndpoint = Annotated[str, AfterValidator(_traces_endpoint)]
WebhookSecrets = Annotated[SecretStr, AfterValidator(_webhook_secrets)]
