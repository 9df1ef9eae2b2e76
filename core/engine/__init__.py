"""The way from the web tier to a worker and back."""
