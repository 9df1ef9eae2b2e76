"""The object store: its protocol, and the two implementations."""
