"""API keys, and how often they are used."""
