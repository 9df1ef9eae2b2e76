"""Single sign-on: a log-in from its beginning here to its end here, by way of the provider."""

from collections.abc import Mapping as Parameters
from dataclasses import dataclass
from typing import Any

import redis

from core.config import Settings
from core.errors import ProviderUnavailable
from web.auth.accounts import Accounts
from web.auth.oidc.flows import Flow, Flows
from web.auth.oidc.identities import Identity, Mapping
from web.auth.oidc.log_outs import LogOuts
from web.auth.oidc.refusals import InvalidIdToken, LoginRefused, NoIdentity
from web.auth.sessions import Seal, Session

# What a provider is told to send browsers back to: from a log-in, and from logging out.
CALLBACK_PATH = "/console/login/oidc/callback"
LOGGED_OUT_PATH = "/console/login"
METHOD = "oidc"  # of sessions and of records in the audit trail


@dataclass(frozen=True)
class FinishedLogin:
    """A log-in that has come to its end. issuer: of the provider; target: the path to go on to."""

    issuer: str
    identity: Identity
    target: str
    id_token: str

    @property
    def subject(self) -> str:
        """Name who it is for good: each provider has subjects of its own (OpenID Connect Core 1.0, section 5.7)."""
        return f"{self.issuer} {self.identity.subject}"


def is_of(session: Session, issuer: str) -> bool:
    """Whether a session was opened at the provider of this issuer; '' is none."""
    return bool(issuer) and session.subject.startswith(f"{issuer} ")


class SingleSignOn:
    """Logs administrators in at the provider of the settings; nothing is read from there before somebody does."""

    def __init__(self, settings: Settings, client: "redis.Redis", accounts: Accounts) -> None:
        from web.auth.oidc.providers import Provider

        self.name = settings.oidc_name
        self._issuer = settings.oidc_issuer
        seal = Seal(settings)
        self._flows = Flows(client, seal)
        self._log_outs = LogOuts(client, seal, settings.session_lifetime_s)
        self._logged_out_url = settings.public_url + LOGGED_OUT_PATH
        self._accounts = accounts
        self._provider = Provider(settings, settings.public_url + CALLBACK_PATH)
        self._mapping = Mapping(settings)

    def begin(self, target: str) -> tuple[str, str]:
        """Begin a log-in: return where its browser has to go, and the cookie to take along.

        target: the path to go on to. ProviderUnavailable, SessionsUnavailable.
        """
        flow, browser = self._flows.begin(target)
        return self._provider.login_url(flow), browser

    def finish(self, answer: Parameters[str, str], browser: str) -> FinishedLogin:
        """End a log-in: return who it is, and where to go on.

        answer: the parameters that the provider has sent the browser back with. LoginRefused, ProviderUnavailable,
        SessionsUnavailable, DatabaseUnavailable.
        """
        flow = self._flows.take(browser, answer.get("state", ""))
        if flow is None:
            raise LoginRefused("stale", "no log-in of this browser has this state")
        if answer.get("iss", self._issuer) != self._issuer or "error" in answer or not answer.get("code"):
            raise LoginRefused("refused", "the provider has sent no code")
        try:
            tokens = self._provider.redeem(answer["code"], flow)
            claims = self._claims(tokens, flow)
        except InvalidIdToken as error:
            raise LoginRefused("refused", str(error)) from error
        subject = str(claims["sub"])
        try:
            identity = self._mapping.identity(claims)
        except NoIdentity as error:
            raise LoginRefused("no_role", str(error), subject) from error
        if self._accounts.is_taken(identity.username):
            raise LoginRefused("name_taken", "an administrator who logs in with a password has this name", subject)
        return FinishedLogin(self._issuer, identity, flow.target, str(tokens["id_token"]))

    def remember(self, session: Session, login: FinishedLogin) -> None:
        """Remember how a session was opened, for when it is logged out of; SessionsUnavailable."""
        self._log_outs.remember(session.id, login.id_token)

    def log_out(self, session: Session) -> str | None:
        """Return the address at the provider where whoever leaves a session here ends that there, too.

        None when there is no such address, or nobody answers there: the session here ends all the same.
        """
        if session.method != METHOD:
            return None
        id_token = self._log_outs.take(session.id)
        try:
            return self._provider.logout_url(id_token, self._logged_out_url)
        except ProviderUnavailable:
            return None

    def _claims(self, tokens: dict[str, Any], flow: Flow) -> dict[str, object]:
        """Return what the ID token says, and beside it what only the user info does."""
        claims = self._provider.claims(tokens, flow)
        if self._mapping.lacks(claims):
            return self._provider.more_claims(tokens, str(claims["sub"])) | claims
        return claims
