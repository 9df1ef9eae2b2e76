"""Single sign-on: a log-in from its beginning here to its end here, by way of the provider."""

from collections.abc import Mapping as Parameters

import redis

from core.config import Settings
from web.auth.accounts import Accounts
from web.auth.oidc.flows import Flow, Flows
from web.auth.oidc.identities import Identity, Mapping
from web.auth.oidc.refusals import InvalidIdToken, LoginRefused, NoIdentity

CALLBACK_PATH = "/console/login/oidc/callback"  # what a provider is told to send browsers back to


class SingleSignOn:
    """Logs administrators in at the provider of the settings; nothing is read from there before somebody does."""

    def __init__(self, settings: Settings, client: "redis.Redis", accounts: Accounts) -> None:
        from web.auth.oidc.providers import Provider

        self.name = settings.oidc_name
        self._issuer = settings.oidc_issuer
        self._flows = Flows(client)
        self._accounts = accounts
        self._provider = Provider(settings, settings.public_url + CALLBACK_PATH)
        self._mapping = Mapping(settings)

    def begin(self, target: str) -> tuple[str, str]:
        """Begin a log-in: return where its browser has to go, and the cookie to take along.

        target: the path to go on to. ProviderUnavailable, SessionsUnavailable.
        """
        flow, browser = self._flows.begin(target)
        return self._provider.login_url(flow), browser

    def finish(self, answer: Parameters[str, str], browser: str) -> tuple[Identity, str]:
        """End a log-in: return who it is, and the path to go on to.

        answer: the parameters that the provider has sent the browser back with. LoginRefused, ProviderUnavailable,
        SessionsUnavailable, DatabaseUnavailable.
        """
        flow = self._flows.take(browser, answer.get("state", ""))
        if flow is None:
            raise LoginRefused("stale", "no log-in of this browser has this state")
        if answer.get("iss", self._issuer) != self._issuer or "error" in answer or not answer.get("code"):
            raise LoginRefused("refused", "the provider has sent no code")
        try:
            claims = self._claims(answer["code"], flow)
        except InvalidIdToken as error:
            raise LoginRefused("refused", str(error)) from error
        subject = str(claims["sub"])
        try:
            identity = self._mapping.identity(claims)
        except NoIdentity as error:
            raise LoginRefused("no_role", str(error), subject) from error
        if self._accounts.is_taken(identity.username):
            raise LoginRefused("name_taken", "an administrator who logs in with a password has this name", subject)
        return identity, flow.target

    def _claims(self, code: str, flow: Flow) -> dict[str, object]:
        """Return what the ID token says, and beside it what only the user info does."""
        tokens = self._provider.redeem(code, flow)
        claims = self._provider.claims(tokens, flow)
        if self._mapping.lacks(claims):
            return self._provider.more_claims(tokens, str(claims["sub"])) | claims
        return claims
