"""Codes that a log-in asks for beside the password (TOTP, RFC 6238), and recovery codes for a lost device."""

import hashlib
import hmac
import secrets
import uuid

import pyotp
import segno
from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from core.access import admins
from core.contract.deeds import Deed
from core.database import audits
from core.database.clock import now
from core.database.models import AdminAccount
from core.errors import InvalidOption
from core.errors.problems import FieldProblem

ISSUER = "Face API"
STEP_S = 30
DRIFT = 1  # chosen: steps by which the clock of a phone may be off
RECOVERY_CODES = 10
RECOVERY_BYTES = 10  # chosen: 80 bits, so that a plain hash keeps them safe
QR_SCALE = 4


def begin(session: Session, admin_id: uuid.UUID) -> str:
    """Return a new secret, which counts once a code of it has confirmed it. NotFound. Commits."""
    account = admins.get(session, admin_id)
    account.totp_pending = pyotp.random_base32()
    session.commit()
    return account.totp_pending


def confirm(session: Session, admin_id: uuid.UUID, code: str) -> list[str]:
    """Ask for codes from now on; return the recovery codes, which can never be read again. InvalidOption. Commits."""
    account = admins.get(session, admin_id)
    pending = account.totp_pending
    step = _step(pending, code) if pending else None
    codes = [secrets.token_hex(RECOVERY_BYTES) for _ in range(RECOVERY_CODES)]
    values = {"totp_secret": pending, "totp_last_step": step, "recovery_codes": [_hash(one) for one in codes]}
    # Of two calls at a time one would be shown codes that the other has replaced.
    confirmed = update(AdminAccount).where(AdminAccount.id == admin_id, AdminAccount.totp_pending == pending)
    asked = confirmed.values(values | {"totp_pending": None}).returning(AdminAccount.id)
    if step is None or session.scalar(asked) is None:
        raise InvalidOption.of([FieldProblem("code", "This is not the code of the new secret")])
    audits.record(session, Deed.TOTP_ENABLED, account.id, name=account.name)
    session.commit()
    return codes


def disable(session: Session, admin_id: uuid.UUID) -> AdminAccount:
    """Ask for no codes any more. NotFound. Commits."""
    account = admins.get(session, admin_id)
    if account.totp_secret:
        audits.record(session, Deed.TOTP_DISABLED, account.id, name=account.name)
    account.totp_secret = account.totp_pending = account.totp_last_step = None
    account.recovery_codes = []
    session.commit()
    return account


def take(session: Session, admin_id: uuid.UUID, code: str) -> bool:
    """Whether a code, or a recovery code, is right; each is so once, however many ask at a time. Commits."""
    code = code.replace(" ", "").replace("-", "").lower()
    this = select(AdminAccount).where(AdminAccount.id == admin_id).execution_options(populate_existing=True)
    while (account := session.scalar(this)) is not None and account.totp_secret is not None:
        row = update(AdminAccount).where(AdminAccount.id == admin_id, AdminAccount.totp_secret == account.totp_secret)
        row = row.returning(AdminAccount.id).execution_options(synchronize_session=False)
        step = _step(account.totp_secret, code)
        if step is not None:
            is_newer = or_(AdminAccount.totp_last_step.is_(None), AdminAccount.totp_last_step < step)
            taken = session.scalar(row.where(is_newer).values(totp_last_step=step))
            session.commit()
            return taken is not None
        left = [one for one in account.recovery_codes if one != _hash(code)]
        if len(left) == len(account.recovery_codes):
            return False
        same = AdminAccount.recovery_codes == account.recovery_codes
        taken = session.scalar(row.where(same).values(recovery_codes=left))
        session.commit()
        if taken is not None:
            return True
        # Another of the recovery codes was taken at that moment.
    return False


def uri(secret: str, name: str) -> str:
    """Return what an app on a phone reads as a QR code."""
    return pyotp.TOTP(secret, interval=STEP_S).provisioning_uri(name=name, issuer_name=ISSUER)


def qr_code(text: str) -> str:
    """Draw a text as a QR code, in SVG that can stand in a data URL."""
    return segno.make(text, micro=False).svg_data_uri(scale=QR_SCALE, dark="#000", light="#fff")


def _step(secret: str, code: str) -> int | None:
    """Return the moment, in steps, of which this is the code; None: of none about now."""
    totp, current = pyotp.TOTP(secret, interval=STEP_S), int(now().timestamp()) // STEP_S
    steps = range(current - DRIFT, current + DRIFT + 1)
    return next((step for step in steps if hmac.compare_digest(_hash(totp.generate_otp(step)), _hash(code))), None)


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode(errors="surrogatepass")).hexdigest()
