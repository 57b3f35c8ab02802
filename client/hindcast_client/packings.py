"""What packed files begin with."""

from collections.abc import Mapping

_BEGINNINGS: Mapping[str, bytes] = {
    "gzip": b"\x1f\x8b",
    "xz": b"\xfd7zXZ\x00",
    "zstd": b"\x28\xb5\x2f\xfd",
    "bzip2": b"BZh",
    "zip": b"PK\x03\x04",
}
LONGEST = max(map(len, _BEGINNINGS.values()))
"""So many bytes of a file tell."""


def packing_of(head: bytes) -> str | None:
    """By what a file that begins so is packed: gzip, xz, zstd, bzip2 or zip; None: by none of these."""
    return next((name for name, beginning in _BEGINNINGS.items() if head.startswith(beginning)), None)
