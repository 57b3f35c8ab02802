"""What is uploaded whole: files, and what Ctrl-C leaves of them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from hindcast_client.command_line.connection import Connection
from hindcast_client.command_line.failures import tell
from hindcast_client.command_line.progress import Shown, shown
from hindcast_client.command_line.sources import STANDARD_INPUT
from hindcast_client.errors import HindcastError
from hindcast_client.request import delete
from hindcast_client.uploads import Upload, upload_of

_MEGABYTE = 1_000_000
_SECONDS = 5.0
"""Whoever has pressed Ctrl-C doesn't wait longer for the server to drop what it has."""

File = Annotated[Path, typer.Argument(metavar="FILE|-", help="What is sent; - is standard input.", show_default=False)]


def upload(file: Path) -> Upload:
    """What is in it. OSError."""
    return upload_of(sys.stdin.buffer if file == STANDARD_INPUT else file)


def named(field: str, file: Path) -> str | None:
    """What a refusal means by its `body`, or by a line of it."""
    name = "standard input" if file == STANDARD_INPUT else str(file)
    if field == "body":
        return name
    return f"{name}: {field}" if field.startswith("line ") else None


class Sending:
    """An upload on its way."""

    def __init__(self, progress: Shown) -> None:
        self.begun: str | None = None
        """Where the server keeps what has come of it."""
        self.sent = 0
        self.size: int | None = None
        self._progress = progress

    def watched(self, upload: Upload, name: str) -> Upload:
        """The same upload, with a bar."""

        def began(path: str) -> None:
            self.begun = path

        return self._progress.uploading(replace(upload, on_progress=self._told, on_begun=began), name)

    def _told(self, sent: int, size: int | None) -> None:
        self.sent, self.size = sent, size


@contextmanager
def sending(to: Connection, things: str) -> Iterator[Sending]:
    """Shows how far an upload is, and says what Ctrl-C leaves of it: nothing, unless all of it was sent already.
    `hindcast THINGS` lists what becomes of such uploads."""
    upload = None
    try:
        with shown() as progress:
            upload = Sending(progress)
            yield upload
    except KeyboardInterrupt:
        if upload is not None:
            tell(_what_is_left(to, upload, things))
        raise


def _what_is_left(to: Connection, upload: Sending, things: str) -> str:
    if upload.size is not None and upload.sent >= upload.size:
        return f"All of it was sent before it was stopped: `hindcast {things}` shows whether it is there."
    left = "nothing of it is left on the server"
    if upload.begun is not None:
        try:
            with to.transport.open(delete(upload.begun), timeout=_SECONDS):
                pass
        except HindcastError:
            left = "the server, which doesn't answer, drops what it has of it in time"
    of_all = "" if upload.size is None else f" of {upload.size / _MEGABYTE:.1f}"
    again = "The same command sends it from its beginning."
    return f"Stopped after {upload.sent / _MEGABYTE:.1f}{of_all} MB: {left}. {again}"
