"""The limiter of requests: which rate holds for a request, and who is counted."""

import time
from collections.abc import Callable
from math import ceil
from typing import Any, Literal

import limits
from flask_limiter import Limiter

from core.errors import RateLimited
from core.services import Services
from web import current
from web.auth import callers
from web.auth.limiting import rate_limits
from web.requests import client_address

LimitName = Literal["detect", "mask", "login"]


def build(services: Services, limit_name: Callable[[], LimitName | None]) -> Limiter:
    """Make the limiter. limit_name: returns the name of the limit that the current request counts against."""
    settings = services.settings
    storage_options: dict[str, Any] = {"connection_pool": services.auth_redis.connection_pool}
    rates: dict[LimitName, str] = {
        "detect": settings.rate_limit_detect,
        "mask": settings.rate_limit_mask,
        "login": settings.rate_limit_login,
    }

    def rate() -> str:  # '' is none
        name, key = limit_name(), callers.key()
        if name is None:
            return ""
        return (key.rate_limits.get(name) if key else None) or rates[name]

    def counted() -> str:
        if limit_name() == "login":
            return current.state().admins.log_ins.source_name()
        return str(callers.key_id() or client_address())

    return Limiter(
        key_func=counted,
        default_limits=[rate],
        storage_uri=rate_limits.SCHEME + settings.redis_urls[0],
        storage_options=storage_options,
        key_prefix="face-api",
        headers_enabled=True,
    )


def count_unknown_key(limiter: Limiter) -> None:
    """Raise RateLimited when there were too many from an address; whoever shares it and has a key is let through."""
    rate, counted = limits.parse(current.services().settings.rate_limit_unknown_keys), ("unknown-key", client_address())
    if not limiter.limiter.hit(rate, *counted):
        wait_s = limiter.limiter.get_window_stats(rate, *counted).reset_time - time.time()
        raise RateLimited(f"the limit of unknown keys is {rate}", retry_after_s=max(1, ceil(wait_s)))
