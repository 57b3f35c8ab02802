"""Bringing a database to the schema that this code needs."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy.exc import OperationalError

from hindcast_standalone.child import CannotStart

MIGRATIONS = Path(__file__).resolve().parents[3] / "migrations"


def migrate(database_url: str) -> None:
    """Run every migration that the database has not seen; CannotStart where it can't be reached."""
    config = Config(MIGRATIONS / "alembic.ini")
    config.attributes["database_url"] = database_url
    try:
        command.upgrade(config, "head")
    except OperationalError as error:
        raise CannotStart(f"The database can't be reached: {error.orig}") from error
