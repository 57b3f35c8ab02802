"""What dies is started again, with patience, and all ends in reverse order."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from hindcast_standalone.child import CannotStart, Child, Command, Part, Program, last_lines
from hindcast_standalone.supervisor import Supervisor

SLEEP = "import time; time.sleep(600)"
"""Longer than any test: only a signal ends it."""


class Flaky(Part):
    """A part that starts at the second try of its restart."""

    def __init__(self, log: Path) -> None:
        super().__init__("Flaky", log=log)
        self.tries = 0

    def start(self) -> None:
        self.tries += 1
        if self.tries == 2:
            raise CannotStart("Flaky has no mind to start")
        self.kill()
        self._child = Child(command(SLEEP, self.log))


def command(code: str, log: Path) -> Command:
    return Command(arguments=[sys.executable, "-c", code], log=log)


def sleeper(tmp_path: Path, name: str = "Sleeper") -> Program:
    return Program(name, command(SLEEP, tmp_path / "log"))


def within_seconds(seconds: float, true: Callable[[], bool]) -> bool:
    """Whether it is true in time; it is looked at again and again."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def tend_until(supervisor: Supervisor, true: Callable[[], bool]) -> None:
    for _ in range(500):
        supervisor.tend()
        if true():
            return
        time.sleep(0.02)
    raise AssertionError("it never came about")


def test_a_killed_part_runs_again_and_a_person_is_told(tmp_path: Path) -> None:
    said: list[str] = []
    supervisor, part = Supervisor(said.append), sleeper(tmp_path)
    supervisor.start(part)
    first = part.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    tend_until(supervisor, lambda: len(said) > 1)  # it is told one look later than it runs
    assert part.running
    assert part.pid != first
    assert said[0].startswith("Sleeper ended (SIGKILL): starting it again now.")
    assert said[1] == f"Sleeper runs again (process {part.pid})."
    supervisor.stop()
    assert not part.running


def test_it_tries_again_where_starting_fails(tmp_path: Path) -> None:
    said: list[str] = []
    supervisor, part = Supervisor(said.append), Flaky(tmp_path / "log")
    supervisor.start(part)
    part.kill()
    tend_until(supervisor, lambda: part.running)
    assert part.tries == 3
    assert [sentence.split(".")[0] for sentence in said] == [
        "Flaky ended (SIGKILL): starting it again now",
        "Flaky has no mind to start: starting it again in 1 s",
        f"Flaky runs again (process {part.pid})",
    ]
    supervisor.stop()


def test_a_failed_first_start_is_the_callers_and_stop_ends_the_others(tmp_path: Path) -> None:
    supervisor, part = Supervisor(print), sleeper(tmp_path)
    supervisor.start(part)
    with pytest.raises(CannotStart, match="no-such-program can't be run"):
        supervisor.start(Program("Missing", Command(arguments=["no-such-program"], log=tmp_path / "log")))
    supervisor.stop()
    assert not part.running


def test_what_ignores_a_polite_request_is_killed(tmp_path: Path) -> None:
    code = "from signal import *; signal(SIGTERM, SIG_IGN); print('deaf', flush=True); pause()"
    log = tmp_path / "log"
    deaf = Program("Deaf", Command([sys.executable, "-c", code], log, stop=((signal.SIGTERM, 0.2),)))
    deaf.start()
    while "deaf" not in log.read_text():
        time.sleep(0.01)
    deaf.stop()
    assert deaf.end == "SIGKILL"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start ends survivors")
def test_children_end_with_a_killed_parent(tmp_path: Path) -> None:
    code = f"""
import sys, time
from pathlib import Path
from hindcast_standalone.child import Child, Command
child = Child(Command([sys.executable, "-c", {SLEEP!r}], Path({str(tmp_path / "log")!r})))
print(child.pid, flush=True)
time.sleep(600)
"""
    log = tmp_path / "parent"
    parent = Child(command(code, log))
    assert within_seconds(30, lambda: bool(log.read_text().split()))
    child = int(log.read_text())
    assert is_alive(child)
    os.kill(parent.pid, signal.SIGKILL)
    assert within_seconds(30, lambda: not is_alive(child))
    parent.kill()


def test_the_end_of_a_log_is_of_this_run_alone(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("failed before\n")
    written_before = log.stat().st_size
    with log.open("a") as stream:
        stream.write("failed now\n")
    assert last_lines(log, since=written_before) == "failed now"
    assert last_lines(log, 1) == "failed now"
    assert last_lines(tmp_path / "none") == ""
