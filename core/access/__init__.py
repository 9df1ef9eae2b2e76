"""API keys, and how often they are used; failed log-ins."""
