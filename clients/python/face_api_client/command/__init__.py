"""The command `face-api` as far as it needs only a service: batches and videos."""
