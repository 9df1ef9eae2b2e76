"""The database: its engine, its tables, and what every query shares."""
