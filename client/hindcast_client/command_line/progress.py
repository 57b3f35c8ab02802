"""How far a command is, for whoever watches. What isn't a terminal sees nothing of it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from hindcast_client.uploads import Upload

_MEGABYTE = 1_000_000


class Shown:
    """A bar for what was sent, one for what was answered, or one that only says that there is something to wait for."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.lines_sent = 0

    def waiting(self, what: str) -> None:
        """For something whose end nobody can foresee."""
        self._progress.add_task(what, total=None, told="")

    def sending(self, pieces: Iterator[bytes], total: int | None) -> Iterator[bytes]:
        """The same pieces."""
        task, sent = self._progress.add_task("sent", total=total, told=""), 0
        for piece in pieces:
            yield piece
            sent += len(piece)
            self.lines_sent += piece.count(b"\n")
            of_all = "" if total is None else f" of {total / _MEGABYTE:.1f}"
            self._progress.update(task, completed=sent, told=f"{sent / _MEGABYTE:.1f}{of_all} MB")
        self._complete(task, sent)

    def uploading(self, upload: Upload, name: str) -> Upload:
        """The same upload, with a bar."""
        what = "standard input" if name == "-" else name
        task = self._progress.add_task(f"sending {what}", total=upload.size, told="")

        def sent(bytes: int, total: int | None) -> None:
            of_all = "" if total is None else f" of {total / _MEGABYTE:.1f}"
            self._progress.update(task, completed=bytes, total=total, told=f"{bytes / _MEGABYTE:.1f}{of_all} MB")
            if upload.on_progress is not None:
                upload.on_progress(bytes, total)

        return replace(upload, on_progress=sent)

    def answering(self, pieces: Iterator[bytes], *, lists: int | None, by_line: bool) -> Iterator[bytes]:
        """The same pieces. `lists` is how many are expected, `by_line` whether each is a line: else bytes are told."""
        task, bytes, answered = self._progress.add_task("answered", total=lists, told=""), 0, 0
        for piece in pieces:
            bytes += len(piece)
            answered += piece.count(b"\n")
            of_all = "" if lists is None else f" of {lists}"
            told = f"{answered}{of_all} lists" if by_line else f"{bytes / _MEGABYTE:.1f} MB"
            self._progress.update(task, completed=answered if by_line else bytes, told=told)
            yield piece
        self._complete(task, answered if by_line else bytes)

    def stop(self) -> None:
        """For good: somebody else writes to the terminal now."""
        self._progress.stop()

    def _complete(self, task: TaskID, done: int) -> None:
        self._progress.update(task, total=done, completed=done)


@contextmanager
def shown(*, transient: bool = False) -> Iterator[Shown]:
    """Bars on standard error, where that's a terminal; transient ones are gone when all is done."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[told]}"),
        TimeElapsedColumn(),
    )
    # Asked of the stream: a console takes FORCE_COLOR for a terminal too.
    nobody_watches = not sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), disable=nobody_watches, transient=transient) as progress:
        yield Shown(progress)
