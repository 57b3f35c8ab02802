"""Processes of our own: each in its own process group, its output in a file, none outliving us."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
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

    arguments: Sequence[str]
    log: Path
    """Its output is appended here."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Set on top of our own environment."""
    account: Account | None = None
    """None: ours."""
    inherits: Sequence[int] = ()
    """File descriptors that it shares with us."""
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
                    pass_fds=command.inherits,
                    # An unprivileged account may not be let into our own working directory.
                    cwd="/" if account else None,
                    preexec_fn=_end_with_parent(command.stop[0][0]),
                    user=account.user if account else None,
                    group=account.group if account else None,
                    extra_groups=[] if account else None,
                )
        except OSError as error:
            raise CannotStart(f"{command.arguments[0]} can't be run: {error}.") from error

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

    def wait(self) -> int:
        """Its exit status, when it has ended."""
        return self._process.wait()

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


class Part(ABC):
    """A part of Hindcast that is one child process, and can be started again when that has ended."""

    def __init__(self, name: str, *, log: Path) -> None:
        """`name` is for people: "PostgreSQL"."""
        self.name = name
        self.log = log
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._child.pid if self._child and self._child.running else None

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._child is not None and self._child.running

    @property
    def end(self) -> str:
        """How its process ended, for a person: "SIGKILL", "exit status 1"."""
        status = self._child.exit_status if self._child else None
        if status is None:
            return "nothing"
        return signal.Signals(-status).name if status < 0 else f"exit status {status}"

    @abstractmethod
    def start(self) -> None:
        """Start it, and what is left of an earlier process of it ended; CannotStart."""

    def stop(self) -> None:
        """End it in good order."""
        if self._child is not None:
            self._child.stop()

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._child is not None:
            self._child.kill()

    def cannot_start(self) -> CannotStart:
        """The error that says that it did not start, with the end of its log."""
        return CannotStart(f"{self.name} did not start. The end of {self.log}:\n{last_lines(self.log)}")


class Program(Part):
    """A part that serves as soon as its process runs."""

    def __init__(self, name: str, command: Command) -> None:
        super().__init__(name, log=command.log)
        self._command = command

    def start(self) -> None:
        """Start it; CannotStart."""
        self.kill()
        self._child = Child(self._command)


def last_lines(log: Path, count: int = 5, *, since: int = 0) -> str:
    """The end of a log, for a message about why something failed; nothing of its first `since` bytes."""
    try:
        lines = log.read_bytes()[since:].decode(errors="replace").splitlines()
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
