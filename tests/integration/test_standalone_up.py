"""`make up` as a person meets it: what dies runs again, Ctrl-C leaves no process, starting again goes on."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from hindcast_standalone.folders import postgres_folder
from hindcast_standalone.home import listen

PATIENCE_SECONDS = 120
PARTS = ("postgres", "redis-server", "hindcast_standalone serve", "hindcast_trainer.worker")
TABLE = b"2 3\nstorm 1 0 0\nhurricane 0.5 0.5 0\n"


class Hindcast:
    """One `make up` on a home of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        with listen("127.0.0.1", 0) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.output = home.parent / "output"
        self.process: subprocess.Popen[bytes] | None = None

    def command(self, *command: str) -> subprocess.Popen[bytes]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HINDCAST_")}
        environment |= {"HINDCAST_HOME": str(self.home), "HINDCAST_PORT": str(self.port)}
        arguments = [sys.executable, "-m", "hindcast_standalone", *(command or ("up",))]
        with self.output.open("ab") as output:
            return subprocess.Popen(arguments, env=environment, stdout=output, stderr=subprocess.STDOUT)

    def start(self) -> None:
        self.output.write_bytes(b"")
        self.process = self.command()
        self.wait_until(lambda: "Ready after" in self.output.read_text())

    def wait_until(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not true():
            assert self.process is not None
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.05)

    def parts(self) -> dict[str, psutil.Process]:
        """The supervisor's living children."""
        assert self.process is not None
        found = {}
        for child in psutil.Process(self.process.pid).children():
            command = command_of(child)
            found |= {part: child for part in PARTS if part in command}
        return found

    def end(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)


def command_of(process: psutil.Process) -> str:
    """Program and arguments, without the folders that follow; nothing if it has ended."""
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline()).split(" -D ")[0]
    return ""


def lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="module")
def hindcast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hindcast]:
    home = tmp_path_factory.mktemp("up") / "home"
    found = Hindcast(home)
    found.start()
    yield found
    found.end(signal.SIGKILL)
    shutil.rmtree(postgres_folder(home), ignore_errors=True)


@pytest.mark.parametrize("part", PARTS)
def test_what_is_killed_runs_again_and_all_serve(hindcast: Hindcast, part: str) -> None:
    hindcast.wait_until(lambda: part in hindcast.parts())
    victim = hindcast.parts()[part]
    victim.kill()
    # One look at a time: a process that starts has the name of its parent for a moment.
    hindcast.wait_until(lambda: hindcast.parts().get(part, victim) != victim)
    # While the services start again, the supervisor's socket keeps the request waiting.
    hindcast.wait_until(lambda: httpx.get(f"{hindcast.url}/readyz", timeout=PATIENCE_SECONDS).is_success)
    assert httpx.get(f"{hindcast.url}/v1/jobs").is_success


def test_a_database_that_was_removed_is_missed_and_served_again_when_it_is_back(hindcast: Hindcast) -> None:
    imported = httpx.post(f"{hindcast.url}/v1/tables?name=missed&format=word2vec-text", content=TABLE)
    assert imported.status_code == 201, imported.text
    data = postgres_folder(hindcast.home) / "data"
    data.rename(data.with_name("elsewhere"))
    hindcast.parts()["postgres"].kill()
    hindcast.wait_until(lambda: "was removed. Bring it back" in hindcast.output.read_text())
    assert httpx.get(f"{hindcast.url}/readyz").status_code == 503
    assert not data.exists()
    data.with_name("elsewhere").rename(data)
    hindcast.wait_until(lambda: httpx.get(f"{hindcast.url}/readyz", timeout=PATIENCE_SECONDS).is_success)
    assert httpx.get(f"{hindcast.url}/v1/tables/missed").json()["words"] == 2


def test_a_second_one_on_the_same_home_is_refused(hindcast: Hindcast) -> None:
    second = hindcast.command()
    assert second.wait(PATIENCE_SECONDS) == 1
    assert f"Hindcast runs already on {hindcast.home}" in hindcast.output.read_text()
    assert httpx.get(f"{hindcast.url}/healthz").is_success


def test_a_port_in_use_is_refused_before_anything_starts(hindcast: Hindcast, tmp_path: Path) -> None:
    other = Hindcast(tmp_path / "home")
    other.port = hindcast.port
    assert other.command().wait(PATIENCE_SECONDS) == 1
    assert "in use" in other.output.read_text()
    assert not other.home.exists()


def test_ctrl_c_leaves_no_process_and_starting_again_goes_on(hindcast: Hindcast) -> None:
    imported = httpx.post(f"{hindcast.url}/v1/tables?name=kept&format=word2vec-text", content=TABLE)
    assert imported.status_code == 201, imported.text
    assert hindcast.process is not None
    processes = psutil.Process(hindcast.process.pid).children(recursive=True)
    assert hindcast.end(signal.SIGINT) == 0
    assert not [process for process in processes if lives(process)]
    hindcast.start()
    assert httpx.get(f"{hindcast.url}/v1/tables/kept").json()["words"] == 2


def test_nothing_outlives_a_killed_supervisor_and_starting_again_goes_on(hindcast: Hindcast) -> None:
    assert hindcast.process is not None
    processes = psutil.Process(hindcast.process.pid).children(recursive=True)
    hindcast.end(signal.SIGKILL)
    hindcast.start()
    assert not [process for process in processes if lives(process)]
    assert httpx.get(f"{hindcast.url}/v1/tables/kept").json()["words"] == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_demonstration_that_is_stopped_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    text = tmp_path / "text"
    text.write_text("\n\n".join(f"A storm of the number {place} came up from the sea." for place in range(60)))
    demo = Hindcast(tmp_path / "home")
    demo.process = demo.command("demo", "--text", str(text))
    demo.wait_until(lambda: "queued (" in demo.output.read_text())
    processes = psutil.Process(demo.process.pid).children(recursive=True)
    assert len(processes) > len(PARTS)
    assert demo.end(number) == 130
    assert demo.output.read_text().splitlines()[-1] == "Stopped. The same command goes on where it was."
    assert not [process for process in processes if lives(process)]
    shutil.rmtree(postgres_folder(demo.home), ignore_errors=True)
