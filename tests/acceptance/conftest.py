"""All of Hindcast as `make up` runs it, on a port and in a home of its own, with short leases so that tests of death
and recovery are quick."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from acceptance.live import Hindcast

from hindcast_standalone.demonstrations.texts import as_json_lines, wikipedia
from hindcast_standalone.folders import postgres_folder


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="session")
def hindcast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hindcast]:
    """One Hindcast for all acceptance tests of this process."""
    home = tmp_path_factory.mktemp("hindcast")
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HINDCAST_")} | {
        "HINDCAST_HOME": str(home),
        "HINDCAST_PORT": str(port),
        "HINDCAST_LEASE_SECONDS": "4",
        "HINDCAST_HEARTBEAT_SECONDS": "0.5",
        "HINDCAST_SWEEP_SECONDS": "1",
        "HINDCAST_CHECKPOINT_SECONDS": "1",
        "HINDCAST_JOB_THREADS": "1",
    }
    log = home / "up.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "hindcast_standalone", "up"], env=environment, stdout=output, stderr=output
        )
    server = Hindcast(f"http://127.0.0.1:{port}", home, environment)
    try:
        _await_ready(server, process, log)
        yield server
    finally:
        process.send_signal(signal.SIGINT)
        ended = process.wait(40)
        shutil.rmtree(postgres_folder(home), ignore_errors=True)  # as root it lies outside of `home`
        assert ended == 0, log.read_text()


def _await_ready(server: Hindcast, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            if server.http.get("/readyz").is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"not ready: {log.read_text()}")


@pytest.fixture(scope="session")
def corpus(hindcast: Hindcast) -> str:
    """The name of a corpus of forty short Wikipedia articles with a train, a valid and a test split."""
    articles = [
        type(article)(id=article.id, paragraphs=article.paragraphs[:6], split=article.split)
        for article in wikipedia()[:60]
    ]
    answer = hindcast.http.post(
        "/v1/corpora",
        params={"name": "short-wikipedia", "format": "jsonl", "pipeline": "plain"},
        content=as_json_lines(articles),
        headers={"Content-Encoding": "gzip"},
    )
    assert answer.status_code == 202, answer.text
    assert hindcast.ended(answer.json()["job"])["status"] == "succeeded"
    return "short-wikipedia"
