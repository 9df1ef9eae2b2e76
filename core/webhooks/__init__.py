"""Webhooks: which URLs may be called, what is sent, when it is retried."""
