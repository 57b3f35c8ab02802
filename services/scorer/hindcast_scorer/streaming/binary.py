"""Binary frames of a stream, whose layout `hindcast_scorer.streaming` tells.

Shapes: E pairs of a state and a word, N states.
"""

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hindcast.errors import InvalidInput
from hindcast_scorer.streaming.frames import MalformedFrame

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

SCORE = 1
RELEASE = 2

_MAGIC = b"HCS1"
_HEADER = struct.Struct("<4sB3xII")
_ANSWER = struct.Struct("<4sB3xIIQ")
_ITEM_BYTES = {SCORE: 12, RELEASE: 8}


@dataclass(frozen=True)
class BinaryFrame:
    """One request."""

    kind: int
    """SCORE or RELEASE."""
    id: int
    states_N: Integers
    words_N: Integers
    """Of a SCORE; empty in a RELEASE."""


def read_binary(frame: bytes) -> BinaryFrame:
    """MalformedFrame, naming the part of the layout."""
    if len(frame) < _HEADER.size:
        raise _malformed("header", f"must have {_HEADER.size} bytes, not {len(frame)}")
    magic, kind, id, count = _HEADER.unpack_from(frame)
    if magic != _MAGIC:
        raise _malformed("header.magic", f"must be {_MAGIC.decode()}")
    if kind not in _ITEM_BYTES:
        raise _malformed("header.kind", f"must be {SCORE} (score) or {RELEASE} (release), not {kind}", id)
    expected = _HEADER.size + count * _ITEM_BYTES[kind]
    if len(frame) != expected:
        raise _malformed("header.count", f"{count} items take {expected} bytes, and the frame has {len(frame)}", id)
    states_N = np.frombuffer(frame, "<i8", count, _HEADER.size).astype(np.int64)
    words_N = np.frombuffer(frame, "<i4", count if kind == SCORE else 0, _HEADER.size + 8 * count).astype(np.int64)
    return BinaryFrame(kind, id, states_N, words_N)


def write_binary(asked: BinaryFrame, states_E: Integers, log_probs_E: Reals, *, evicted: int) -> bytes:
    """The answer; both arrays are empty for a RELEASE."""
    header = _ANSWER.pack(_MAGIC, asked.kind, asked.id, len(states_E), evicted)
    return header + states_E.astype("<i8").tobytes() + log_probs_E.astype("<f4").tobytes()


def _malformed(field: str, message: str, id: int | None = None) -> MalformedFrame:
    return MalformedFrame(InvalidInput.field(field, message), id)
