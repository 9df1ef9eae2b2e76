"""How many connections each address has."""

import ipaddress
from collections import Counter
from typing import Any


class AddressCounts:
    """Those of one web process. IPv6 addresses count by their /64 network, all of which one customer has."""

    def __init__(self, limit: int) -> None:
        """limit: how many one address may have; 0: any number."""
        self._limit = limit
        self._open: Counter[str] = Counter()

    def add(self, peer: Any) -> bool:
        """Count a connection, unless its address has as many as it may; return whether it is counted."""
        key = _key(peer)
        if self._limit and self._open[key] >= self._limit:
            return False
        self._open[key] += 1
        return True

    def remove(self, peer: Any) -> None:
        """Take back a connection that was counted."""
        key = _key(peer)
        self._open[key] -= 1
        if not self._open[key]:
            del self._open[key]


def _key(peer: Any) -> str:
    text = str(peer[0])
    if ":" not in text:
        return text
    address = ipaddress.IPv6Address(text.partition("%")[0])
    return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False))
