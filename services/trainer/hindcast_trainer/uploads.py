"""What a corpus is made of, checked line by line while it arrives. Never more than a line of it is held."""

import hashlib
import lzma
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, BinaryIO, Literal, Protocol

import zstandard
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hindcast.errors import InvalidInput

Format = Literal["text", "jsonl"]
SPLIT_NAME = r"^[a-z0-9_-]{1,32}$"
LONGEST_LINE = 64 * 1024**2
"""Bytes."""

_SLICE = 512
"""Compressed bytes that are unpacked at once: a few can stand for thousands of times as many."""
_BLOCK = 1 << 20
"""Unpacked bytes that are looked at at once."""


class DocumentLine(BaseModel):
    """One line of a jsonl file. Other fields than these may stand there and are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str | int | None = None
    """What a split is drawn by; where it lacks, the number of the line."""
    text: str | None = None
    """The document, its lines being paragraphs. Or:"""
    paragraphs: tuple[str, ...] | None = None
    domain: Annotated[str, Field(min_length=1)] | tuple[Annotated[str, Field(min_length=1)], ...] | None = None
    """Its label or labels."""
    split: Annotated[str, Field(pattern=SPLIT_NAME)] | None = None

    @model_validator(mode="after")
    def _has_text(self) -> "DocumentLine":
        if (self.text is None) == (self.paragraphs is None):
            raise ValueError("must have either text or paragraphs")
        if any("\0" in string for string in (*self.lines, *self.labels, str(self.id))):
            raise ValueError("has a NUL character")
        return self

    @property
    def lines(self) -> tuple[str, ...]:
        """Its paragraphs."""
        return self.paragraphs if self.paragraphs is not None else tuple((self.text or "").split("\n"))

    @property
    def labels(self) -> tuple[str, ...]:
        """Its domain labels."""
        return self.domain if isinstance(self.domain, tuple) else () if self.domain is None else (self.domain,)


@dataclass(frozen=True)
class Received:
    """An upload that has arrived whole and is what it says."""

    sha256: str
    """Of the body as it was sent, in hex."""
    bytes: int
    """Of the body as it was sent."""
    lines: int


class Upload:
    """An upload on its way into `sink`, which gets its lines in UTF-8: unpacked, without byte order mark, each ended by
    one line feed.

    InvalidInput, naming the line, for bytes that aren't UTF-8, broken or truncated compression, JSON that isn't a
    document, a line that is too long, or a file without text.
    """

    def __init__(self, sink: BinaryIO, *, format: Format, encoding: str | None = None) -> None:
        """`encoding` is the request's Content-Encoding."""
        name = (encoding or "identity").strip().lower()
        if name not in _ENCODINGS:
            raise InvalidInput.field("Content-Encoding", "must be gzip, xz or zstd, or not be there")
        self._unpacking = _Unpacking(name, _ENCODINGS[name])
        self._lines = _Lines(sink, format)
        self._digest = hashlib.sha256()
        self._bytes = 0

    def feed(self, body: bytes) -> None:
        """The next bytes of the body."""
        self._digest.update(body)
        self._bytes += len(body)
        for start in range(0, len(body), _BLOCK):
            self._unpacking.feed(body[start : start + _BLOCK], self._lines)

    def close(self) -> Received:
        """The body has ended."""
        if self._bytes == 0:
            raise InvalidInput.field("body", "is empty: there must be text")
        self._unpacking.close(self._lines)
        self._lines.close()
        return Received(self._digest.hexdigest(), self._bytes, self._lines.number)


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, /) -> bytes: ...


_ENCODINGS: Mapping[str, Callable[[], _Decompressor] | None] = {
    "identity": None,
    "gzip": lambda: zlib.decompressobj(wbits=31),
    "x-gzip": lambda: zlib.decompressobj(wbits=31),
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=256 * 1024**2),
    "zstd": lambda: zstandard.ZstdDecompressor().decompressobj(),
}


_PACKED: Mapping[bytes, str] = {
    b"\x1f\x8b": "gzip",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"PK\x03\x04": "zip",
}
"""By what such files begin with."""


