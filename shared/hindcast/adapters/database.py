"""PostgreSQL as the place where the truth is."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg.errors import UndefinedTable
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy import exc as sql

from hindcast.adapters.discards import PostgresDiscards
from hindcast.adapters.experiments import PostgresExperiments
from hindcast.adapters.jobs import PostgresJobs
from hindcast.adapters.resources import PostgresResources
from hindcast.adapters.tables import SCHEMA_REVISION
from hindcast.errors import InvalidInput, Unavailable

CONNECTION_OPTIONS = {
    "connect_timeout": 2,
    # A server that vanished without a word is noticed within some ten seconds, not within hours.
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    # What a client that vanished had locked is free again after as long.
    "options": "-c idle_in_transaction_session_timeout=15000 -c statement_timeout=30000",
}


class PostgresTransaction:
    """One open transaction."""

    def __init__(self, connection: Connection) -> None:
        self.discards = PostgresDiscards(connection)
        self.jobs = PostgresJobs(connection)
        self.resources = PostgresResources(connection, self.discards)
        self.experiments = PostgresExperiments(connection)


class PostgresDatabase:
    """A pool of connections, to be shared by all threads of a process."""

    def __init__(self, url: str, *, pool_size: int = 5, max_overflow: int = 20) -> None:
        """`url` as `postgresql://user:password@host/name`, or with `?host=/folder` for a Unix socket. Nothing is
        connected yet."""
        self._engine: Engine = create_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            connect_args=CONNECTION_OPTIONS,
            pool_pre_ping=True,
            pool_size=pool_size,
            max_overflow=max_overflow,
            pool_timeout=5,
        )

    @contextmanager
    def transaction(self) -> Iterator[PostgresTransaction]:
        """See hindcast.jobs.ports.Database."""
        with _translated(), self._engine.begin() as connection:
            yield PostgresTransaction(connection)

    def ping(self) -> None:
        """See hindcast.jobs.ports.Database."""
        with _translated(), self._engine.connect() as connection:
            migrated = connection.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL"))
            found = connection.scalar(text("SELECT version_num FROM alembic_version")) if migrated else None
        if found != SCHEMA_REVISION:
            raise Unavailable(
                f"The database's schema is {found or 'not there'} and this version of Hindcast needs "
                f"{SCHEMA_REVISION}: run `make migrate`."
            )

    def close(self) -> None:
        """Close the connections that are idle."""
        self._engine.dispose()


@contextmanager
def _translated() -> Iterator[None]:
    """Errors of SQLAlchemy and psycopg, in our terms."""
    try:
        yield
    except (sql.OperationalError, sql.InterfaceError, sql.TimeoutError) as error:
        raise _unavailable(error) from error
    except sql.DataError as error:
        raise InvalidInput("A value is too large to be stored, or holds a NUL character.") from error
    except sql.ProgrammingError as error:
        if isinstance(error.orig, UndefinedTable):
            raise Unavailable("The database has none of our tables: run `make migrate`.") from error
        raise
    except sql.DBAPIError as error:
        if error.connection_invalidated:
            raise _unavailable(error) from error
        raise


def _unavailable(error: Exception) -> Unavailable:
    return Unavailable(f"The database is away: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
