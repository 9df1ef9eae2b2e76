"""URLs of Redis servers, as each of the libraries that connect to them reads them."""

import re
from urllib.parse import parse_qsl, urlsplit

# With the user, the password, the number of the database, and options.
REDIS_URL = re.compile(r"rediss?://([^/?#]*@)?(\[[0-9a-fA-F:.]+\]|[\w.-]+)(:\d{1,5})?(/\d*)?(\?[^#]*)?")
# Of rediss://, and what each may be. Celery takes others as texts, or not at all: a time-out would end it with a
# TypeError. Time-outs are the service's own.
TLS_OPTIONS = {
    "ssl_cert_reqs": "required|optional|none",
    "ssl_check_hostname": "true|false",
    **dict.fromkeys(
        ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile", "ssl_password", "ssl_ciphers"), ".+"
    ),
}


def split(value: str) -> list[str]:
    """Split a list of Redis URLs at the commas before a scheme: a password may hold one, too."""
    return re.split(r",\s*(?=rediss?://)", value.strip())


def check(value: str) -> str:
    """Check that each URL names a Redis, and none another's."""
    urls = split(value)
    for number, url in enumerate(urls, 1):
        which = f"; number {number} of the {len(urls)} is not" if len(urls) > 1 else ""
        if not REDIS_URL.fullmatch(url) or not _has_port(url):
            raise ValueError(f"should be redis://[:password@]host[:port][/number], or rediss://…, or several{which}")
        if wrong := _wrong_option(url):
            allowed = ", ".join(TLS_OPTIONS)
            raise ValueError(f"has options that are not read here, as {wrong}; those of rediss:// are {allowed}{which}")
    if len(set(urls)) < len(urls):
        raise ValueError("names one server twice")
    return value


def verified(url: str) -> str:
    """Return a URL by which Celery verifies a server's certificate as redis-py does, where it is not told otherwise."""
    if not url.startswith("rediss://") or "ssl_cert_reqs=" in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}ssl_cert_reqs=required"


def _has_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:  # above 65535
        return False


def _wrong_option(url: str) -> str:
    """Return the name of an option that can't be there or be so, or ''."""
    parts = urlsplit(url)
    known = TLS_OPTIONS if parts.scheme == "rediss" else {}
    options = parse_qsl(parts.query, keep_blank_values=True)
    names = [name for name, _ in options]
    wrong = (name for name, value in options if not re.fullmatch(known.get(name, ""), value) or names.count(name) > 1)
    return next(wrong, "")
