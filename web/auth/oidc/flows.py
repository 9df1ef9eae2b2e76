"""Log-ins that have begun here and are at the provider: each belongs to one browser, and is over after one answer."""

import hashlib
import json
import secrets
from dataclasses import asdict, dataclass

import redis

from web.auth import sessions
from web.auth.sessions import Seal

NAMESPACE = "face-api:oidc:"
COOKIE = "face_api_oidc"
LIFETIME_S = 600  # chosen: time to find a phone or to choose a new password at the provider


@dataclass(frozen=True)
class Flow:
    """What a log-in has to come back with. state: with the browser; nonce: in the token; verifier: PKCE's secret.

    target: the path to go on to.
    """

    state: str
    nonce: str
    verifier: str
    target: str


class Flows:
    """In Redis, so that any web process takes the answer; SessionsUnavailable when it can't be reached."""

    def __init__(self, client: "redis.Redis", seal: Seal) -> None:
        self._redis, self._seal = client, seal

    def begin(self, target: str) -> tuple[Flow, str]:
        """Remember a log-in; return it, and the value of the cookie that its browser is known by."""
        browser, state, nonce, verifier = (secrets.token_urlsafe(sessions.TOKEN_BYTES) for _ in range(4))
        flow, key = Flow(state, nonce, verifier, target), _key(browser, state)
        with sessions.translate_redis_errors():
            self._redis.set(key, self._seal.put_on(key, json.dumps(asdict(flow))), ex=LIFETIME_S)
        return flow, browser

    def take(self, browser: str, state: str) -> Flow | None:
        """Return the log-in of this browser and state, which is over now; None when there is none, or none any more."""
        key = _key(browser, state)
        with sessions.translate_redis_errors():
            stored = self._seal.take_off(key, self._redis.getdel(key))
        return Flow(**json.loads(stored)) if stored else None


def _key(browser: str, state: str) -> str:
    """Name a log-in by both: whoever knows one of them alone can't even end it."""
    return NAMESPACE + hashlib.sha256(f"{browser}\0{state}".encode(errors="surrogatepass")).hexdigest()
