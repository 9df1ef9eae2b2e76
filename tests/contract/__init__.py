"""The HTTP interface, tested from its specification alone: nothing here imports the service."""

import pytest

pytest.register_assert_rewrite(f"{__name__}.calls", f"{__name__}.pictures")
