"""The object store: what it promises, and the two that keep it."""
