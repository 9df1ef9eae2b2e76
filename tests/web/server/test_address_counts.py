"""How many connections an address may have."""

import pytest

from web.server.address_counts import AddressCounts


def added(counts: AddressCounts, *addresses: str) -> list[bool]:
    return [counts.add((address, 1234)) for address in addresses]


def test_address_has_so_many_and_no_more() -> None:
    counts = AddressCounts(2)
    assert added(counts, "192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2") == [True, True, False, True]


def test_closed_connection_makes_place() -> None:
    counts = AddressCounts(1)
    assert added(counts, "192.0.2.1", "192.0.2.1") == [True, False]
    counts.remove(("192.0.2.1", 1))
    assert added(counts, "192.0.2.1") == [True]


def test_no_limit_is_none() -> None:
    assert all(added(AddressCounts(0), *["192.0.2.1"] * 1000))


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2%eth0", True),
    ],
)
def test_ipv6_counts_by_network(first: str, second: str, same: bool) -> None:
    assert added(AddressCounts(1), first, second) == [True, not same]
