"""A Hindcast to talk to: the one that runs already, or one of our own for as long as it is needed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from rich.console import Console

from hindcast.errors import Unavailable
from hindcast.settings import Settings

START_SECONDS = 120.0
STOP_SECONDS = 30.0
_A_JOB_A_CORE = {"HINDCAST_WORKER_SLOTS": str(os.cpu_count() or 1), "HINDCAST_JOB_THREADS": "1"}


@contextmanager
def running_server(settings: Settings, console: Console, *, side_by_side: bool = False) -> Iterator[str]:
    """The URL of a ready Hindcast; one that was started for this block is stopped at its end.

    With `side_by_side` that one runs as many jobs at a time as there are cores, each with one thread: small networks
    gain little from a second.
    """
    url = f"http://{settings.host}:{settings.port}"
    if _is_ready(url):
        console.print(f"Using the Hindcast that runs at {url}")
        yield url
        return
    log = settings.home_folder / "logs" / "up.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    console.print(f"Starting PostgreSQL, Redis, the three services and a worker on {url} (log: {log})")
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "hindcast_standalone", "up"],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=(_A_JOB_A_CORE if side_by_side else {}) | dict(os.environ),
            start_new_session=True,  # Ctrl-C reaches us first, so that we end what we began in order
        )
    try:
        _await_ready(url, process, log)
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=5).is_success
    except httpx.TransportError:
        return False


def _await_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if _is_ready(url):
            return
        if process.poll() is not None:
            last = log.read_text(errors="replace").strip().splitlines()[-3:]
            raise Unavailable("Hindcast did not start: " + " / ".join(last))
        time.sleep(0.3)
    raise Unavailable(f"Hindcast was not ready after {START_SECONDS:.0f} seconds; see {log}")
