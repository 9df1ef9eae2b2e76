"""Codes of administrators: asked for once confirmed, each taken once."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pyotp
import pytest
from sqlalchemy.orm import Session

from core.access import admins, second_factors
from core.access.second_factors import STEP_S
from core.contract.roles import Role
from core.database.engine import SessionFactory
from core.errors import InvalidOption

NOON = 1_772_625_600


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which a test moves on."""
    moment = [float(NOON)]
    monkeypatch.setattr("core.access.second_factors.now", lambda: datetime.fromtimestamp(moment[0], UTC))
    return moment


@pytest.fixture
def kim(session: Session) -> uuid.UUID:
    return admins.create(session, "Kim", "staple battery", Role.OPERATOR, reserved="admin").id


def code(secret: str, steps: int = 0, at: float = NOON) -> str:
    return pyotp.TOTP(secret).at(int(at) + steps * STEP_S)


def enabled(session: Session, kim: uuid.UUID, now: list[float]) -> tuple[str, list[str]]:
    """Switch codes on; return the secret and the recovery codes. The next step has begun then."""
    secret = second_factors.begin(session, kim)
    codes = second_factors.confirm(session, kim, code(secret, at=now[0]))
    now[0] += STEP_S
    return secret, codes


def test_secret_counts_once_confirmed(session: Session, kim: uuid.UUID, now: list[float]) -> None:
    secret = second_factors.begin(session, kim)
    assert not second_factors.take(session, kim, code(secret))
    for wrong in ("", "000000x", code(secret, 5)):
        with pytest.raises(InvalidOption, match="code"):
            second_factors.confirm(session, kim, wrong)
    assert admins.get(session, kim).totp_secret is None
    assert len(set(second_factors.confirm(session, kim, code(secret)))) == second_factors.RECOVERY_CODES
    assert admins.get(session, kim).totp_secret == secret


def test_new_secret_leaves_the_old_one_until_then(session: Session, kim: uuid.UUID, now: list[float]) -> None:
    secret, _ = enabled(session, kim, now)
    second_factors.begin(session, kim)
    assert second_factors.take(session, kim, code(secret, at=now[0]))


def test_code_is_taken_once(session: Session, kim: uuid.UUID, now: list[float]) -> None:
    secret, _ = enabled(session, kim, now)
    assert not second_factors.take(session, kim, code(secret))  # which confirmed it
    assert [second_factors.take(session, kim, code(secret, at=now[0])) for _ in range(2)] == [True, False]
    now[0] += STEP_S
    assert second_factors.take(session, kim, code(secret, at=now[0]))


@pytest.mark.parametrize(("steps", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_clock_may_be_off_by_a_step(
    session: Session, kim: uuid.UUID, now: list[float], steps: int, taken: bool
) -> None:
    secret, _ = enabled(session, kim, now)
    now[0] += 10 * STEP_S
    assert second_factors.take(session, kim, code(secret, steps, now[0])) is taken


def test_older_code_is_not_taken_after_a_newer_one(session: Session, kim: uuid.UUID, now: list[float]) -> None:
    secret, _ = enabled(session, kim, now)
    now[0] += 10 * STEP_S
    assert second_factors.take(session, kim, code(secret, 1, now[0]))
    assert not second_factors.take(session, kim, code(secret, 0, now[0]))


def test_recovery_code_is_taken_once(session: Session, kim: uuid.UUID, now: list[float]) -> None:
    _, codes = enabled(session, kim, now)
    written = f" {codes[3][:10].upper()}-{codes[3][10:]} "
    assert [second_factors.take(session, kim, written) for _ in range(2)] == [True, False]
    assert second_factors.take(session, kim, codes[4])
    row = admins.get(session, kim)
    assert len(row.recovery_codes) == len(codes) - 2
    assert not set(codes) & set(row.recovery_codes)


@pytest.mark.parametrize("odd", ["", "12345", "\ud800", "a\0b", "1" * 5000])
def test_odd_codes_are_wrong(session: Session, kim: uuid.UUID, now: list[float], odd: str) -> None:
    enabled(session, kim, now)
    assert not second_factors.take(session, kim, odd)


@pytest.mark.parametrize("which", ["code", "recovery"])
def test_haste_takes_no_code_twice(
    session: Session, sessions: SessionFactory, kim: uuid.UUID, now: list[float], which: str
) -> None:
    secret, codes = enabled(session, kim, now)
    one = code(secret, at=now[0]) if which == "code" else codes[0]

    def take(_: int) -> bool:
        with sessions() as own:
            return second_factors.take(own, kim, one)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(8))) == 1


def test_recovery_codes_are_taken_beside_each_other(
    sessions: SessionFactory, session: Session, kim: uuid.UUID, now: list[float]
) -> None:
    _, codes = enabled(session, kim, now)

    def take(code: str) -> bool:
        with sessions() as own:
            return second_factors.take(own, kim, code)

    with ThreadPoolExecutor(len(codes)) as pool:
        assert list(pool.map(take, codes)) == [True] * len(codes)
    assert not any(map(take, codes))


def test_codes_are_confirmed_once(sessions: SessionFactory, session: Session, kim: uuid.UUID, now: list[float]) -> None:
    """Who is shown recovery codes has those that open: here by two calls that have read the same secret."""
    secret = second_factors.begin(session, kim)
    read = admins.get(session, kim)
    with sessions() as other:
        codes = second_factors.confirm(other, kim, code(secret))
    with pytest.raises(InvalidOption, match="code"):
        second_factors.confirm(session, read.id, code(secret))
    session.rollback()
    assert second_factors.take(session, kim, codes[0])


def test_disabled_codes_are_forgotten(session: Session, kim: uuid.UUID, now: list[float]) -> None:
    secret, codes = enabled(session, kim, now)
    second_factors.disable(session, kim)
    row = admins.get(session, kim)
    assert (row.totp_secret, row.totp_pending, row.totp_last_step, row.recovery_codes) == (None, None, None, [])
    assert not second_factors.take(session, kim, codes[0]) and not second_factors.take(session, kim, code(secret))


def test_app_reads_the_secret_from_the_picture() -> None:
    uri = second_factors.uri("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "Kim Müller")
    parsed = pyotp.parse_uri(uri)
    assert (parsed.secret, parsed.name, parsed.issuer) == ("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "Kim Müller", "Face API")
    assert second_factors.qr_code(uri).startswith("data:image/svg+xml")
