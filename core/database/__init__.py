"""The database: its engine, its tables, and what all queries share."""
