"""What the header of a KenLM binary says (lm/binary_format.cc of KenLM, format version 5, 64 bits, little-endian)."""

import struct
from pathlib import Path

from hindcast.errors import InvalidInput
from hindcast_scorer.ngrams.arpa import MAX_ORDER, NgramFacts

MAGIC = b"mmap lm http://kheafield.com/code"
_WHOLE_MAGIC = MAGIC + b" format version 5\n\0"
_SANITY = _WHOLE_MAGIC.ljust(56, b"\0") + struct.pack("<3f3IQ", 0.0, 1.0, -0.5, 1, 0xFFFF_FFFF, 0, 1)
_PARAMETERS = struct.Struct("<B3xfI?3xI")
"""Order, how many slots its hash tables have for an entry, kind of model, whether it lists its words, version."""
_LEAST_BYTES = 4
"""No kind of model needs less for an n-gram of the lowest order."""
KINDS = 6


def read_header(file: Path) -> NgramFacts:
    """How many n-grams there are. InvalidInput for what this build of KenLM can't have written, or that a file of that
    size can't hold: KenLM itself would multiply such numbers until they overflow."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        header = stream.read(len(_SANITY) + _PARAMETERS.size + 8 * MAX_ORDER)
    if not header.startswith(_SANITY):
        raise _wrong("is a KenLM binary of another version, or of another sort of machine: build it anew from the ARPA")
    if len(header) < len(_SANITY) + _PARAMETERS.size:
        raise _wrong("ends within its header")
    order, slots, kind, _, _ = _PARAMETERS.unpack_from(header, len(_SANITY))
    if not (2 <= order <= MAX_ORDER and 1.0 < slots <= 100.0 and kind < KINDS):
        raise _wrong(f"has a header that says order {order}, kind {kind}: orders are 2 to {MAX_ORDER}, kinds 0 to 5")
    place = len(_SANITY) + _PARAMETERS.size
    if len(header) < place + 8 * order:
        raise _wrong("ends within its header")
    counts = struct.unpack_from(f"<{order}Q", header, place)
    if max(counts) > size or counts[0] * _LEAST_BYTES > size:
        raise _wrong(f"has {size:,} bytes, too few for the {max(counts):,} n-grams of its header")
    return NgramFacts(counts)


def _wrong(message: str) -> InvalidInput:
    return InvalidInput.field("body", message)
