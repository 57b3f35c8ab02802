"""Where an answer goes. A file is there whole or not at all: it is written beside its place, then moved there."""

import sys
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from hindcast_client.command_line.failures import Failure

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Destination(Protocol):
    """Takes an answer piece by piece."""

    def take(self, pieces: Iterable[bytes]) -> None:
        """OSError; Failure where it isn't what was expected."""


@dataclass(frozen=True)
class StandardOutput:
    """As it comes, so that what reads a pipe needn't wait for the end."""

    def take(self, pieces: Iterable[bytes]) -> None:
        """See Destination."""
        for piece in pieces:
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()


@dataclass(frozen=True)
class OneFile:
    """A file, which may be the one that was sent. What is no plain file, such as a named pipe, is written to."""

    path: Path

    def take(self, pieces: Iterable[bytes]) -> None:
        """See Destination."""
        if self.path.exists() and not self.path.is_file():
            self._write(self.path, pieces)
            return
        place = self.path.resolve()
        with _beside(place) as folder:
            self._write(folder / place.name, pieces)
            (folder / place.name).replace(place)

    def _write(self, path: Path, pieces: Iterable[bytes]) -> None:
        with path.open("wb") as file:
            file.writelines(pieces)


@dataclass(frozen=True)
class Folder:
    """The files of an archive. None is there before all have come; those of other names stay."""

    path: Path

    def take(self, pieces: Iterable[bytes]) -> None:
        """See Destination."""
        place = self.path.resolve()
        with _beside(place) as folder:
            _unpack(pieces, folder)
            for file in sorted(folder.rglob("*")):
                if file.is_file():
                    target = place / file.relative_to(folder)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    file.replace(target)


def zipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """As gzip."""
    packer = zlib.compressobj(wbits=31)
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


@contextmanager
def _beside(place: Path) -> Iterator[Path]:
    """A folder from which files can be moved to a place at once, for it is on the same disk; gone afterwards."""
    with TemporaryDirectory(prefix=".hindcast-", dir=place if place.is_dir() else place.parent) as folder:
        yield Path(folder)


def _unpack(pieces: Iterable[bytes], folder: Path) -> None:
    try:
        with tarfile.open(fileobj=cast(BinaryIO, _Pieces(pieces)), mode="r|") as archive:
            for entry in archive:
                # Nothing that an archive says may lead out of its folder, whoever answered.
                inside = tarfile.data_filter(entry, str(folder))
                file = archive.extractfile(entry)
                if file is None:
                    continue
                target = folder / inside.name
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as copy:
                    copyfileobj(file, copy)
    except tarfile.TarError as error:
        raise Failure(f"The answer is no whole archive: {error}.") from error


class _Pieces(RawIOBase):
    """An iterator as a file."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        target = memoryview(buffer).cast("B")
        while not self._rest:
            if (piece := next(self._pieces, None)) is None:
                return 0
            self._rest = piece
        taken = self._rest[: len(target)]
        target[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)
