"""URLs of Redis servers, as each of the libraries that connect to them reads them."""

import re
from urllib.parse import parse_qsl, urlsplit

# With the user, the password, the number of the database, and options.
REDIS_URL = re.compile(r"rediss?://([^/?#]*@)?(\[[0-9a-fA-F:.]+\]|[\w.-]+)(:\d{1,5})?(/\d*)?(\?[^#]*)?")
# What each may be. Instead of the service's own; Celery takes them as texts, which would end it with a TypeError.
TIMEOUTS = dict.fromkeys(("socket_timeout", "socket_connect_timeout"), r"\d+(\.\d+)?")
# Of rediss://. Others Celery does not take at all.
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
            timeouts, tls = (", ".join(names) for names in (TIMEOUTS, TLS_OPTIONS))
            raise ValueError(
                f"has options that are not read here, as {wrong}; these are: {timeouts}; and of rediss:// {tls}{which}"
            )
    if len(set(urls)) < len(urls):
        raise ValueError("names one server twice")
    return value


def for_celery(url: str) -> str:
    """Return a URL without time-outs, by which Celery verifies a server's certificate where it is not told otherwise.

    redis-py does that by itself.
    """
    base, _, query = url.partition("?")
    options = [option for option in query.split("&") if option and option.partition("=")[0] not in TIMEOUTS]
    if url.startswith("rediss://") and "ssl_cert_reqs=" not in query:
        options.append("ssl_cert_reqs=required")
    return f"{base}?{'&'.join(options)}" if options else base


def _has_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:  # above 65535
        return False


def _wrong_option(url: str) -> str:
    """Return the name of an option that can't be there or be so, or ''."""
    parts = urlsplit(url)
    known = TIMEOUTS | (TLS_OPTIONS if parts.scheme == "rediss" else {})
    options = parse_qsl(parts.query, keep_blank_values=True)
    names = [name for name, _ in options]
    wrong = (name for name, value in options if not re.fullmatch(known.get(name, ""), value) or names.count(name) > 1)
    return next(wrong, "")
