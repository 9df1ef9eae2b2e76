"""Types of settings that have a format of their own."""

import base64
import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

Rate = Annotated[str, Field(pattern=r"^\d+ ?(/|per) ?(\d+ ?)?(second|minute|hour|day)s?$")]

# With the user, the password, the number of the database and the options that redis-py and Celery read.
REDIS_URL = re.compile(r"rediss?://([^/?#]*@)?(\[[0-9a-fA-F:.]+\]|[\w.-]+)(:\d{1,5})?(/\d*)?(\?[^#]*)?")


def _server(value: str) -> str:
    """Check that a server is named and nothing below it: `host[:port]`, perhaps after http:// or https://."""
    if not value:
        return value
    parts = urlsplit(value if "://" in value else f"//{value}")
    below = parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None
    if parts.scheme not in {"", "http", "https"} or not parts.hostname or below or parts.port == 0:
        raise ValueError("should be host[:port], http://host[:port] or https://host[:port], without a path")
    return value.rstrip("/")


def split_redis_urls(value: str) -> list[str]:
    """Split a list of Redis URLs at the commas before a scheme: a password may hold one, too."""
    return re.split(r",\s*(?=rediss?://)", value.strip())


def _redis_urls(value: str) -> str:
    """Check that each URL names a Redis, and none another's."""
    urls = split_redis_urls(value)
    for number, url in enumerate(urls, 1):
        if not REDIS_URL.fullmatch(url):
            which = f"; number {number} of the {len(urls)} is not" if len(urls) > 1 else ""
            raise ValueError(f"should be redis://[:password@]host[:port][/number], or rediss://…, or several{which}")
    if len(set(urls)) < len(urls):
        raise ValueError("names one server twice")
    return value


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


RedisUrls = Annotated[str, AfterValidator(_redis_urls)]
Server = Annotated[str, AfterValidator(_server)]
WebhookSecret = Annotated[SecretStr, AfterValidator(_webhook_secret)]
