"""Bodies that may be gzipped, may be tar archives. Nothing is ever unpacked to disk.

Sizes and paths are checked before anything is read: an archive can claim more than it has, or unpack to a thousand
times its size.
"""

import gzip
import io
import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol, cast

from hindcast.errors import InvalidInput

MAX_UNPACKED_BYTES = 1 << 30
"""Of a gzipped body, or of an archive, all together."""
MAX_MEMBER_BYTES = 1 << 26
"""Of one file in an archive that is read file by file."""
MAX_HELD_BYTES = 1 << 28
"""Of an archive that has to be held in memory as a whole."""

_BROKEN = (tarfile.TarError, zlib.error, OSError, EOFError, ValueError, OverflowError, LookupError)
"""What the libraries raise on archives that are none."""
_MAGIC = slice(257, 262)
_BLOCK = 512
_BUFFER = 1 << 16
_ODD = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")


@dataclass(frozen=True)
class Body:
    """What was sent, unzipped."""

    file: BinaryIO
    gzipped: bool
    """It was, and its answer is to be."""
    archive: bool
    """It's a tar archive."""


@dataclass(frozen=True)
class Member:
    """One file of an archive."""

    name: str
    content: bytes

    @property
    def file(self) -> BinaryIO:
        """To be read by lines."""
        return io.BytesIO(self.content)


def opened(body: BinaryIO) -> Body:
    """Looks at the first bytes to see what it is. The file that it gives back ends with InvalidInput where its
    compression is broken."""
    raw = io.BufferedReader(_Unpacked(body, most=None), _BUFFER)
    gzipped = raw.peek(2)[:2] == b"\x1f\x8b"
    if gzipped:
        raw = io.BufferedReader(_Unpacked(gzip.GzipFile(fileobj=raw), most=MAX_UNPACKED_BYTES), _BUFFER)
    head = raw.peek(_BLOCK)
    return Body(cast(BinaryIO, raw), gzipped, archive=head[_MAGIC] == b"ustar")


def members(file: BinaryIO, *, most: int = MAX_MEMBER_BYTES, together: int = MAX_UNPACKED_BYTES) -> Iterator[Member]:
    """The files of a tar archive in their order; folders and hidden files (such as macOS adds) are left aside.

    InvalidInput for whatever isn't a plain file, has a path that leads elsewhere, or has more than `most` bytes, and
    where all have more than `together`.
    """
    total = 0
    entries = _entries(file)
    for archive, entry in entries:
        if entry.isdir():
            continue
        _check(entry, most)
        if entry.name.rpartition("/")[2].startswith("."):
            continue
        total += entry.size
        if total > together:
            raise InvalidInput.field(entry.name, f"is too much: an archive may have {together} bytes in all")
        yield Member(entry.name.removeprefix("./"), _content(archive, entry))


def unzipped(member: Member, most: int = MAX_MEMBER_BYTES) -> bytes:
    """The content of a gzipped member. InvalidInput where that's broken, or more than `most` bytes."""
    file = io.BufferedReader(_Unpacked(gzip.GzipFile(fileobj=io.BytesIO(member.content)), most, member.name))
    return file.read()


def zipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """As gzip, without the time: equal content gives equal bytes."""
    packer = zlib.compressobj(wbits=31)
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()


def packed(files: Iterable[Member]) -> Iterator[bytes]:
    """As a tar archive, file by file."""
    for member in files:
        entry = tarfile.TarInfo(member.name)
        entry.size = len(member.content)
        yield entry.tobuf(tarfile.PAX_FORMAT) + member.content + bytes(-entry.size % _BLOCK)
    yield bytes(2 * _BLOCK)


def safe_name(name: str) -> bool:
    """Whether a path stays where it is put."""
    return not (
        not name or len(name) > 255 or name.startswith("/") or ".." in name.split("/") or _ODD.search(name) is not None
    )


class _Source(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Unpacked(io.RawIOBase):
    """A file that reads as much as is asked for, up to a limit. Doesn't close what it reads from."""

    def __init__(self, source: "_Source", most: int | None, name: str = "body") -> None:
        self._source = source
        self._left = most
        self._name = name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        read = 0
        while read < len(buffer) and (piece := self._read(len(buffer) - read)):
            buffer[read : read + len(piece)] = piece
            read += len(piece)
        if self._left is not None:
            self._left -= read
            if self._left < 0:
                raise InvalidInput.field(self._name, "unpacks to more than may be sent: send it in parts")
        return read

    def _read(self, size: int) -> bytes:
        try:
            return self._source.read(size)
        except (zlib.error, EOFError, gzip.BadGzipFile) as error:
            raise InvalidInput.field(self._name, f"is no whole gzip file: {error}") from error


class _Entry(tarfile.TarInfo):
    """tarfile takes whatever isn't a header for the end, and what follows is lost without a word."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> "_Entry":
        """The next one. HeaderError at the mark that ends an archive, as tarfile expects; ReadError where there is
        neither."""
        try:
            return super().fromtarfile(archive)
        except tarfile.HeaderError as error:
            if type(error).__name__ == "EOFHeaderError":  # which has no public name
                raise
            raise tarfile.ReadError(f"{error} at byte {archive.offset}, where it neither goes on nor ends") from error


def _entries(file: BinaryIO) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    try:
        archive = tarfile.open(fileobj=file, mode="r|", tarinfo=_Entry)  # noqa: SIM115 - it holds nothing open
        while (entry := archive.next()) is not None:
            yield archive, entry
            archive.members = []  # type: ignore[attr-defined] # else it remembers all: archives of 100,000 files occur
    except _BROKEN as error:
        raise InvalidInput.field("body", f"is no whole tar archive: {error}") from error


def _check(entry: tarfile.TarInfo, most: int) -> None:
    if not safe_name(entry.name):
        shown = ascii(entry.name[:100])
        raise InvalidInput.field("body", f"has a file {shown}: paths must stay within the archive and be plain text")
    if not entry.isreg() or entry.issparse():
        raise InvalidInput.field(entry.name, "must be a plain file: links, devices and sparse files are refused")
    if not 0 <= entry.size <= most:
        raise InvalidInput.field(entry.name, f"claims {entry.size} bytes: a file may have {most}")


def _content(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    try:
        file = archive.extractfile(entry)
        content = b"" if file is None else file.read()
    except _BROKEN as error:
        raise InvalidInput.field(entry.name, f"can't be read: {error}") from error
    if len(content) < entry.size:
        raise InvalidInput.field(entry.name, f"is cut short: has {len(content)} of {entry.size} bytes")
    return content
