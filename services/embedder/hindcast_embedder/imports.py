"""A file that somebody sent becomes an embedding table."""

import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from hindcast.errors import InvalidInput
from hindcast.nn.table_writer import TableWriter
from hindcast_embedder.formats import FORMATS, FormatName
from hindcast_embedder.formats.base import Rows


@dataclass(frozen=True)
class Imported:
    """What came of it."""

    words: int
    size: int
    skipped: Mapping[str, int]
    """Rows left out, by reason: `duplicate` (the first row of a word stays), `not_utf8`, `unusable` (no word at all,
    or one with a line break)."""


def import_table(file: BinaryIO, format: FormatName, folder: Path) -> Imported:
    """Read `file` into a table in the empty `folder`. InvalidInput, naming the line or row; the folder then holds no
    table. Vectors go to disk as they come; only the words are kept in memory."""
    skipped: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        incoming = FORMATS[format].read(file, Path(scratch))
        with TableWriter(folder, size=incoming.size) as writer:
            known: set[str] = set()
            for rows in incoming.batches:
                _append_new(rows, writer, known, skipped)
            if not known:
                raise InvalidInput.field("body", "has no word that can be used")
            writer.finish({"kind": "import", "source": format})
    return Imported(len(known), incoming.size, dict(skipped))


def _append_new(rows: Rows, writer: TableWriter, known: set[str], skipped: Counter[str]) -> None:
    words, kept = [], []
    for row, raw in enumerate(rows.words):
        word, problem = _word(raw)
        if word in known:
            problem = "duplicate"
        if problem is not None:
            skipped[problem] += 1
            continue
        known.add(word)
        words.append(word)
        kept.append(row)
    writer.append(words, rows.vectors if len(kept) == len(rows.words) else rows.vectors[np.array(kept, dtype=int)])


def _word(raw: bytes) -> tuple[str, str | None]:
    try:
        word = raw.decode("utf-8")
    except UnicodeDecodeError:
        return "", "not_utf8"
    return word, "unusable" if not word or len(word.splitlines()) > 1 or "\0" in word else None
