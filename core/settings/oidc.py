"""The settings of single sign-on: which identity provider is asked, and who of its people may do what."""

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from core.settings.types import ClientId, Issuer, RoleMapping, setting


class OidcSettings(BaseSettings):
    """The part of the settings about logging in by OpenID Connect; see `core/config.py`."""

    oidc_issuer: Issuer = setting(
        "",
        "Identity provider for single sign-on (OpenID Connect), exactly as its discovery document names itself;"
        " empty: none.",
    )
    oidc_client_id: ClientId = setting("", "What the provider knows this service by.", validate_default=True)
    oidc_client_secret: SecretStr = setting(
        SecretStr(""), "Secret that the provider has given this service; empty: a public client, by PKCE alone."
    )
    oidc_scopes: str = setting(
        "openid profile email", "Scopes that are asked for, separated by spaces.", pattern=r"^(.* )?openid( .*)?$"
    )
    oidc_name_claim: str = setting("preferred_username", "Claim that names an administrator.", min_length=1)
    oidc_role_claim: str = setting(
        "groups",
        "Claim that says who may do what: a text or a list of texts, with dots between the names on the way to it, such"
        " as `realm_access.roles`.",
        min_length=1,
    )
    oidc_roles: RoleMapping = setting(
        "",
        "Which role each value of that claim gives, separated by commas, such as `face-admins=owner,face-ops=operator`;"
        " whoever has none of them is not let in.",
        validate_default=True,
    )
    oidc_name: str = setting("", "The provider's name on the button of the login page; empty: none is named.")
