"""Damage to files, drawn from dice: bits that flip, cuts, splices of two files, numbers that lie."""

import random
from collections.abc import Callable, Sequence

Mutation = Callable[[bytes, bytes, random.Random], bytes]

STARTS = 512  # chosen: bytes at the start, where the tables are and half of the damage goes
LYING = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF)


def flip(data: bytes, _other: bytes, dice: random.Random) -> bytes:
    """Flip up to eight bits."""
    damaged = bytearray(data)
    for _ in range(dice.randint(1, 8)):
        damaged[_place(data, dice)] ^= 1 << dice.randrange(8)
    return bytes(damaged)


def cut(data: bytes, _other: bytes, dice: random.Random) -> bytes:
    """Cut the end off, half of the cuts near it."""
    share = dice.random() ** dice.choice((1, 6))
    return data[: len(data) - 1 - int((len(data) - 1) * share)]


def cut_out(data: bytes, _other: bytes, dice: random.Random) -> bytes:
    start = _place(data, dice)
    return data[:start] + data[start + dice.choice((1, 2, 4, 16, 256, 4096)) :]


def splice(data: bytes, other: bytes, dice: random.Random) -> bytes:
    """Put a part of another file into this one, in place of its bytes or between them."""
    start, place = _place(other, dice), _place(data, dice)
    part = other[start : start + dice.choice((4, 16, 64, 1024, 16_384))]
    return data[:place] + part + data[place + dice.choice((0, len(part))) :]


def repeat(data: bytes, _other: bytes, dice: random.Random) -> bytes:
    """Repeat a part of the file, up to a thousand times."""
    start = _place(data, dice)
    part = data[start : start + dice.choice((2, 8, 12, 20, 64))]
    return data[:start] + part * dice.choice((2, 16, 1000)) + data[start:]


def lie(data: bytes, _other: bytes, dice: random.Random) -> bytes:
    """Overwrite a number."""
    place, size = _place(data, dice), dice.choice((1, 2, 4))
    lying = dice.choice(LYING) & (1 << 8 * size) - 1
    number = lying.to_bytes(size, "big") if dice.random() < 0.5 else lying.to_bytes(size, "little")
    return data[:place] + number + data[place + size :]


MUTATIONS: tuple[Mutation, ...] = (flip, cut, cut_out, splice, repeat, lie)


def mutate(data: bytes, others: Sequence[bytes], dice: random.Random) -> bytes:
    """Damage a file once to three times."""
    for _ in range(dice.randint(1, 3)):
        data = dice.choice(MUTATIONS)(data or b"\0", dice.choice(others), dice)
    return data


def _place(data: bytes, dice: random.Random) -> int:
    return dice.randrange(min(len(data), STARTS) if dice.random() < 0.5 else len(data))
