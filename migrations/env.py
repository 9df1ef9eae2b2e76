"""Alembic's entry: runs the migrations on the engine that core.database hands over."""

from alembic import context

from core.database.models import Base

engine = context.config.attributes["engine"]
with engine.connect() as connection:
    # SQLite can't alter a table in place: batch mode copies it.
    context.configure(
        connection=connection, target_metadata=Base.metadata, render_as_batch=True, transactional_ddl=True
    )
    with context.begin_transaction():
        if connection.dialect.name == "sqlite":  # sqlite3 would commit each statement, and a kill leave half of them
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        context.run_migrations()
engine.dispose()
