"""Which addresses a webhook's URL may lead to: those of the open internet, not of the network that this runs in.

Threat (SSRF): a caller who may create a batch names a URL, and the service, which is behind the firewall, calls it.
Names are resolved once, and the connection goes to the address that was checked, so that DNS can't change it between.
"""

import ipaddress
import socket
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from core.config import Settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

LOCAL_NAMES = ("localhost", "localdomain", "local", "internal", "lan", "home.arpa")
# What is not of the open internet, by IANA's registries of special addresses (2025-10). Python's `is_global` knows
# them too, each patch of it a little differently: what a service may call must not depend on that.
INTERNAL_V4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # behind a carrier's translation; some clouds' metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's host, as its guests reach it
        "169.254.0.0/16",  # link-local, most clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocols; a cloud's metadata
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112, answers for private names
        "192.52.193.0/24",  # multicast relays
        "192.88.99.0/24",  # relays of 6to4, deprecated
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
OPEN_V6 = ipaddress.IPv6Network("2000::/3")  # all that is given out for the open internet
INTERNAL_V6 = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocols: Teredo, benchmarks, ORCHID, …
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address and what is behind it
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
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


@dataclass(frozen=True)
class AddressPolicy:
    """Where webhooks may lead. allow_private: also to private addresses, and to this machine."""

    allow_private: bool = False
    ports: tuple[int, ...] = (80, 443)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(settings.webhook_allow_private, settings.webhook_ports)


def parse(url: str, policy: AddressPolicy) -> WebhookTarget:
    """Parse a URL; ForbiddenAddress when it can't be called, or names a private address or a port of another kind."""
    try:
        parts = urlsplit(url)
        port = parts.port
        (parts.hostname or "").encode("idna")  # as resolving does: a label may be empty or too long
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
    if not policy.allow_private and (_is_local_name(target.host) or (literal is not None and not is_public(literal))):
        raise ForbiddenAddress("it leads to a private address")
    if target.port not in policy.ports:
        raise ForbiddenAddress(f"it leads to port {target.port}, which FACE_API_WEBHOOK_PORTS does not name")
    return target


def resolve(target: WebhookTarget, policy: AddressPolicy) -> list[str]:
    """Resolve the host, once; return the addresses that may be called. ForbiddenAddress when none may, OSError."""
    records = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in records))
    allowed = [one for one in addresses if policy.allow_private or is_public(ipaddress.ip_address(one))]
    if not allowed:
        raise ForbiddenAddress("it leads to a private address")
    return allowed


def is_public(address: Address) -> bool:
    """Whether an address is of the open internet: not loopback, private, link-local, multicast or reserved."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in INTERNAL_V4)
    if address in NAT64:
        return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return address in OPEN_V6 and not any(address in network for network in INTERNAL_V6) and not address.scope_id


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
