"""Real servers for the tests that need them. Each pytest-xdist worker starts its own, when a test first asks."""

import asyncio
import gc
import logging
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from hypothesis import settings
from starlette.types import ASGIApp

from hindcast_standalone.folders import postgres_folder
from hindcast_standalone.migrations import migrate
from hindcast_standalone.postgres import PostgresServer
from hindcast_standalone.redis import RedisServer

TEMPLATE = "migrated"

settings.register_profile("hindcast", deadline=None)  # a busy machine is no error
settings.load_profile("hindcast")


def pytest_collection_finish() -> None:
    """Makes each test cheaper: garbage is no longer looked for in what imports left; and pytest, which adds a handler
    to each logger that doesn't propagate, three times in a test, no longer finds torch's forty."""
    gc.collect()
    gc.freeze()
    for name, logger in logging.root.manager.loggerDict.items():
        if isinstance(logger, logging.Logger) and name.startswith("torch"):
            logger.propagate = True


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """The PostgreSQL that tests share; don't stop it."""
    yield from _postgres(tmp_path_factory.mktemp("postgres"))


@pytest.fixture(scope="session")
def migrated_template(postgres_server: PostgresServer) -> str:
    """The name of a database with our schema, to copy."""
    migrate(postgres_server.create_database(TEMPLATE))
    return TEMPLATE


@pytest.fixture(scope="session")
def new_postgres_url(postgres_server: PostgresServer, migrated_template: str) -> Callable[[], str]:
    """Makes one more database with our schema, for fixtures of a wider scope than `postgres_url`."""
    return lambda: postgres_server.create_database(f"test_{secrets.token_hex(6)}", template=migrated_template)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, migrated_template: str) -> Iterator[str]:
    """A fresh database with our schema."""
    name = f"test_{secrets.token_hex(6)}"
    yield postgres_server.create_database(name, template=migrated_template)
    postgres_server.drop_database(name)


@pytest.fixture
def empty_postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A fresh database with nothing in it, for the migrations' own tests."""
    name = f"empty_{secrets.token_hex(6)}"
    yield postgres_server.create_database(name)
    postgres_server.drop_database(name)


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[PostgresServer]:
    """A PostgreSQL for one test, with our schema in the database at `.url`, to `stop()`, `kill()` and `start()`."""
    for server in _postgres(tmp_path):
        migrate(server.url)
        yield server


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The Redis that tests share; don't stop it."""
    yield from _redis(tmp_path_factory.mktemp("redis"))


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """A Redis with nothing in it."""
    redis_server.client().flushall()
    return redis_server.url


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis for one test, to `stop()`, `kill()` and `start()`."""
    yield from _redis(tmp_path)


@pytest.fixture
def hindcast_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, also in the environment."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HINDCAST_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def serving() -> Callable[..., AbstractContextManager[str]]:
    """`with serving(app) as url:` serves an application on a real socket, on any port or a given one."""
    return _serving


@pytest.fixture(params=["synchronous", "asynchronous"])
def client_of(request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """Makes a client of a URL: the test is done with either kind."""
    from both_clients import waited

    from hindcast_client import Hindcast

    clients = []
    with asyncio.Runner() as runner:

        def make(*given: Any, **named: Any) -> Any:
            asynchronous = request.param == "asynchronous"
            clients.append(waited(*given, runner=runner, **named) if asynchronous else Hindcast(*given, **named))
            return clients[-1]

        yield make
        for client in clients:
            client.close()


@contextmanager
def _serving(app: ASGIApp, port: int = 0) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", port)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=3))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)


def _postgres(home: Path) -> Iterator[PostgresServer]:
    server = PostgresServer(postgres_folder(home), log=home / "postgres.log", durable=False)
    try:
        server.start()
        yield server
    finally:
        server.delete()


def _redis(home: Path) -> Iterator[RedisServer]:
    server = RedisServer(home / "redis", log=home / "redis.log")
    try:
        server.start()
        yield server
    finally:
        server.stop()
