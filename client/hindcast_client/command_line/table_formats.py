"""Which format a file of vectors seems to be in, for whoever has named another."""

import zlib
from pathlib import Path

from hindcast_client.command_line.sources import STANDARD_INPUT
from hindcast_client.packings import packing_of

_HEAD_BYTES = 1 << 16
_LENGTH_BYTES = 8
"""Of the header of a safetensors file, which comes after them."""


def advice(file: Path, format: str) -> str | None:
    """What to do about a file that was refused as being of a format; None where that isn't plain."""
    if file == STANDARD_INPUT or not file.is_file():
        return None
    with file.open("rb") as opened:
        head = opened.read(_HEAD_BYTES)
    packing = packing_of(head)
    if packing not in (None, "gzip"):  # which alone services unpack tables of
        return f"It is packed by {packing}: unpack it, or pack it by gzip."
    seen = _format_of(_unpacked(head))
    if seen is None or seen == format or {seen, format} == {"word2vec-text", "fasttext-vec"}:
        return None
    return f"It looks like {seen}: try --format {seen}."


def _unpacked(head: bytes) -> bytes:
    if packing_of(head) != "gzip":
        return head
    try:
        return zlib.decompressobj(wbits=31).decompress(head, _HEAD_BYTES)
    except zlib.error:
        return b""


def _format_of(head: bytes) -> str | None:
    if head[_LENGTH_BYTES : _LENGTH_BYTES + 1] == b"{" and int.from_bytes(head[:_LENGTH_BYTES], "little") > 1:
        return "safetensors"
    first, _, rest = head.partition(b"\n")
    columns = first.split()
    if len(columns) == 2 and all(column.isdigit() for column in columns):
        return "word2vec-text" if _numbers(rest.partition(b"\n")[0]) == int(columns[1]) else "word2vec-binary"
    return "glove" if _numbers(first) > 1 else None


def _numbers(line: bytes) -> int:
    """That stand on it after a word; 0 where something else does."""
    try:
        return len([float(number) for number in line.split()[1:]])
    except ValueError:
        return 0
