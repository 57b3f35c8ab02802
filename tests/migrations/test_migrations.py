"""The schema in the code, the one that migrations make, and the revision that the code asks for are one."""

import subprocess
import sys

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, make_url

from hindcast.adapters.database import PostgresDatabase
from hindcast.adapters.tables import SCHEMA_REVISION, metadata
from hindcast.errors import Unavailable
from hindcast_standalone.migrations import MIGRATIONS, migrate


def engine(url: str):
    return create_engine(make_url(url).set(drivername="postgresql+psycopg"))


def test_migrations_make_exactly_the_tables_of_the_code(postgres_url: str) -> None:
    with engine(postgres_url).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_the_code_asks_for_the_newest_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA_REVISION]


def test_a_database_without_the_schema_is_not_ready(empty_postgres_url: str) -> None:
    database = PostgresDatabase(empty_postgres_url)
    with pytest.raises(Unavailable, match="make migrate"):
        database.ping()
    with pytest.raises(Unavailable, match="make migrate"), database.transaction() as transaction:
        transaction.jobs.get("job_1")
    migrate(empty_postgres_url)
    database.ping()


def test_several_can_migrate_at_once_and_again(empty_postgres_url: str) -> None:
    code = "import sys; from hindcast_standalone.migrations import migrate; migrate(sys.argv[1])"
    migrating = [subprocess.Popen([sys.executable, "-c", code, empty_postgres_url]) for _ in range(3)]
    assert [process.wait() for process in migrating] == [0, 0, 0]
    migrate(empty_postgres_url)
    PostgresDatabase(empty_postgres_url).ping()


def test_a_migration_can_be_taken_back(empty_postgres_url: str) -> None:
    migrate(empty_postgres_url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["database_url"] = empty_postgres_url
    command.downgrade(config, "base")
    assert inspect(engine(empty_postgres_url)).get_table_names() == ["alembic_version"]
