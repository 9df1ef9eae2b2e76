"""Logging in at a company's identity provider (OpenID Connect)."""