class _Unpacking:
    """Compressed streams, of which one may follow another."""

    def __init__(self, name: str, start: Callable[[], _Decompressor] | None) -> None:
        self._name = name
        self._start = start
        self._current = start() if start else None

    def feed(self, packed: bytes, lines: "_Lines") -> None:
        if self._current is None:
            lines.feed(packed)
            return
        unpacked = bytearray()
        for start in range(0, len(packed), _SLICE):
            try:
                unpacked += self._unpack(packed[start : start + _SLICE])
            except (zlib.error, lzma.LZMAError, zstandard.ZstdError) as error:
                raise InvalidInput.field(lines.here, f"the {self._name} compression is broken: {error}") from error
            if len(unpacked) >= _BLOCK:
                lines.feed(bytes(unpacked))
                unpacked.clear()
        lines.feed(bytes(unpacked))

    def close(self, lines: "_Lines") -> None:
        if self._current is not None and not self._current.eof:
            raise InvalidInput.field(lines.here, f"the {self._name} compression breaks off")

    def _unpack(self, packed: bytes) -> bytes:
        unpacked = b""
        while packed and self._current and self._start:
            if self._current.eof:
                # xz streams may be followed by zeros.
                packed = packed.lstrip(b"\0")
                self._current = self._start() if packed else self._current
            unpacked += self._current.decompress(packed) if packed else b""
            packed = self._current.unused_data if self._current.eof else b""
        return unpacked


class _Lines:
    """Checks lines and passes them on."""

    def __init__(self, sink: BinaryIO, format: Format) -> None:
        self._sink = sink
        self._check = _check_text if format == "text" else _check_documents
        self._begun = bytearray()
        self._has_text = False
        self.number = 0
        """Lines passed on."""

    @property
    def here(self) -> str:
        return f"line {self.number + 1}"

    def feed(self, block: bytes) -> None:
        end = block.rfind(b"\n") + 1
        if end:
            self._pass_on(bytes(self._begun) + block[:end])
            self._begun.clear()
        self._begun += block[end:]
        if len(self._begun) > LONGEST_LINE:
            raise InvalidInput.field(self.here, f"is longer than {LONGEST_LINE // 1024**2} MiB")

    def close(self) -> None:
        if self._begun:
            self._pass_on(bytes(self._begun) + b"\n")
        if not self._has_text:
            raise InvalidInput.field("body", "has no text: all of its lines are blank")

    def _pass_on(self, lines: bytes) -> None:
        if self.number == 0:
            lines = lines.removeprefix(b"\xef\xbb\xbf")
        lines = lines.replace(b"\r\n", b"\n")
        self._check(lines, self.number + 1)
        self._sink.write(lines)
        self.number += lines.count(b"\n")
        self._has_text = self._has_text or not lines.isspace()


def _check_text(lines: bytes, number: int) -> None:
    try:
        lines.decode()
        wrong, message = lines.find(b"\0"), "has a NUL character: this is no text"
    except UnicodeDecodeError as error:
        wrong, message = error.start, "isn't UTF-8, as text must be"
    if wrong >= 0:
        if number == 1:
            _check_packed(lines)
        before = lines.count(b"\n", 0, wrong)
        raise InvalidInput.field(f"line {number + before}", message)


def _check_packed(beginning: bytes) -> None:
    """InvalidInput where a file that is no text is a compressed one."""
    for magic, name in _PACKED.items():
        if beginning.startswith(magic):
            right = (
                f"say Content-Encoding: {name}" if name in _ENCODINGS else "unpack it, or pack it by gzip, xz or zstd"
            )
            raise InvalidInput.field("body", f"is compressed by {name}: {right}")


def _check_documents(lines: bytes, number: int) -> None:
    _check_text(lines, number)
    for offset, line in enumerate(lines.split(b"\n")):
        if line and not line.isspace():
            document_of(line, number + offset)


_RIGHT: Mapping[object, str] = {
    "id": "must be a string or a number",
    "text": "must be a string",
    "paragraphs": "must be a list of strings",
    "domain": "must be a label, a list of labels or null; a label is a string that isn't empty",
    "split": "must be a name of 1 to 32 of the characters a-z, 0-9, _ and -",
}


def document_of(line: bytes, number: int) -> DocumentLine:
    """The document on that line of a jsonl file; InvalidInput naming the line and what would be right there."""
    try:
        return DocumentLine.model_validate_json(line)
    except ValidationError as error:
        raise InvalidInput.field(f"line {number}", _what_is_wrong(error)) from error


def _what_is_wrong(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    if first["type"] == "json_invalid":
        return f"is no JSON: {first['ctx']['error'].replace(' at line 1', ' at')}"
    if first["loc"]:
        return f"{first['loc'][0]} {_RIGHT[first['loc'][0]]}"
    return "must be an object" if first["type"] == "model_type" else first["msg"].removeprefix("Value error, ")
