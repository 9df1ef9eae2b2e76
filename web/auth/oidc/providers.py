"""The identity provider: where browsers log in, and what it says about who has."""

from functools import partial
from typing import Any
from urllib.parse import quote_plus

import httpx
from authlib.common.urls import add_params_to_uri
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.client import OAuth2Client

from core.config import Settings
from core.errors import ProviderUnavailable
from web.auth.oidc import documents, id_tokens
from web.auth.oidc.bounded_clients import BoundedClient
from web.auth.oidc.documents import Remembered
from web.auth.oidc.flows import Flow
from web.auth.oidc.id_tokens import ExpectedToken, UnknownSigner
from web.auth.oidc.refusals import InvalidIdToken

NEW_KEYS_AFTER_S = 60.0  # chosen: a provider that names keys it doesn't publish is not asked for them all the time


class Provider:
    """Asks one provider. ProviderUnavailable when it can't be reached, or says what can't be used."""

    def __init__(self, settings: Settings, redirect_uri: str) -> None:
        self._settings, self._redirect_uri = settings, redirect_uri
        self._http = BoundedClient()
        self._metadata = Remembered(partial(documents.discover, self._http, settings.oidc_issuer))
        self._keys = Remembered(
            lambda: id_tokens.import_keys(documents.fetch(self._http, self._metadata.get().jwks_uri))
        )

    def login_url(self, flow: Flow) -> str:
        """Return the address at the provider where a browser logs in."""
        url, _ = self._client().create_authorization_url(
            self._metadata.get().authorization_endpoint,
            state=flow.state,
            code_verifier=flow.verifier,
            nonce=flow.nonce,
        )
        return str(url)

    def logout_url(self, id_token: str, back: str) -> str | None:
        """Return the address at the provider where the session there ends; None where it has no such address.

        back: where the browser is sent after that. As RP-Initiated Logout 1.0 says it.
        """
        endpoint = self._metadata.get().end_session_endpoint
        query = {"client_id": self._settings.oidc_client_id, "post_logout_redirect_uri": back}
        if id_token:
            query["id_token_hint"] = id_token
        return str(add_params_to_uri(endpoint, list(query.items()))) if endpoint else None

    def redeem(self, code: str, flow: Flow) -> dict[str, Any]:
        """Exchange the code that a browser has brought for tokens; InvalidIdToken when the provider refuses."""
        metadata = self._metadata.get()
        try:
            tokens = self._client().fetch_token(
                metadata.token_endpoint,
                grant_type="authorization_code",
                code=code,
                code_verifier=flow.verifier,
                **self._credentials(metadata.token_endpoint_auth_methods_supported),
            )
        except OAuth2Error as error:
            raise InvalidIdToken(f"the token endpoint answers {error.error}") from error
        except documents.UNREADABLE as error:
            raise ProviderUnavailable from error
        return dict(tokens)

    def claims(self, tokens: dict[str, Any], flow: Flow) -> dict[str, Any]:
        """Return what the ID token says; InvalidIdToken."""
        expected = ExpectedToken(self._settings.oidc_issuer, self._settings.oidc_client_id, flow.nonce)
        try:
            return id_tokens.verify(tokens, self._keys.get(), expected)
        except UnknownSigner:
            return id_tokens.verify(tokens, self._keys.get(max_age_s=NEW_KEYS_AFTER_S), expected)

    def more_claims(self, tokens: dict[str, Any], subject: str) -> dict[str, Any]:
        """Return what the provider says beside the ID token about the same person; nothing where it has no more."""
        url, token = self._metadata.get().userinfo_endpoint, str(tokens.get("access_token") or "")
        if not url or not token:
            return {}
        claims = documents.fetch(self._http, url, token)
        if claims.get("sub") != subject:
            raise InvalidIdToken("the user info is somebody else's")
        return claims

    def _client(self) -> OAuth2Client:
        settings = self._settings
        return OAuth2Client(
            self._http,
            client_id=settings.oidc_client_id,
            scope=settings.oidc_scopes,
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
        )

    def _credentials(self, methods: list[str] | None) -> dict[str, Any]:
        """Return how this client proves itself: in the body where the provider takes that, else by HTTP Basic."""
        client_id, secret = self._settings.oidc_client_id, self._settings.oidc_client_secret.get_secret_value()
        if secret and "client_secret_post" not in (methods or []):
            return {"auth": httpx.BasicAuth(quote_plus(client_id), quote_plus(secret))}
        return {"auth": httpx.Auth(), "client_id": client_id, "client_secret": secret}
