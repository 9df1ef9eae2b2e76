"""Passwords of administrators: argon2id hashes, checked a few at a time."""

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core.errors import InvalidOption, RateLimited
from core.errors.problems import FieldProblem
from core.settings.types import MIN_PASSWORD_LENGTH

# OWASP's least for argon2id (Password Storage Cheat Sheet): 19 MiB, two passes. measured: 18 ms of CPU
MEMORY_KIB, PASSES = 19 * 1024, 2
MAX_LENGTH = 1024  # chosen: longer than any phrase; what is longer is not hashed
AT_ONCE = 2  # chosen: 38 MiB and two CPUs of a web process at most, however many people log in
WAIT_S = 2.0  # chosen: a hundred log-ins, which are more than a process has threads
# Of no password: whoever sends an unknown name waits as long as for a wrong password.
NOBODYS = f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p=1${'A' * 22}${'A' * 43}"

_hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=1)
_slots = threading.BoundedSemaphore(AT_ONCE)  # once per process


def require_strong(password: str) -> None:
    """Raise InvalidOption for a password that could be guessed, or is too long."""
    if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_LENGTH:
        text = f"A password has {MIN_PASSWORD_LENGTH} to {MAX_LENGTH} characters"
        raise InvalidOption.of([FieldProblem("password", text)])


def hashed(password: str) -> str:
    """Return the hash of a password; InvalidOption when it could be guessed."""
    require_strong(password)
    return _hasher.hash(_bytes(password))


def is_right(password: str, password_hash: str | None) -> bool:
    """Whether a password has this hash; None takes as long and is never right. RateLimited while too many wait."""
    if len(password) > MAX_LENGTH:
        return False
    if not _slots.acquire(timeout=WAIT_S):
        raise RateLimited("too many people are logging in", retry_after_s=1)
    try:
        return _hasher.verify(password_hash or NOBODYS, _bytes(password)) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False
    finally:
        _slots.release()


def _bytes(password: str) -> bytes:
    return password.encode(errors="surrogatepass")
