"""What a Swift proxy remembers between two requests, in its own memory: the place of memcached, without which every
request asks the account's and the container's servers anew. One proxy process, so nobody else has to know.
"""

import time
from collections.abc import Callable
from typing import Any

App = Callable[[dict[str, Any], Any], Any]


class Cache:
    """As much of memcached's client as the proxy uses."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[Any, float]] = {}

    def get(self, key: str, **_: Any) -> Any:
        value, ends = self._values.get(key, (None, 0.0))
        return value if time.monotonic() < ends else None

    def set(self, key: str, value: Any, time: float = 0, **_: Any) -> None:  # the client's own word
        self._values[key] = value, _now() + (time or 86400)

    def incr(self, key: str, delta: int = 1, time: float = 0, **_: Any) -> int:
        value = int(self.get(key) or 0) + delta
        self.set(key, value, time)
        return value

    def delete(self, key: str, **_: Any) -> None:
        self._values.pop(key, None)


def filter_factory(_config: dict[str, str], **_: str) -> Callable[[App], App]:
    """Make the filter, as paste.deploy asks for it."""
    cache = Cache()

    def remembering(app: App) -> App:
        def call(environ: dict[str, Any], start_response: Any) -> Any:
            environ["swift.cache"] = cache
            return app(environ, start_response)

        return call

    return remembering


def _now() -> float:
    return time.monotonic()
