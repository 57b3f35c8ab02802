"""What a command is given to send: a file, standard input, or files and folders that are packed on their way."""

import os
import sys
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hindcast_client.command_line.failures import Failure, wrong_usage
from hindcast_client.command_line.formats import format_of, format_of_members
from hindcast_client.packings import packing_of

STANDARD_INPUT = Path("-")
_PIECE_BYTES = 1 << 16
_BLOCK = 512


@dataclass(frozen=True)
class Source:
    """What is sent. `pieces` can be read once."""

    name: str
    """For sentences."""
    pieces: Iterator[bytes]
    bytes: int | None
    """How many there are, where that can be known."""
    format: str | None
    """Where it is plain to see."""
    file: Path | None
    """Where it is one."""
    gzipped: bool
    packed: bool
    """It is an archive that is made here."""
    empty: bool = False


@contextmanager
def source_of(paths: Sequence[Path]) -> Iterator[Source]:
    """What is at these paths. OSError; Failure where there is nothing."""
    if len(paths) == 1 and not paths[0].is_dir():
        with _opened(paths[0]) as file:
            yield _of_file(paths[0], file)
    elif STANDARD_INPUT in paths:
        wrong_usage("- is standard input, and can't be sent together with files.")
    else:
        yield _of_files(paths)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    if path == STANDARD_INPUT:
        yield sys.stdin.buffer
        return
    with path.open("rb") as file:
        yield file


def _of_file(path: Path, file: BinaryIO) -> Source:
    head = _head(file)
    named = path != STANDARD_INPUT
    return Source(
        name=str(path) if named else "standard input",
        pieces=_pieces(head, file),
        bytes=path.stat().st_size if path.is_file() else None,
        format=format_of(path.name, head),
        file=path if named else None,
        gzipped=packing_of(head) == "gzip",
        packed=False,
        empty=not head,
    )


def _head(file: BinaryIO) -> bytes:
    """As much as is there at first: a pipe's end may be far off."""
    head = b""
    while len(head) < _BLOCK and (piece := os.read(file.fileno(), _PIECE_BYTES)):
        head += piece
    return head


def _pieces(head: bytes, file: BinaryIO) -> Iterator[bytes]:
    yield head
    # Past Python's buffer, which would wait until it is full: what a pipe has goes on as soon as it is there.
    while piece := os.read(file.fileno(), _PIECE_BYTES):
        yield piece


def _of_files(paths: Sequence[Path]) -> Source:
    files = dict(_files(paths))
    if not files:
        wrong_usage(f"{paths[0]} has no files.")
    first = next(iter(files))
    with files[first].open("rb") as file:
        head = _head(file)
    return Source(
        name=str(paths[0]) if len(paths) == 1 else f"{len(files)} files",
        pieces=_archive(files.items()),
        bytes=sum(file.stat().st_size for file in files.values()),
        format=format_of_members(list(files)) or format_of(first, head),
        file=None,
        gzipped=False,
        packed=True,
    )


def _files(paths: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Each with the name that it has in the archive: within its folder, or its own. Hidden ones are left aside."""
    seen: set[str] = set()
    for path in paths:
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in inside:
            name = file.relative_to(path).as_posix() if path.is_dir() else file.name
            if file.is_dir() or any(part.startswith(".") for part in name.split("/")):
                continue
            if name in seen:
                wrong_usage(f"{file}: another file is called {name} too, and they would be taken for one.")
            seen.add(name)
            yield name, file


def _archive(files: Iterable[tuple[str, Path]]) -> Iterator[bytes]:
    """A tar archive, made while it is read."""
    for name, path in files:
        with path.open("rb") as file:
            entry = tarfile.TarInfo(name)
            entry.size = left = path.stat().st_size
            yield entry.tobuf(tarfile.PAX_FORMAT)
            while piece := file.read(min(left, _PIECE_BYTES)):
                left -= len(piece)
                yield piece
        if left:
            raise Failure(f"{path} became shorter while it was read.")
        yield bytes(-entry.size % _BLOCK)
    yield bytes(2 * _BLOCK)
