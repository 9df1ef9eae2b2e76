"""The settings of the web tier: where it listens, who may call it, and how much of it a client may hold."""

from pydantic import AliasChoices, SecretStr
from pydantic_settings import BaseSettings

from core.settings.types import AdminPassword, Hosts, Origin, Rate, setting


class WebSettings(BaseSettings):
    """The part of the settings that only the web tier reads; see `core/config.py`."""

    host: str = setting(
        "127.0.0.1",
        "Address that the web tier listens on (also read from `HOST`).",
        validation_alias=AliasChoices("FACE_API_HOST", "HOST"),
    )
    port: int = setting(
        8000,
        "Port that the web tier listens on (also read from `PORT`).",
        ge=1,
        le=65535,
        validation_alias=AliasChoices("FACE_API_PORT", "PORT"),
    )
    rate_limit_detect: Rate = setting("300/minute", "Detect calls per API key (per address without keys).")
    rate_limit_mask: Rate = setting("150/minute", "Mask calls per API key (per address without keys).")
    rate_limit_unknown_keys: Rate = setting("60/minute", "Calls with unknown API keys per address.")
    rate_limit_login: Rate = setting("10/minute", "Log-ins of the administrator per address.")
    rate_limit_failed_logins: Rate = setting(
        "300/hour",
        "Failed log-ins from all addresses and browsers together that have not logged in to the same account before.",
    )
    trusted_proxies: int = setting(0, "How many proxies in front are trusted about the client's address.", ge=0, le=10)
    allowed_hosts: Hosts = setting(
        (), "Hosts that calls may name, separated by commas, `.example.org` with all below it; empty: any."
    )
    public_url: Origin = setting(
        "", "The service as browsers reach it, `https://host[:port]`; empty: as each call names it."
    )
    max_upload_bytes: int = setting(25 * 2**20, "Largest request body, in bytes.", ge=1024)
    max_video_bytes: int = setting(2 * 2**30, "Largest video that is uploaded, in bytes.", ge=1024)
    max_image_pixels: int = setting(50_000_000, "Largest picture, in pixels: a small file can be gigantic.", ge=1)
    heic_enabled: bool = setting(
        True, "Whether HEIC is read; without it, pillow-heif need not be installed, whose wheels hold GPL parts."
    )
    body_memory_bytes: int = setting(
        512 * 2**20, "Bytes of request bodies that a web process holds at a time; one more gets 503.", ge=2**20
    )
    connections_per_address: int = setting(
        256, "Connections of one address at each web process, 0: any number; not counted behind trusted proxies.", ge=0
    )
    client_head_s: float = setting(10.0, "Seconds within which the head of a request has to arrive.", gt=0, le=600)
    client_bytes_per_s: int = setting(
        16 * 1024, "Least rate, bytes a second, at which a client has to send a body and to take an answer.", ge=1
    )
    client_stall_s: float = setting(15.0, "Seconds that a client may fall behind that rate.", gt=0, le=600)
    web_processes: int = setting(1, "Processes of the web tier.", ge=1, le=64)
    web_threads: int = setting(96, "Threads of each web process; more than calls may wait.", ge=2, le=1024)

    admin_user: str = setting("admin", "Name of the administrator.", min_length=1)
    admin_password: AdminPassword = setting(
        SecretStr(""), "Password of the administrator, 12 characters at least; empty: the admin API answers 503."
    )
    session_lifetime_s: int = setting(43200, "Seconds until the administrator is logged out.", ge=1, le=30 * 86400)
