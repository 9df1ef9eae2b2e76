"""The composition root: every client that a web process or a worker holds is made here, from the settings."""

from dataclasses import dataclass

from redis import Redis

from core.config import Settings
from core.database.engine import SessionFactory, session_factory
from core.engine import celery_apps, connections
from core.engine.circuit_breakers import CircuitBreaker
from core.engine.client import EngineClient
from core.engine.shards import Shards
from core.records.results import ResultStore
from core.storage.base import ObjectStore
from core.storage.folder import FolderStore
from core.storage.s3 import S3Store
from core.system import sockets

# chosen: rate limits and lockouts do without Redis, so that no call waits much longer for them than a healthy one takes
AUTH_CONNECT_TIMEOUT_S, AUTH_TIMEOUT_S = 0.5, 1.0
READ_BYTES = 64 * 1024  # measured: half of it costs a fifth more CPU to read a picture, twice as much saves nothing
CONNECT_TIMEOUT_S, TIMEOUT_S = 2.0, 2.0  # chosen: of what Redis does for calls, nothing takes a tenth of it


@dataclass(frozen=True)
class Services:
    """What the settings put together. sessions is None without a database, store and results when nothing is stored."""

    settings: Settings
    redis: Redis
    shards: tuple[Redis, ...]  # the bytes of calls; `redis` is the first of them
    auth_redis: Redis  # short time-outs and a circuit breaker: requests wait for rate limits and sessions
    engine: EngineClient
    sessions: SessionFactory | None
    store: ObjectStore | None
    results: ResultStore | None

    def close(self) -> None:
        """Close every connection that is open; a process that is forked later must not share them."""
        if self.results is not None:
            self.results.close()
        if self.sessions is not None:
            self.sessions.kw["bind"].dispose()
        self.engine.close()
        for shard in self.shards:
            shard.close()
        self.auth_redis.close()


def build(settings: Settings) -> Services:
    """Make the clients; nothing is connected yet."""
    # Each waiting call holds a connection, and redis-py fails from the 101st on unless it is told otherwise.
    most = max(100, 2 * settings.web_threads)
    first, *_ = servers = [_redis(url, CONNECT_TIMEOUT_S, TIMEOUT_S, most) for url in settings.redis_urls]
    auth_redis = _redis(settings.redis_urls[0], AUTH_CONNECT_TIMEOUT_S, AUTH_TIMEOUT_S, most)
    made = session_factory(settings) if settings.database_enabled else None
    store = object_store(settings)
    engine = EngineClient(settings, first, Shards(servers), celery_apps.celery_app(settings))
    results = ResultStore(store, made, settings.web_threads) if store and made else None
    return Services(
        settings=settings,
        redis=first,
        shards=tuple(servers),
        auth_redis=auth_redis,
        engine=engine,
        sessions=made,
        store=store,
        results=results,
    )


def _redis(url: str, connect_timeout_s: float, timeout_s: float, most: int) -> Redis:
    """Make the client of one server, with at most so many connections; nothing is connected yet."""
    return Redis.from_url(
        url,
        connection_class=connections.connection_class(url),
        socket_connect_timeout=connect_timeout_s,
        socket_timeout=timeout_s,
        socket_read_size=READ_BYTES,
        max_connections=most,
        retry=CircuitBreaker(),
        socket_keepalive=True,
        socket_keepalive_options=sockets.keepalive(),
    )


def object_store(settings: Settings) -> ObjectStore | None:
    """Make the settings' object store, or None when nothing is stored."""
    if not settings.keeps_pictures:
        return None
    if settings.s3_endpoint:
        return S3Store(settings)
    return FolderStore(settings.var_dir / "objects", settings.link_lifetime_s)
