"""A folder for what a process writes on the way, which is removed even if the process is killed."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

_LOCK = ".lock"


@contextmanager
def own_folder(parent: Path) -> Iterator[Path]:
    """A fresh folder in `parent` for as long as the block lasts. What processes that were killed have left there is
    removed at its start."""
    parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        with _locked(parent):
            for other in parent.iterdir():
                if other.is_dir():
                    _remove_if_left(other)
            folder = parent / secrets.token_hex(8)
            folder.mkdir()
            held.enter_context(_locked(folder))
        held.callback(shutil.rmtree, folder, ignore_errors=True)
        yield folder


def _remove_if_left(folder: Path) -> None:
    """A lock that can be had belongs to nobody that lives."""
    try:
        with _locked(folder, wait=False):
            shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        pass


@contextmanager
def _locked(folder: Path, *, wait: bool = True) -> Iterator[None]:
    file = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(file)
