"""What is uploaded: files, bytes, lines or documents, piece by piece."""

import json
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, cast

from hindcast_client.errors import WrongArgument
from hindcast_client.packings import packing_of

PIECE_BYTES = 1 << 16

Document = Mapping[str, Any]
"""A line of a `jsonl` corpus: `text` or `paragraphs`, and perhaps `id`, `domain`, `split`."""

Source = str | os.PathLike[str] | bytes | BinaryIO | Iterable[bytes] | Iterable[str] | Iterable[Document]
"""A file's path (a `str` is one, never a text), or what is in it: bytes, an open file, or whatever yields bytes, lines
of text or documents."""

OnSent = Callable[[int, int | None], None]
"""Told as an upload goes out: how many bytes of the source were sent, and of how many, where that is known. One that
goes on after its connection broke off tells no byte again; a small one, which begins again, begins again at 0."""

OnBegun = Callable[[str], None]
"""Told at which path the service keeps what has come of a large upload, until it is whole or deleted there."""

LARGE = 8 << 20
"""Uploads of more bytes go on where they broke off, if the service can do that."""

_UNPACKED_BY_SERVICES = ("gzip", "xz", "zstd")


@dataclass(frozen=True)
class Upload:
    """A body."""

    read: Callable[[], Iterator[bytes]]
    """From the beginning."""
    rereadable: bool
    """Whether `read` may be called twice."""
    size: int | None = None
    """Bytes of the source; None where nobody knows before its end."""
    jsonl: bool = False
    """Whether it is known to be documents as JSON lines."""
    encoding: str | None = None
    """What it is compressed with already."""
    compress: bool = False
    """Whether to compress it on its way, if it isn't."""
    on_progress: OnSent | None = None
    on_begun: OnBegun | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        """Of HTTP."""
        headers = {"content-type": "application/octet-stream"}
        if encoding := "gzip" if self._packs else self.encoding:
            headers["content-encoding"] = encoding
        if self.size is not None and not self._packs:
            headers["content-length"] = str(self.size)
        return headers

    def pieces(self) -> Iterator[bytes]:
        """From the beginning, as they are sent; progress is told of each that is."""
        told = 0
        self.tell(told)
        for piece in self.read_on():
            yield piece.content
            if piece.read > told:
                told = piece.read
                self.tell(told)

    def read_on(self) -> "Iterator[Piece]":
        """The same, and nobody is told."""
        packer = zlib.compressobj(wbits=31) if self._packs else None
        read = 0
        for content in chain.from_iterable(map(_slices, self.read())):
            read += len(content)
            if ready := packer.compress(content) if packer else content:
                yield Piece(ready, read)
        if packer:
            yield Piece(packer.flush(), read)

    def tell(self, read: int) -> None:
        """That so many bytes of the source were sent."""
        if self.on_progress is not None:
            self.on_progress(read, self.size)

    @property
    def _packs(self) -> bool:
        return self.compress and self.encoding is None


@dataclass(frozen=True)
class Piece:
    """Some of a body."""

    content: bytes
    """As it is sent."""
    read: int
    """Bytes of the source that had been read with it."""


def upload_of(source: Source, *, compress: bool = False, on_progress: OnSent | None = None) -> Upload:
    """What a source holds. OSError where there is no such file; WrongArgument for what can't be sent."""
    return replace(_upload(source), compress=compress, on_progress=on_progress)


def looked_into(upload: Upload) -> tuple[Upload, bool]:
    """The same upload, and whether it is large. One whose size nobody knows is read that far."""
    if upload.size is not None:
        return upload, upload.size > LARGE
    beginning, size, source = [], 0, upload.read()
    while size <= LARGE and (piece := next(source, None)) is not None:
        beginning.append(piece)
        size += len(piece)
    if not upload.rereadable:
        upload = replace(upload, read=lambda: chain(beginning, source))
    return upload, size > LARGE


def _upload(source: Source) -> Upload:
    if isinstance(source, str | os.PathLike):
        return _of_path(Path(source))
    if isinstance(source, bytes | bytearray | memoryview):
        content = bytes(source)
        return Upload(lambda: iter([content]), True, len(content), encoding=_compression(content))
    if hasattr(source, "read"):
        file = cast(BinaryIO, source)
        return Upload(lambda: _pieces(file), rereadable=False)
    if isinstance(source, Iterable):
        return _of_lines(cast("Iterable[bytes | str | Document]", source))
    right = "a path, bytes, an open file or something to iterate over"
    raise WrongArgument(f"must be {right}, not {type(source).__name__}")


def _of_path(path: Path) -> Upload:
    def read() -> Iterator[bytes]:
        with path.open("rb") as file:
            yield from _pieces(file)

    if not path.is_file():  # a pipe, say; or nothing, which shows now
        opened = path.open("rb")
        return Upload(lambda: _pieces(opened), rereadable=False)
    with path.open("rb") as file:
        encoding = _compression(file.read(8))
    return Upload(read, True, path.stat().st_size, jsonl=".jsonl" in path.suffixes, encoding=encoding)


def _of_lines(lines: Iterable[bytes | str | Document]) -> Upload:
    rereadable = not isinstance(lines, Iterator)
    iterator = iter(lines)
    first = list(_some(iterator))

    def read() -> Iterator[bytes]:
        return _joined(map(_line, lines if rereadable else chain(first, iterator)))

    encoding = _compression(first[0]) if first and isinstance(first[0], bytes) else None
    return Upload(read, rereadable, jsonl=bool(first) and isinstance(first[0], Mapping), encoding=encoding)


def _some(lines: Iterator[bytes | str | Document]) -> Iterator[bytes | str | Document]:
    """The first, if there is one."""
    for line in lines:
        yield line
        return


def _line(line: bytes | str | Document) -> bytes:
    if isinstance(line, bytes):
        return line
    try:
        text = line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise WrongArgument(f"a document must be what JSON can write, not {line!r:.80}: {error}") from error
    return text.encode() if text.endswith("\n") else text.encode() + b"\n"


def _joined(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Many short lines as few pieces."""
    piece = bytearray()
    for line in lines:
        piece += line
        if len(piece) >= PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)


def _slices(content: bytes) -> Iterator[bytes]:
    """Large ones in pieces."""
    step = PIECE_BYTES if len(content) > 2 * PIECE_BYTES else 2 * PIECE_BYTES
    return (content[start : start + step] for start in range(0, len(content), step))


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(PIECE_BYTES):
        yield piece


def _compression(head: bytes) -> str | None:
    packing = packing_of(head)
    return packing if packing in _UNPACKED_BY_SERVICES else None
