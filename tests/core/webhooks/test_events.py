"""Which webhooks a batch may name, and the secret that signs them."""

import base64

import pytest

from core import config
from core.errors import InvalidOption
from core.errors.startup import SettingsError
from core.webhooks import events

SECRET = "whsec_" + base64.b64encode(b"a secret of 32 bytes or more, yes").decode()


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "https://user:x@example.org/", "http://[::1]/"])
def test_url_that_is_never_called_is_refused_early(url: str) -> None:
    settings = config.read(webhook_secret=SECRET)
    with pytest.raises(InvalidOption, match="webhook_url"):
        events.validate_url(url, settings)
    events.validate_url("https://example.org/", settings)


def test_webhook_needs_a_secret() -> None:
    with pytest.raises(InvalidOption, match="FACE_API_WEBHOOK_SECRET"):
        events.validate_url("https://example.org/", config.read())


@pytest.mark.parametrize(
    "secret", ["secret", "whsec_", "whsec_short", "whsec_" + "!" * 40, base64.b64encode(bytes(32)).decode()]
)
def test_weak_secret_is_refused(secret: str) -> None:
    with pytest.raises(SettingsError, match="FACE_API_WEBHOOK_SECRET"):
        config.read(webhook_secret=secret)
