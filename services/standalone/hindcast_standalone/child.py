"""Processes of our own: each in its own process group, its output in a file, none outliving us."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hindcast.errors import HindcastError

PR_SET_PDEATHSIG = 1
"""From Linux's <sys/prctl.h>."""


class CannotStart(HindcastError):
    """A part of Hindcast can't be started."""


@dataclass(frozen=True)
class Account:
    """Whom a process runs as."""

    user: int
    group: int


@dataclass(frozen=True)
class Command:
    """What to run, and how to end it."""

    name: str
    """For people: "PostgreSQL"."""
    arguments: Sequence[str]
    log: Path
    """Its output is appended here."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Set on top of our own environment."""
    account: Account | None = None
    """None: ours."""
    stop: Sequence[tuple[signal.Signals, float]] = ((signal.SIGTERM, 10.0),)
    """Signals to ask with, each with the seconds it has to work; SIGKILL comes last by itself."""


class Child:
    """A running process. On Linux the kernel sends it the first of `command.stop` when the thread that started it ends,
    however that comes about; elsewhere a server that outlived us is found when the next one starts."""

    def __init__(self, command: Command) -> None:
        """CannotStart if the program can't be run."""
        self.command = command
        account = command.account
        try:
            with command.log.open("ab") as log:
                self._process = subprocess.Popen(
                    command.arguments,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **command.environment},
                    process_group=0,
                    cwd="/",
                    preexec_fn=_end_with_parent(command.stop[0][0]),
                    user=account.user if account else None,
                    group=account.group if account else None,
                    extra_groups=[] if account else None,
                )
        except OSError as error:
            raise CannotStart(f"{command.name} can't be run: {error}.") from error

    @property
    def pid(self) -> int:
        """Its process id, and the id of its process group."""
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._process.poll()

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self.exit_status is None

    def kill(self) -> None:
        """End it and its process group at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """Ask it to end, in the ways of `command.stop`, then end what is left of its process group."""
        for number, patience in self.command.stop:
            if not self.running:
                break
            self._process.send_signal(number)
            try:
                self._process.wait(patience)
            except subprocess.TimeoutExpired:
                continue
        self.kill()


def last_lines(log: Path, count: int = 5) -> str:
    """The end of a log, for a message about why something failed."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-count:])


def _end_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """What the new process does before its program starts, so that it hears of our end."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def prepare() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:
            os._exit(1)

    return prepare
