"""Runs migrations: `make migrate`, or `alembic -c migrations/alembic.ini …` against HINDCAST_DATABASE_URL."""

import os

from alembic import context
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from hindcast.adapters.tables import metadata

ONE_AT_A_TIME = 4_846_368
"""The advisory lock that makes a second migration, started elsewhere at the same time, wait and then find nothing."""


def migrate() -> None:
    """Run the migrations that are due, in one transaction: all of them or none."""
    url = make_url(context.config.attributes.get("database_url") or os.environ["HINDCAST_DATABASE_URL"])
    engine = create_engine(url.set(drivername="postgresql+psycopg"), poolclass=NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=metadata)
        with context.begin_transaction():
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": ONE_AT_A_TIME})
            context.run_migrations()


migrate()
