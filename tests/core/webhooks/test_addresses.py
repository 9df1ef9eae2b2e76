"""Where webhooks may lead: nowhere inside, however that is written or looked up."""

import ipaddress
import socket
from typing import Any

import pytest

from core.webhooks import addresses
from core.webhooks.addresses import AddressPolicy, ForbiddenAddress, WebhookTarget

GUARDED = AddressPolicy(ports=(80, 443, 8443))
TRUSTED = AddressPolicy(allow_private=True, ports=(80, 443, 8443))
INSIDE = [
    "127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "100.127.255.254", "0.0.0.0", "0.1.2.3", "192.0.2.1", "198.18.0.1", "203.0.113.9", "224.0.0.1",  # noqa: S104
    "239.1.1.1", "240.0.0.1", "255.255.255.255",
    "::1", "::", "fe80::1", "fe80::1%lo", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::8.8.8.8",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a00:1::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2", "fd00:ec2::254", "2002:808:808::1", "::ffff:8.8.8.8",
    # What one patch of Python or another takes for public.
    "192.0.0.9", "192.0.0.10", "192.0.0.170", "192.88.99.1", "192.31.196.1", "192.175.48.1", "168.63.129.16",
    "64:ff9b:1::1", "100::1", "2001:1::1", "2001:3::1", "2001:4:112::1", "2001:20::1", "2001:30::1", "3fff::1",
    "5f00::1", "2620:4f:8000::1", "4000::1", "2001:2::1",
]  # fmt: skip
OUTSIDE = [
    "8.8.8.8",
    "1.1.1.1",
    "172.32.0.1",
    "100.128.0.1",
    "2606:4700:4700::1111",
    "64:ff9b::808:808",
]


@pytest.mark.parametrize("address", INSIDE)
def test_inner_address_is_not_public(address: str) -> None:
    assert not addresses.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", [*INSIDE, *OUTSIDE])
def test_python_has_no_say(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The judgement is the same whatever the standard library takes for public."""
    judged = addresses.is_public(ipaddress.ip_address(address))
    for kind in (ipaddress.IPv4Address, ipaddress.IPv6Address):
        for name in ("is_global", "is_private", "is_reserved", "is_multicast", "is_unspecified", "is_link_local"):
            monkeypatch.setattr(kind, name, property(lambda _: pytest.fail("asked")))
    assert addresses.is_public(ipaddress.ip_address(address)) is judged


@pytest.mark.parametrize("address", OUTSIDE)
def test_outer_address_is_public(address: str) -> None:
    assert addresses.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "host",
    [
        *[address for address in INSIDE if ":" not in address],
        *[f"[{address}]" for address in INSIDE if ":" in address and "%" not in address],
        "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0x7f.1", "localhost", "LOCALHOST.", "a.localhost",
        "printer.local", "metadata.google.internal", "router.lan",
    ],
)  # fmt: skip
def test_url_that_leads_inside_is_forbidden(host: str) -> None:
    for url in (f"http://{host}/", f"https://{host}:8443/hook"):
        with pytest.raises(ForbiddenAddress, match="private"):
            addresses.parse(url, GUARDED)
        assert addresses.parse(url, TRUSTED).port in (80, 8443)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/", "file:///etc/passwd", "http://", "http:///x", "//example.org/", "example.org",
        "http://user:word@example.org/", "http://user@example.org/", "http://example.org:0/", "http://example.org:99999/",
        "http://exa mple.org/", "http://example.org/\r\nX-Evil: 1", "http://[::1/", "http://exämple.org/", "gopher://8.8.8.8/",
        "http://a..b/", "http://.example.org/", f"http://{'a' * 64}.example.org/",
    ],
)  # fmt: skip
def test_what_is_no_web_address_is_forbidden(url: str) -> None:
    for policy in (GUARDED, TRUSTED):
        with pytest.raises(ForbiddenAddress):
            addresses.parse(url, policy)


def test_url_is_taken_apart() -> None:
    target = addresses.parse("https://hooks.example.org:8443/a/b?c=d#e", GUARDED)
    assert target == WebhookTarget("https", "hooks.example.org", 8443, "/a/b?c=d")
    assert target.authority == "hooks.example.org:8443"
    assert addresses.parse("http://[2606:4700:4700::1111]", GUARDED).authority == "[2606:4700:4700::1111]"


def test_name_that_leads_inside_is_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[str] = []

    def look_up(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in answers]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    target = addresses.parse("http://rebinding.example.org/", GUARDED)
    answers[:] = ["10.0.0.1", "127.0.0.1"]
    with pytest.raises(ForbiddenAddress, match="private"):
        addresses.resolve(target, GUARDED)
    assert addresses.resolve(target, TRUSTED) == ["10.0.0.1", "127.0.0.1"]
    answers[:] = ["10.0.0.1", "8.8.8.8"]
    assert addresses.resolve(target, GUARDED) == ["8.8.8.8"]


@pytest.mark.parametrize("url", ["http://example.org:22/", "https://example.org:8443/", "http://8.8.8.8:6379/"])
def test_port_that_is_not_named_is_forbidden(url: str) -> None:
    for policy in (AddressPolicy(), AddressPolicy(allow_private=True)):
        with pytest.raises(ForbiddenAddress, match="FACE_API_WEBHOOK_PORTS"):
            addresses.parse(url, policy)
    assert addresses.parse(url, AddressPolicy(ports=(22, 8443, 6379)))


@pytest.mark.parametrize("url", ["http://example.org/", "https://example.org", "http://example.org:443/"])
def test_ports_of_the_web_are_allowed(url: str) -> None:
    assert addresses.parse(url, AddressPolicy()).port in {80, 443}
