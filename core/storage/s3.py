"""The object store in one bucket of an S3 server. Only here is the S3 client known."""

import io
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, Self
from xml.etree.ElementTree import ParseError

import structlog
import urllib3
from minio import Minio
from minio.error import MinioException, S3Error
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError, NewConnectionError

from core.config import Settings
from core.errors import NotFound, StorageUnavailable
from core.storage import objects
from core.storage.base import ByteSource
from core.storage.objects import Disposition, StoredObject
from core.storage.ranges import RangeReader, RecordingSource
from core.system import sockets

log = structlog.get_logger(__name__)

MISSING = {"NoSuchKey", "NoSuchBucket"}
# Somebody else has just made it, or is about to.
BUCKET_IS_THERE = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists", "OperationAborted"}
SINGLE_PUT_BYTES = 5 * 2**20  # the least part size that S3 knows
PART_BYTES = 8 * 2**20  # chosen: 10,000 parts, S3's most, are 80 GB; an upload holds two of them in memory

KEEPALIVE = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *((socket.IPPROTO_TCP, option, value) for option, value in sockets.keepalive().items()),
]


class S3Store:
    """An ObjectStore in one bucket, which is made when the first object comes."""

    def __init__(self, settings: Settings) -> None:
        # Its warnings and what is below them show URLs, and a URL has a picture's file name in it.
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

    def get(self, key: str, most: int | None = None) -> bytes:
        objects.checked(key)
        with _translated():
            response = self._client.get_object(bucket_name=self._bucket, object_name=key)
            try:
                return response.read(most)
            finally:
                response.close()
                response.release_conn()

    def put_from(self, key: str, source: ByteSource, content_type: str) -> None:
        objects.checked(key)
        with _translated():
            # Before the source is read: what it has yielded can't be had again.
            if not self._client.bucket_exists(bucket_name=self._bucket):
                self._make_bucket()
        recording = RecordingSource(source)
        try:
            with _translated():
                self._client.put_object(
                    bucket_name=self._bucket,
                    object_name=key,
                    data=recording,  # type: ignore[arg-type]  # only its read() is called
                    length=-1,
                    part_size=PART_BYTES,
                    num_parallel_uploads=1,
                    content_type=content_type,
                )
        except StorageUnavailable:
            if recording.error:
                raise recording.error from None
            raise

    def open(self, key: str) -> BinaryIO:
        return RangeReader.buffered(self.stat(key).size_bytes, lambda start, count: self._range(key, start, count))

    def _range(self, key: str, start: int, count: int) -> bytes:
        with _translated():
            response = self._client.get_object(bucket_name=self._bucket, object_name=key, offset=start, length=count)
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
                "response-cache-control": objects.CACHE_CONTROL,
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
            log.warning("s3_not_ready", reason=str(error.__cause__))
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
        socket_options=[*HTTPConnection.default_socket_options, *KEEPALIVE],
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
    # The last two: what the client raises for an answer that isn't S3's XML.
    except (MinioException, HTTPError, ParseError, ValueError) as error:
        raise StorageUnavailable from objects.fault(error)


def _stored(found: Any) -> StoredObject:
    # Without a time it counts as new, so that nobody takes it for something left over.
    return StoredObject(found.object_name, found.size or 0, found.last_modified or datetime.now(UTC))
