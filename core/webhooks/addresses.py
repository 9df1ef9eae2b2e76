"""Which addresses a webhook's URL may lead to: those of the open internet, not of the network that this runs in.

Threat (SSRF): a caller who may create a batch names a URL, and the service, which is behind the firewall, calls it.
Names are resolved once, and the connection goes to the address that was checked, so that DNS can't change it between.
"""

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

LOCAL_NAMES = ("localhost", "localdomain", "local", "internal", "lan", "home.arpa")
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
IPV4_COMPATIBLE = ipaddress.ip_network("::/96")  # RFC 4291, deprecated, and still routed by some
PORTS = {"http": 80, "https": 443}


class ForbiddenAddress(Exception):
    """A URL that must not be called; the message says why, for the caller who named it."""


@dataclass(frozen=True)
class WebhookTarget:
    """A parsed URL. host: a name, or an address without brackets; path: with the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The value of the header Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def parse(url: str, *, allow_private: bool) -> WebhookTarget:
    """Parse a URL; ForbiddenAddress when it can't be called, or names a private address."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ForbiddenAddress("it is no URL") from error
    if parts.scheme not in PORTS or not parts.hostname or not url.isascii() or not url.isprintable() or " " in url:
        raise ForbiddenAddress("it should be an http or https URL")
    if parts.username is not None or parts.password is not None:
        raise ForbiddenAddress("it should hold no credentials")
    if port == 0:
        raise ForbiddenAddress("it has no valid port")
    target = WebhookTarget(parts.scheme, parts.hostname, port or PORTS[parts.scheme], _path(parts.path, parts.query))
    literal = _literal(target.host)
    if not allow_private and (_is_local_name(target.host) or (literal is not None and not is_public(literal))):
        raise ForbiddenAddress("it leads to a private address")
    return target


def resolve(target: WebhookTarget, *, allow_private: bool) -> list[str]:
    """Resolve the host, once; return the addresses that may be called. ForbiddenAddress when none may, OSError."""
    records = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in records))
    allowed = [one for one in addresses if allow_private or is_public(ipaddress.ip_address(one))]
    if not allowed:
        raise ForbiddenAddress("it leads to a private address")
    return allowed


def is_public(address: Address) -> bool:
    """Whether an address is of the open internet: not loopback, private, link-local, multicast or reserved."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if any(not is_public(inner) for inner in _embedded(address)):
            return False
        if address.is_site_local or address in IPV4_COMPATIBLE or address.scope_id:
            return False
    # `is_global` knows IANA's registries: RFC 1918, loopback, link-local (and so metadata), CGNAT, unique local, …
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _embedded(address: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """Return the IPv4 addresses that gateways or the system itself translate it to."""
    translated = (address.ipv4_mapped, address.sixtofour, *(address.teredo or ()))
    return [one for one in translated if one is not None]


def _literal(host: str) -> Address | None:
    """Parse a host that is an address, also in the short, octal and hexadecimal forms that the system accepts."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def _is_local_name(host: str) -> bool:
    name = host.rstrip(".").lower()
    return any(name == local or name.endswith("." + local) for local in LOCAL_NAMES)


def _path(path: str, query: str) -> str:
    return (path or "/") + (f"?{query}" if query else "")
