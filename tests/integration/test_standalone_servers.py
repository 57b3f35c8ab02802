"""PostgreSQL and Redis as children: they survive what happens to processes."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from hindcast_standalone.child import CannotStart
from hindcast_standalone.folders import postgres_folder
from hindcast_standalone.postgres import PostgresServer
from hindcast_standalone.redis import RedisServer


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[PostgresServer]:
    server = PostgresServer(postgres_folder(tmp_path), log=tmp_path / "postgres.log", durable=False)
    server.start()
    yield server
    server.delete()


def rows(server: PostgresServer) -> list[tuple[object, ...]]:
    with psycopg.connect(server.url) as connection:
        return connection.execute("SELECT word FROM kept").fetchall()


def keep_a_word(server: PostgresServer) -> None:
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('hurricane')")


def test_it_keeps_its_data_when_it_is_stopped_and_when_it_is_killed(postgres: PostgresServer) -> None:
    keep_a_word(postgres)
    postgres.stop()
    postgres.start()
    assert rows(postgres) == [("hurricane",)]
    assert postgres.pid is not None
    os.kill(postgres.pid, signal.SIGKILL)
    postgres.start()
    assert rows(postgres) == [("hurricane",)]


def test_a_database_that_was_removed_is_not_made_anew_behind_its_users_backs(postgres: PostgresServer) -> None:
    folder = postgres_folder(postgres.log.parent)
    keep_a_word(postgres)
    postgres.stop()
    (folder / "data").rename(folder / "elsewhere")
    with pytest.raises(CannotStart, match="was removed"):
        postgres.start()
    assert not (folder / "data").exists()
    (folder / "elsewhere").rename(folder / "data")
    postgres.start()
    assert rows(postgres) == [("hurricane",)]


def test_text_is_utf8_and_sorted_by_code_point(postgres: PostgresServer) -> None:
    with psycopg.connect(postgres.url) as connection:
        words = connection.execute("SELECT w FROM (VALUES ('b'), ('B'), ('é')) AS t (w) ORDER BY w").fetchall()
    assert [word for (word,) in words] == ["B", "b", "é"]


def test_a_server_whose_supervisor_is_gone_is_replaced(postgres: PostgresServer, tmp_path: Path) -> None:
    keep_a_word(postgres)
    older = postgres.pid
    heir = PostgresServer(postgres_folder(tmp_path), log=tmp_path / "postgres.log", durable=False)
    heir.start()
    assert not postgres.running
    assert heir.pid != older
    assert rows(heir) == [("hurricane",)]
    heir.stop()


def test_a_pid_file_that_names_another_living_process_is_no_obstacle(postgres: PostgresServer, tmp_path: Path) -> None:
    pid_file = postgres_folder(tmp_path) / "data" / "postmaster.pid"
    stale = pid_file.read_text().splitlines()
    postgres.kill()
    living = next(process.pid for process in psutil.process_iter() if process.pid != os.getpid())
    pid_file.write_text("\n".join([str(living), *stale[1:]]))
    postgres.start()
    assert postgres.running


def test_a_database_of_another_version_is_a_sentence(postgres: PostgresServer, tmp_path: Path) -> None:
    postgres.stop()
    (postgres_folder(tmp_path) / "data" / "PG_VERSION").write_text("16\n")
    with pytest.raises(CannotStart, match=r"made by PostgreSQL 16, and this is 18\. Carry it over with pg_dump"):
        postgres.start()


def test_a_folder_too_deep_for_a_socket_will_do(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / ("deep" * 20) / "redis", log=tmp_path / "redis.log")
    server.start()
    assert server.client().ping()
    server.stop()


def test_redis_starts_again_after_a_kill_and_replaces_a_survivor(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis", log=tmp_path / "redis.log")
    server.start()
    server.kill()
    server.start()
    heir = RedisServer(tmp_path / "redis", log=tmp_path / "redis.log")
    heir.start()
    assert not server.running
    assert heir.client().ping()
    heir.stop()
    assert not heir.running
