"""Bringing a database to the schema that this code needs."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, OperationalError

from hindcast_standalone.child import CannotStart

MIGRATIONS = Path(__file__).resolve().parents[3] / "migrations"


def migrate(database_url: str) -> None:
    """Run every migration that the database has not seen; CannotStart where it can't be reached."""
    try:
        make_url(database_url)
    except (ArgumentError, ValueError) as error:
        raise CannotStart("HINDCAST_DATABASE_URL must be postgresql://user:password@host/name") from error
    config = Config(MIGRATIONS / "alembic.ini")
    config.attributes["database_url"] = database_url
    try:
        command.upgrade(config, "head")
    except OperationalError as error:
        raise CannotStart(f"The database can't be reached: {error.orig}") from error
