"""docs/settings.md: its table is the settings'."""

from tests.docs import documents


def test_settings_table_is_current() -> None:
    assert documents.documented_table(documents.SETTINGS.read_text()) == documents.settings_table()
