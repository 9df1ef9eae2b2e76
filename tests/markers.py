"""Marks that nobody has to write: a test needs `servers` when it asks for a fixture that starts some."""

import pytest

# A Valkey is none of them: it starts in a moment.
STARTING = {
    "start_service",
    "start_shared_service",
    "service",
    "s3_server",
    "postgres_server",
    "browser",
    "site",
}
PARAMETERS = {"postgres", "s3"}  # of the fixtures that run a test on several databases or stores


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "servers: needs a whole service, a Postgres, an S3 server or a browser (by itself)"
    )
    config.addinivalue_line("markers", "slow: takes seconds; like `servers`, left out by make test-quick")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _needs_servers(item):
            item.add_marker("servers")


def _needs_servers(item: pytest.Item) -> bool:
    chosen = item.callspec.params.values() if hasattr(item, "callspec") else ()
    asked = set(getattr(item, "fixturenames", ()))
    return bool(STARTING & asked) or any(isinstance(value, str) and value in PARAMETERS for value in chosen)
