"""Migrations: apart from the engine, because Alembic is slow to import and no running service needs it."""

from alembic import command
from alembic.config import Config
from sqlalchemy import make_url

from core.config import ROOT, Settings
from core.database import engine


def upgrade(settings: Settings, revision: str = "head") -> None:
    """Migrate the tables to a revision; an embedded database's folder is created first."""
    url = make_url(settings.sqlalchemy_url)
    if url.get_backend_name() == "sqlite" and not settings.database_url:
        settings.var_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    command.upgrade(alembic_config(settings), revision)


def alembic_config(settings: Settings) -> Config:
    """Return Alembic's configuration: where the migrations are, and the database."""
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.attributes["engine"] = engine.create(settings)
    return config
