"""Authentication, sessions, lockouts and rate limits."""
