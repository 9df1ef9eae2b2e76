"""The client for programs with asyncio; `synchronous` is made from it."""
