"""Types of settings that have a format of their own."""

import base64
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

Rate = Annotated[str, Field(pattern=r"^\d+ ?(/|per) ?(\d+ ?)?(second|minute|hour|day)s?$")]


def _server(value: str) -> str:
    """Check that a server is named and nothing below it: `host[:port]`, perhaps after http:// or https://."""
    if not value:
        return value
    parts = urlsplit(value if "://" in value else f"//{value}")
    below = parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None
    if parts.scheme not in {"", "http", "https"} or not parts.hostname or below or parts.port == 0:
        raise ValueError("should be host[:port], http://host[:port] or https://host[:port], without a path")
    return value.rstrip("/")


def _webhook_secret(secret: SecretStr) -> SecretStr:
    """Check that a secret is empty, or as Standard Webhooks writes it and long enough not to be guessed."""
    value = secret.get_secret_value()
    prefix, _, text = value.partition("_")
    try:
        is_right = prefix == "whsec" and 24 <= len(base64.b64decode(text, validate=True)) <= 64
    except ValueError:
        is_right = False
    if value and not is_right:
        raise ValueError("should be `whsec_` and 24 to 64 random bytes in base64: `openssl rand -base64 32` makes such")
    return secret


Server = Annotated[str, AfterValidator(_server)]
WebhookSecret = Annotated[SecretStr, AfterValidator(_webhook_secret)]
