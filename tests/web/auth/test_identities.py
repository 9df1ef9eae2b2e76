"""Single sign-on without a provider: name and role of claims, documents that are remembered, and the settings."""

from typing import Any

import pytest

from core import config
from core.contract.roles import Role
from core.errors import ProviderUnavailable
from core.errors.startup import SettingsError
from core.settings import types
from web.auth.oidc import documents
from web.auth.oidc.documents import Remembered
from web.auth.oidc.identities import Mapping
from web.auth.oidc.refusals import NoIdentity

PROVIDER: dict[str, Any] = {
    "public_url": "https://faces.example",
    "oidc_issuer": "https://login.example",
    "oidc_client_id": "face-api",
    "oidc_roles": "admins=owner,CN=ops=operator,all=viewer",
}


def mapping(**settings: Any) -> Mapping:
    return Mapping(config.read(**PROVIDER | settings))


def person(**claims: Any) -> dict[str, Any]:
    return {"sub": "7", "preferred_username": "kim", "groups": ["all"]} | claims


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["all"], Role.VIEWER),
        ("all", Role.VIEWER),
        (["all", "admins", "CN=ops"], Role.OWNER),
        (["x", "CN=ops", 7, None, "all"], Role.OPERATOR),
    ],
)
def test_highest_role_counts(groups: Any, role: Role) -> None:
    assert mapping().identity(person(groups=groups)).role == role


@pytest.mark.parametrize(
    "groups", [None, [], "", "admin", "Admins", "admins ", ["x"], {"admins": 1}, [["admins"]], 7, True]
)
def test_nobody_else_gets_a_role(groups: Any) -> None:
    with pytest.raises(NoIdentity):
        mapping().identity(person(groups=groups))


@pytest.mark.parametrize("name", [None, "", " kim", "kim:x", "k" * 81, "kim\n", 7, ["kim"]])
def test_nobody_has_an_odd_name(name: Any) -> None:
    with pytest.raises(NoIdentity):
        mapping().identity(person(preferred_username=name))


@pytest.mark.parametrize(
    ("claim", "claims"),
    [
        ("realm_access.roles", {"realm_access": {"roles": ["all"]}}),
        ("resource_access.face-api.roles", {"resource_access": {"face-api": {"roles": ["all"]}}}),
        ("https://example.com/roles", {"https://example.com/roles": ["all"]}),
    ],
)
def test_claims_are_found_by_path_or_name(claim: str, claims: dict[str, Any]) -> None:
    found = mapping(oidc_role_claim=claim)
    assert found.identity(person(groups=None, **claims)).role == Role.VIEWER
    assert found.lacks(person()) and not found.lacks(person(**claims))


@pytest.mark.parametrize("verified", [None, False, "false", 1])
def test_address_that_nobody_checked_is_none(verified: Any) -> None:
    claims = person(email="kim@example.com", email_verified=verified)
    for settings in ({"oidc_name_claim": "email"}, {"oidc_role_claim": "email", "oidc_roles": "kim@example.com=owner"}):
        with pytest.raises(NoIdentity):
            mapping(**settings).identity(claims)
        assert mapping(**settings).identity(claims | {"email_verified": True}).subject == "7"


# --- documents -----------------------------------------------------------------------------------


class Source:
    """A document that can be asked for, or not, at a time that tests choose."""

    def __init__(self) -> None:
        self.reads, self.now, self.is_down = 0, 0.0, False

    def read(self) -> int:
        self.reads += 1
        if self.is_down:
            raise ProviderUnavailable
        return self.reads


def test_document_is_read_once_an_hour() -> None:
    source = Source()
    remembered = Remembered(source.read, lambda: source.now)
    assert [remembered.get(), remembered.get(), remembered.get(max_age_s=60)] == [1, 1, 1]
    source.now = 61
    assert [remembered.get(), remembered.get(max_age_s=60)] == [1, 2]
    source.now += documents.LIFETIME_S
    assert remembered.get() == 3


def test_failure_is_remembered_for_a_moment() -> None:
    source = Source()
    remembered = Remembered(source.read, lambda: source.now)
    source.is_down = True
    for _ in range(3):
        with pytest.raises(ProviderUnavailable):
            remembered.get()
    assert source.reads == 1
    source.is_down, source.now = False, documents.PAUSE_S
    assert remembered.get() == 2


# --- settings ------------------------------------------------------------------------------------


def test_roles_of_settings_are_the_roles() -> None:
    assert set(Role) == set(types.ROLES)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"oidc_issuer": "http://login.example"}, "FACE_API_OIDC_ISSUER"),
        ({"oidc_issuer": "login.example"}, "FACE_API_OIDC_ISSUER"),
        ({"oidc_issuer": "https://login.example/?x=1"}, "FACE_API_OIDC_ISSUER"),
        ({"public_url": ""}, "FACE_API_PUBLIC_URL"),
        ({"oidc_client_id": ""}, "FACE_API_OIDC_CLIENT_ID"),
        ({"oidc_roles": ""}, "FACE_API_OIDC_ROLES"),
        ({"oidc_roles": "admins"}, "FACE_API_OIDC_ROLES"),
        ({"oidc_roles": "admins=root"}, "FACE_API_OIDC_ROLES"),
        ({"oidc_roles": "=owner"}, "FACE_API_OIDC_ROLES"),
        ({"oidc_scopes": "profile"}, "FACE_API_OIDC_SCOPES"),
    ],
)
def test_settings_that_let_nobody_in_are_refused(changed: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        config.read(**PROVIDER | changed)


@pytest.mark.parametrize("issuer", ["http://127.0.0.1:9", "http://localhost:9/realm", "http://[::1]:9"])
def test_provider_on_this_machine_may_be_plain(issuer: str) -> None:
    assert config.read(**PROVIDER | {"oidc_issuer": issuer}).oidc_issuer == issuer
