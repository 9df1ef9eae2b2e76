"""The object store: what it promises, and how S3 keeps that. Only here is the S3 client known.

Two stores keep the same promise: S3Store here and FolderStore in core/folder_store.py. Keys are made in
core/objects.py.
"""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, Self
from xml.etree.ElementTree import ParseError

import structlog
import urllib3
from minio import Minio
from minio.error import MinioException, S3Error
from urllib3.exceptions import HTTPError, NewConnectionError

from core import objects
from core.config import Settings
from core.errors import NotFound, StorageUnavailable
from core.folder_store import FolderStore
from core.objects import Disposition, StoredObject

log = structlog.get_logger(__name__)

MISSING = {"NoSuchKey", "NoSuchBucket"}
# Somebody else has just made it, or is about to.
BUCKET_IS_THERE = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists", "OperationAborted"}
SINGLE_PUT_BYTES = 5 * 2**20  # the least part size that S3 knows


class ObjectStore(Protocol):
    """Bytes under keys. Every verb raises StorageUnavailable when the store can't be reached or refuses.

    Keys come from core.objects; another kind, one that could lead elsewhere, is a ValueError. Stores can be used by
    many threads, and must not have been used before a fork.
    """

    def put(self, key: str, data: bytes, content_type: str) -> None:
        """Keep the bytes under the key, whole or not at all; what was there before is replaced."""

    def get(self, key: str) -> bytes:
        """Return the bytes, all of them; NotFound when there are none."""

    def stat(self, key: str) -> StoredObject:
        """Tell the size and the time of an object; NotFound when it isn't there."""

    def delete(self, key: str) -> None:
        """Remove the object; one that is gone already is no error."""

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Tell of every object whose key begins so, by rising keys where the server does, page by page: never all in
        memory.

        An object that is written or deleted meanwhile may be told of or not.
        """

    def link(self, key: str, filename: str, content_type: str, disposition: Disposition = "inline") -> str:
        """Return a URL that gives the object under this name and type until it expires.

        Nothing is asked over the network, not even whether the object is there. A FolderStore's URL begins with
        `/`: it is the service's own.
        """

    def ready(self) -> bool:
        """Whether the store can be used now; one cheap question, and never an error."""


def build(settings: Settings) -> ObjectStore | None:
    """Make the settings' store, or None when nothing is to be kept; nothing is opened yet."""
    if not settings.keeps_pictures:
        return None
    if settings.s3_endpoint:
        return S3Store(settings)
    return FolderStore(settings.var_dir / "objects", settings.link_lifetime_s)


class S3Store:
    """An ObjectStore in one bucket, which is made when the first object comes."""

    def __init__(self, settings: Settings) -> None:
        # Its warnings and what is below them tell URLs, and a URL has a picture's file name in it.
        logging.getLogger("urllib3").setLevel(logging.ERROR)
        pool = _pool(settings)
        self._bucket = settings.s3_bucket
        self._client = _client(settings, settings.s3_endpoint, pool)
        self._links = _client(settings, settings.s3_public_endpoint or settings.s3_endpoint, pool)
        self._link_lifetime = timedelta(seconds=settings.link_lifetime_s)

    def put(self, key: str, data: bytes, content_type: str) -> None:
        objects.checked(key)
        with _translated():
            try:
                self._put(key, data, content_type)
            except S3Error as error:
                if error.code != "NoSuchBucket":
                    raise
                self._make_bucket()
                self._put(key, data, content_type)

    def get(self, key: str) -> bytes:
        objects.checked(key)
        with _translated():
            response = self._client.get_object(bucket_name=self._bucket, object_name=key)
            try:
                return response.read()
            finally:
                response.close()
                response.release_conn()

    def stat(self, key: str) -> StoredObject:
        objects.checked(key)
        with _translated():
            found = self._client.stat_object(bucket_name=self._bucket, object_name=key)
        return _stored(found)

    def delete(self, key: str) -> None:
        objects.checked(key)
        with suppress(NotFound), _translated():
            self._client.remove_object(bucket_name=self._bucket, object_name=key)

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        with suppress(NotFound), _translated():  # no bucket, no objects
            for found in self._client.list_objects(bucket_name=self._bucket, prefix=prefix, recursive=True):
                # A console's own markers of folders (`originals/`) are none of ours.
                if found.object_name and objects.is_key(found.object_name):
                    yield _stored(found)

    def link(self, key: str, filename: str, content_type: str, disposition: Disposition = "inline") -> str:
        return self._links.presigned_get_object(
            bucket_name=self._bucket,
            object_name=objects.checked(key),
            expires=self._link_lifetime,
            response_headers={
                "response-content-type": content_type,
                "response-content-disposition": objects.content_disposition(disposition, filename),
            },
        )

    def ready(self) -> bool:
        """Whether the server answers these keys; the bucket may be missing still."""
        try:
            with _translated():
                self._client.bucket_exists(bucket_name=self._bucket)
        except StorageUnavailable as error:
            log.warning("the S3 server is not ready", reason=str(error.__cause__))
            return False
        return True

    def _put(self, key: str, data: bytes, content_type: str) -> None:
        self._client.put_object(
            bucket_name=self._bucket,
            object_name=key,
            data=io.BytesIO(data),
            length=len(data),
            content_type=content_type,
            # One request whatever the size: parts would need more calls, and leave fragments when one fails.
            part_size=max(len(data), SINGLE_PUT_BYTES),
        )

    def _make_bucket(self) -> None:
        try:
            self._client.make_bucket(bucket_name=self._bucket)
        except S3Error as error:
            if error.code not in BUCKET_IS_THERE:
                raise


class _Retry(urllib3.Retry):
    """Tries again what fails at once; a server that has been silent for the whole time-out isn't waited for twice."""

    def increment(self, *args: Any, **kwargs: Any) -> Self:
        error = kwargs.get("error")
        if isinstance(error, urllib3.exceptions.TimeoutError) and not isinstance(error, NewConnectionError):
            raise error
        return super().increment(*args, **kwargs)


def _pool(settings: Settings) -> urllib3.PoolManager:
    return urllib3.PoolManager(
        maxsize=settings.web_threads,
        timeout=urllib3.Timeout(connect=settings.s3_connect_timeout_s, read=settings.s3_read_timeout_s),
        retries=_Retry(
            total=settings.s3_retries,
            backoff_factor=0.1,
            status_forcelist=[500, 502, 503, 504],
            respect_retry_after_header=False,  # it may ask for an hour, and a request waits here
        ),
    )


def _client(settings: Settings, endpoint: str, pool: urllib3.PoolManager) -> Minio:
    scheme, _, server = endpoint.rpartition("://")
    return Minio(
        endpoint=server,
        access_key=settings.s3_access_key.get_secret_value(),
        secret_key=settings.s3_secret_key.get_secret_value(),
        secure=scheme == "https" if scheme else settings.s3_secure,
        region=settings.s3_region,  # a fixed one, or the client would ask the server for it
        http_client=pool,
    )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except S3Error as error:
        if error.code in MISSING:
            raise NotFound("there is no such object") from objects.fault(error)
        raise StorageUnavailable from objects.fault(error)
    # The last two: what the client says of an answer that isn't S3's XML.
    except (MinioException, HTTPError, ParseError, ValueError) as error:
        raise StorageUnavailable from objects.fault(error)


def _stored(found: Any) -> StoredObject:
    # Without a time it counts as new, so that nobody takes it for something left over.
    return StoredObject(found.object_name, found.size or 0, found.last_modified or datetime.now(UTC))
