"""The command `face-api`."""
