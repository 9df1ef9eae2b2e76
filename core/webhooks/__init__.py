"""Webhooks: which URLs may be called, what is sent, how often it is repeated."""
