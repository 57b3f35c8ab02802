"""`make up`: PostgreSQL, Redis, the three services on one origin and a worker, for as long as it runs."""

import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from rich.console import Console

from hindcast.settings import Settings
from hindcast.web.app import check_binding
from hindcast_standalone.child import CannotStart, Child, Command, Program, last_lines
from hindcast_standalone.folders import postgres_folder
from hindcast_standalone.home import RELEASE_SECONDS, claimed, listen, log_file, url_of
from hindcast_standalone.postgres import PostgresServer
from hindcast_standalone.redis import RedisServer
from hindcast_standalone.supervisor import Supervisor

READY_SECONDS = 180.0
"""Importing torch from a cold disk takes a while."""
COLUMN = 12
CLIENTS_URL = "http://127.0.0.1:8000"
"""Where clients look who weren't told."""


def up(settings: Settings, console: Console) -> None:
    """Run until Ctrl-C or SIGTERM. InvalidInput or CannotStart says what is in the way."""
    check_binding(settings.host, trusted_network=settings.trusted_network)
    home, url = settings.home_folder, url_of(settings.host, settings.port)
    if not home.exists():
        listen(settings.host, settings.port).close()  # else a folder would be made in vain
    with claimed(home, url=url) as was_killed:
        patience = RELEASE_SECONDS if was_killed else 0.0
        with listen(settings.host, settings.port, patience=patience) as listening:
            supervisor = Supervisor(partial(_warn, console))
            try:
                _start(settings, supervisor, listening.fileno(), console)
                supervisor.watch()
            except KeyboardInterrupt:
                console.print("\nStopping (once more ends it at once).", highlight=False)
            finally:
                _stop(supervisor)
        console.print("Everything has stopped; started again, it goes on from here.", highlight=False)


def migrate_only(settings: Settings, console: Console) -> None:
    """Bring the database to this version's schema; a database of our own is started for as long as that takes."""
    from hindcast_standalone.migrations import migrate  # SQLAlchemy is nothing for the supervisor's memory

    if settings.database_url:
        migrate(settings.database_url)
    else:
        home = settings.home_folder
        with claimed(home, url="migrating"):
            supervisor = Supervisor(partial(_warn, console))
            try:
                migrate(_start_postgres(home, supervisor))
            finally:
                supervisor.stop()
    console.print("The database has this version's schema.")


def _warn(console: Console, sentence: str) -> None:
    console.print(f"{time.strftime('%X')} {sentence}", style="yellow", markup=False, highlight=False, soft_wrap=True)


def _stop(supervisor: Supervisor) -> None:
    """End all parts in good order; a second Ctrl-C ends them at once."""
    try:
        supervisor.stop()
    except KeyboardInterrupt:
        supervisor.kill()


def _start(settings: Settings, supervisor: Supervisor, listening: int, console: Console) -> None:
    """Start all parts, each after those that it needs, telling what runs where."""
    begun = time.monotonic()
    home, url = settings.home_folder, url_of(settings.host, settings.port)

    def tell(what: str, where: object) -> None:
        console.print(f"  {what:<{COLUMN}}{where}", markup=False, highlight=False, soft_wrap=True)

    console.print(f"Hindcast starts. Its folder is {home}, with logs/ in it.", markup=False, highlight=False)
    database_url = settings.database_url or _start_postgres(home, supervisor)
    tell("PostgreSQL", "yours, at HINDCAST_DATABASE_URL" if settings.database_url else postgres_folder(home))
    broker_url = settings.broker_url or _start_redis(home, supervisor)
    tell("Redis", "yours, at HINDCAST_BROKER_URL" if settings.broker_url else "on a socket, nothing on disk")
    environment = _environment(settings, url, database_url=database_url, broker_url=broker_url)
    _migrate(home, environment)
    tell("schema", "up to date")
    services = _program("services", "serve", str(listening), home=home, environment=environment, inherits=(listening,))
    supervisor.start(services)
    supervisor.start(_worker(home, environment))
    _await_ready(services, url)
    tell("services", f"{url} · what they understand: {url}/docs")
    tell("worker", f"{settings.worker_slots} job(s) at a time, {settings.job_threads} threads each")
    elsewhere = "" if url == CLIENTS_URL else f"So that hindcast finds it there: export HINDCAST_URL={url}\n"
    console.print(
        f"Ready after {time.monotonic() - begun:.0f} s. Next, in another terminal: [bold]make demo[/], or\n"
        f"  curl --data-binary @text.txt '{url}/v1/corpora?name=mine&format=text&pipeline=plain'\n"
        f"{elsewhere}Ctrl-C stops everything.",
        highlight=False,
        soft_wrap=True,
    )


def _start_postgres(home: Path, supervisor: Supervisor) -> str:
    postgres = PostgresServer(postgres_folder(home), log=log_file(home, "postgres"))
    supervisor.start(postgres)
    return postgres.url


def _start_redis(home: Path, supervisor: Supervisor) -> str:
    redis = RedisServer(home / "redis", log=log_file(home, "redis"))
    supervisor.start(redis)
    return redis.url


def _environment(settings: Settings, url: str, *, database_url: str, broker_url: str) -> dict[str, str]:
    """What our processes are told. URLs of services that the user set stand."""
    told = {"HINDCAST_HOME": str(settings.home_folder), "PYTHONUNBUFFERED": "1"}
    told |= {"HINDCAST_DATABASE_URL": database_url, "HINDCAST_BROKER_URL": broker_url}
    for field in ("trainer_url", "embedder_url", "scorer_url"):
        told[f"HINDCAST_{field.upper()}"] = getattr(settings, field) if field in settings.model_fields_set else url
    return told


def _migrate(home: Path, environment: Mapping[str, str]) -> None:
    """In a process of its own: SQLAlchemy and alembic need not stay in the supervisor's memory."""
    log = log_file(home, "migrate")
    written_before = log.stat().st_size if log.exists() else 0
    arguments = [sys.executable, "-m", "hindcast_standalone", "migrate"]
    if Child(Command(arguments=arguments, log=log, environment=environment)).wait():
        told = last_lines(log, since=written_before)
        raise CannotStart(f"The database could not be brought to this version. The end of {log}:\n{told}")


def _program(
    name: str, *arguments: str, home: Path, environment: Mapping[str, str], inherits: tuple[int, ...] = ()
) -> Program:
    command = Command(
        arguments=[sys.executable, "-m", "hindcast_standalone", *arguments],
        log=log_file(home, name),
        environment=environment,
        inherits=inherits,
    )
    return Program(f"The {name} process", command)


def _worker(home: Path, environment: Mapping[str, str]) -> Program:
    command = Command(
        arguments=[sys.executable, "-m", "hindcast_trainer.worker"],
        log=log_file(home, "worker"),
        environment=environment,
        stop=((signal.SIGTERM, 12.0),),
    )
    return Program("The worker", command)


def _await_ready(services: Program, url: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and services.running:
        try:
            urllib.request.urlopen(f"{url}/readyz", timeout=2).close()
            return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.1)
    raise services.cannot_start()
