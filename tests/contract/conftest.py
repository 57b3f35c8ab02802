from collections.abc import Iterator

import pytest

from hindcast.adapters.database import PostgresDatabase
from hindcast.jobs.ports import Database
from hindcast.testing import MemoryDatabase


@pytest.fixture(params=["memory", "postgres"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """Every implementer of the port, one after the other."""
    if request.param == "memory":
        yield MemoryDatabase()
        return
    real = PostgresDatabase(request.getfixturevalue("postgres_url"))
    yield real
    real.close()
