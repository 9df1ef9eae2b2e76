"""ID tokens: what a provider says about whoever has logged in, believed only when all of it holds."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidClaimError, InvalidKeyIdError, JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet
from joserfc.jws import JWSRegistry

from core.errors import ProviderUnavailable
from web.auth.oidc.refusals import InvalidIdToken

# Signatures by a key of the provider alone: with HMAC or `none`, whoever knows what is public could sign.
ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "Ed25519", "Ed448", "EdDSA"),
)
ED448_SIGNATURE_BYTES = ED448_HASH_BYTES = 114  # RFC 8032, 5.2: the hash is SHAKE256
KEY_TYPES = ("RSA", "EC", "OKP")
MAX_SUBJECT = 255  # of OpenID Connect Core 1.0, section 2
LEEWAY_S = 60  # chosen: clocks of two machines differ by seconds


class UnknownSigner(InvalidIdToken):
    """None of the keys has the id that the token names: there may be a newer one."""


@dataclass(frozen=True)
class ExpectedToken:
    """What a token has to say: that it is of this provider, for this client, and the answer to this log-in."""

    issuer: str
    client_id: str
    nonce: str


class _Claims(CodeIDToken):
    def validate_at_hash(self) -> None:
        """Check that the access token is the one that was signed for, by the hash of the signature; the library's own
        check knows no Ed448, nor Ed25519 by that name.
        """
        stated, access_token = self.get("at_hash"), self.params.get("access_token")
        if stated and access_token:
            digest = _hashed(str(access_token).encode(), self.header["alg"])
            half = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=")
            if not hmac.compare_digest(half, str(stated).encode()):
                raise InvalidClaimError("at_hash")


def import_keys(document: dict[str, Any]) -> KeySet:
    """Return the keys of a JWKS that sign; what is of another kind, or broken, is left out. ProviderUnavailable."""
    entries = document.get("keys", [])
    if not isinstance(entries, list):
        raise ProviderUnavailable("its keys are not usable") from TypeError("`keys` of its JWKS is no list")
    keys: list[Key] = []
    for entry in entries:
        if isinstance(entry, dict) and entry.get("kty") in KEY_TYPES and entry.get("use", "sig") == "sig":
            try:
                keys.append(JWKRegistry.import_key(entry))
            except (JoseError, ValueError, KeyError, TypeError):
                continue
    return KeySet(keys)


def verify(tokens: dict[str, Any], keys: KeySet, expected: ExpectedToken) -> dict[str, Any]:
    """Return the claims of the ID token: signed by the provider, meant for this client and log-in, not expired.

    InvalidIdToken; UnknownSigner.
    """
    registry = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
    try:
        token = jwt.decode(str(tokens.get("id_token") or ""), key=keys, registry=registry)
        options = {
            "iss": {"essential": True, "value": expected.issuer},
            "aud": {"essential": True, "value": expected.client_id},
            "nonce": {"essential": True, "value": expected.nonce},
        }
        params = {"nonce": expected.nonce, "client_id": expected.client_id, "access_token": tokens.get("access_token")}
        header = token.header | {"alg": _algorithm(token.header["alg"], str(tokens["id_token"]))}
        claims = _Claims(token.claims, header, options, params)
        claims.validate(leeway=LEEWAY_S)
    except InvalidKeyIdError as error:
        raise UnknownSigner("no key of the provider has the id that the token names") from error
    except (JoseError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise InvalidIdToken(f"{type(error).__name__}: {error}") from error
    if not _is_subject(claims["sub"]):
        raise InvalidIdToken(f"the claim sub is no text of up to {MAX_SUBJECT} printable characters")
    return dict(claims)


def _algorithm(name: str, text: str) -> str:
    """Name the algorithm of a token whose signature is right; the older name of two, EdDSA, is that of either curve."""
    if name != "EdDSA":
        return name
    signature = text.rpartition(".")[2]
    return "Ed448" if len(signature) * 6 // 8 == ED448_SIGNATURE_BYTES else "Ed25519"


def _hashed(data: bytes, algorithm: str) -> bytes:
    """Hash something as the signature does what it signs."""
    if algorithm == "Ed448":
        return hashlib.shake_256(data).digest(ED448_HASH_BYTES)
    return hashlib.new("sha512" if algorithm == "Ed25519" else f"sha{algorithm[2:]}", data).digest()


def _is_subject(claim: object) -> bool:
    """Whether this can stand in the audit trail."""
    return isinstance(claim, str) and 0 < len(claim) <= MAX_SUBJECT and claim.isprintable()
