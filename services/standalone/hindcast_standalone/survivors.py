"""Servers of ours that outlived their supervisor: found by the folder they work in."""

import contextlib
import signal
import time
from pathlib import Path

import psutil

from hindcast_standalone.child import CannotStart


def processes_in(folder: Path, program: str) -> list[psutil.Process]:
    """Processes of `program` that have `folder` as their working directory. Unburied dead ones don't count."""
    found = []
    for process in psutil.process_iter(["name"]):
        try:
            if process.info["name"] == program and Path(process.cwd()) == folder.resolve():
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def end_survivors(folder: Path, program: str, *, leader: int | None = None, patience: float = 10.0) -> None:
    """Ask `leader`, if it is one of them, to shut down; after `patience` seconds end all that are left."""
    if any(process.pid == leader for process in processes_in(folder, program)):
        _send(psutil.Process(leader), signal.SIGINT)
    elif leader is None:
        patience = 0.0
    if _gone(folder, program, patience):
        return
    for process in processes_in(folder, program):
        _send(process, signal.SIGKILL)
    if not _gone(folder, program, 5.0):
        raise CannotStart(f"An older {program} still works in {folder} and can't be ended.")


def _send(process: psutil.Process, number: signal.Signals) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def _gone(folder: Path, program: str, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while processes_in(folder, program):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
    return True
