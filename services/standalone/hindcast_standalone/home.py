"""The folder that belongs to one running Hindcast, and the address that it serves on."""

import errno
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hindcast_standalone.child import CannotStart
from hindcast_standalone.folders import mark

LOG_BYTES = 10_000_000
RELEASE_SECONDS = 6.0
"""How long the address may stay taken by processes of ours whose supervisor was killed: they are ending."""


@contextmanager
def claimed(home: Path, *, url: str) -> Iterator[bool]:
    """Keep `home` to ourselves for the block. Yields whether the last to have it ended without clearing up. CannotStart
    where another Hindcast runs on it, or it can't be written to."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        (home / "logs").mkdir(exist_ok=True)
        if not (home / "running").exists():
            mark(home)
        lock = (home / "running").open("a+")
    except OSError as error:
        raise CannotStart(
            f"The folder {home} can't be used: {error.strerror}. Name another in HINDCAST_HOME."
        ) from error
    with lock:
        lock.seek(0)
        found = lock.read().strip()
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(
                f"Hindcast runs already on {home} ({found}). Stop that one, or name another folder in HINDCAST_HOME."
            ) from None
        lock.truncate(0)
        lock.write(f"process {os.getpid()}, {url}")
        lock.flush()
        try:
            yield bool(found)
        finally:
            lock.truncate(0)


def listen(host: str, port: int, *, patience: float = 0.0) -> socket.socket:
    """A listening socket, retrying for `patience` seconds while the address is taken; CannotStart."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return _listen(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() >= deadline:
                raise CannotStart(_why(host, port, error)) from error
        time.sleep(0.1)


def log_file(home: Path, name: str) -> Path:
    """Where a part's output goes; a log that has grown long is set aside first."""
    log = home / "logs" / f"{name}.log"
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    return log


def url_of(host: str, port: int) -> str:
    """What to type in a browser on this machine."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def _listen(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(512)
    except OSError:
        listening.close()
        raise
    return listening


def _why(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is in use by another program. Name a free one in HINDCAST_PORT, such as {port + 1}."
        )
    return f"Can't serve on {host}, port {port}: {error.strerror}."
