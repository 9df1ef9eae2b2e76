"""The settings of what is kept: in which object store, and for how long."""

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from core.settings.types import AuditDays, BucketName, Server, StoreKey, setting


class StorageSettings(BaseSettings):
    """The part of the settings about the object store and retention; see `core/config.py`."""

    storage_enabled: bool = setting(True, "Whether pictures and results are kept; never without the database.")
    s3_endpoint: Server = setting(
        "", "S3 server as `host[:port]` or URL; empty: a folder among the embedded defaults' files is the store."
    )
    s3_secure: bool = setting(True, "Whether an endpoint without http:// or https:// before it is reached over TLS.")
    s3_public_endpoint: Server = setting(
        "", "The same server as browsers reach it, for links alone; empty: links name `FACE_API_S3_ENDPOINT`."
    )
    s3_bucket: BucketName = setting(
        "face-api", "Bucket of the pictures, made on first use.", pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
    )
    s3_region: str = setting("us-east-1", "Region of the bucket; links are signed for it.", pattern=r"^[A-Za-z0-9_-]+$")
    s3_access_key: StoreKey = setting(SecretStr(""), "Access key at the S3 server.", validate_default=True)
    s3_secret_key: StoreKey = setting(SecretStr(""), "Secret key at the S3 server.", validate_default=True)
    s3_connect_timeout_s: float = setting(2.0, "Seconds to wait for a connection to the S3 server.", gt=0, le=60)
    s3_read_timeout_s: float = setting(10.0, "Seconds of silence until the S3 server counts as down.", gt=0, le=600)
    s3_retries: int = setting(2, "How often an S3 call is tried again when that can help.", ge=0, le=10)
    link_lifetime_s: int = setting(3600, "Seconds that a link to a stored picture works.", ge=1, le=7 * 86400)

    retention_days: int = setting(0, "Days after which an image and all that belongs to it is deleted; 0: never.", ge=0)
    retention_batch_days: int = setting(0, "Days until an ended batch and its pictures are deleted; 0: never.", ge=0)
    retention_video_days: int = setting(0, "Days until an ended video and its files are deleted; 0: never.", ge=0)
    retention_delivery_days: int = setting(0, "Days until an ended webhook delivery is deleted; 0: never.", ge=0)

    audit_retention_days: AuditDays = setting(
        365, "Days until records of the audit trail are deleted, 30 at least; 0: never."
    )
