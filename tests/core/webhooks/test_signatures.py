"""What signs a webhook while its secret is replaced."""

import base64
import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from core import config
from core.errors.startup import SettingsError
from core.webhooks import posts
from core.webhooks.posts import WebhookMessage

OLD, NEW, OTHER = ("whsec_" + base64.b64encode(bytes([number]) * 32).decode() for number in range(3))


def test_receivers_with_the_old_and_the_new_secret_both_verify() -> None:
    secrets = config.read(webhook_secret=f"{NEW}, {OLD}").webhook_secrets
    message, timestamp = WebhookMessage("msg_1", "https://example.org/", '{"a": 1}', tuple(secrets)), int(time.time())
    headers = {
        "webhook-id": message.id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": posts.sign(message, timestamp),
    }
    for secret in (NEW, OLD):
        assert Webhook(secret).verify(message.body, headers) == {"a": 1}
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(message.body, headers)


def test_each_secret_has_to_be_right() -> None:
    with pytest.raises(SettingsError, match="FACE_API_WEBHOOK_SECRET"):
        config.read(webhook_secret=f"{NEW},weak")
