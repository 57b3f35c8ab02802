"""Writes a stored corpus, document by document, in little memory."""

import json
import sys
from array import array
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from hindcast.errors import InvalidInput
from hindcast.text.corpus import FORMAT, NO_LABEL, SEVERAL_LABELS, UNITS
from hindcast.text.pipeline import END, PipelineName, Sentence

_BUFFERED = 1 << 20
"""Numbers that are kept back before they are written."""


class CorpusWriter:
    """A corpus that is being written into an empty folder, and is there once `close` was called."""

    def __init__(self, folder: Path, *, pipeline: PipelineName, facts: Mapping[str, Any] | None = None) -> None:
        """`facts` are added to the statistics: where the text came from, how it was split."""
        self._folder = folder
        self._pipeline = pipeline
        self._facts = dict(facts or {})
        self._types = _TypeIds({END: 0})
        self._labels: dict[str, int] = {}
        self._domains: dict[str, int] = {}
        self._splits: dict[str, _SplitWriter] = {}

    def __enter__(self) -> "CorpusWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for split in self._splits.values():
            split.close()

    def add_document(self, paragraphs: Iterable[list[Sentence]], *, split: str, labels: Sequence[str] = ()) -> None:
        """Append a document. Paragraphs without sentences, and a document without paragraphs, leave nothing behind."""
        for paragraph in paragraphs:
            self.add_paragraph(paragraph, split=split)
        self.end_document(split=split, labels=labels)

    def add_paragraph(self, paragraph: list[Sentence], *, split: str) -> None:
        """Append to the document that the split is at."""
        if split not in self._splits:
            self._splits[split] = _SplitWriter(self._folder / split)
        self._splits[split].add_paragraph(paragraph, self._types)

    def end_document(self, *, split: str, labels: Sequence[str] = ()) -> None:
        """End the document that the split is at."""
        if split in self._splits and self._splits[split].end_document(self._label(labels)):
            for name in set(labels):
                self._domains[name] = self._domains.get(name, 0) + 1

    def close(self) -> dict[str, Any]:
        """Finish the folder and return its statistics. InvalidInput where the text has no word at all."""
        splits = {name: split.close() for name, split in self._splits.items()}
        totals = {name: sum(split[name] for split in splits.values()) for name in _COUNTS}
        if totals["words"] == 0:
            raise InvalidInput("The text has no words.")
        statistics = {
            **totals,
            "types": len(self._types) - 1,
            "splits": splits,
            "domains": dict(sorted(self._domains.items())),
            "pipeline": self._pipeline,
            **self._facts,
        }
        _write_json(self._folder / "types.json", list(self._types))
        _write_json(self._folder / "labels.json", list(self._labels))
        _write_json(self._folder / "corpus.json", {"format": FORMAT, "statistics": statistics})
        return statistics

    def _label(self, labels: Sequence[str]) -> int:
        ids = {self._labels.setdefault(name, len(self._labels)) for name in labels}
        return NO_LABEL if not ids else SEVERAL_LABELS if len(ids) > 1 else ids.pop()


class _TypeIds(dict[str, int]):
    """Numbers a word when it is first looked up."""

    def __missing__(self, word: str) -> int:
        id = self[word] = len(self)
        return id


_COUNTS = ("documents", "paragraphs", "sentences", "tokens", "words")


class _SplitWriter:
    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._tokens = _ArrayFile(folder / "tokens.u32", "I")
        self._ends = {unit: _ArrayFile(folder / f"{unit}s.u64", "Q") for unit in UNITS}
        self._labels = _ArrayFile(folder / "document_labels.i32", "i")
        self._last = 0

    def add_paragraph(self, paragraph: list[Sentence], types: _TypeIds) -> None:
        for sentence in paragraph:
            self._tokens.extend(map(types.__getitem__, sentence))
            self._tokens.append(0)
            self._ends["sentence"].append(self._tokens.length)
        if paragraph:
            self._ends["paragraph"].append(self._tokens.length)

    def end_document(self, label: int) -> bool:
        """False where nothing was added since the last one."""
        if self._tokens.length == self._last:
            return False
        self._last = self._tokens.length
        self._ends["document"].append(self._last)
        self._labels.append(label)
        return True

    def close(self) -> dict[str, int]:
        for file in (self._tokens, self._labels, *self._ends.values()):
            file.close()
        counts = {f"{unit}s": self._ends[unit].length for unit in UNITS}
        tokens = self._tokens.length
        return {
            "documents": counts["documents"],
            "paragraphs": counts["paragraphs"],
            "sentences": counts["sentences"],
            "tokens": tokens,
            "words": tokens - counts["sentences"],
        }


class _ArrayFile:
    """Numbers appended to a file, some at a time."""

    def __init__(self, path: Path, typecode: str) -> None:
        self._file: IO[bytes] = path.open("xb")
        self._buffer = array(typecode)
        self._written = 0

    @property
    def length(self) -> int:
        return self._written + len(self._buffer)

    def append(self, number: int) -> None:
        self._buffer.append(number)

    def extend(self, numbers: Iterable[int]) -> None:
        self._buffer.extend(numbers)
        if len(self._buffer) >= _BUFFERED:
            self._flush()

    def close(self) -> None:
        if not self._file.closed:
            self._flush()
            self._file.close()

    def _flush(self) -> None:
        if sys.byteorder == "big":
            self._buffer.byteswap()
        self._buffer.tofile(self._file)
        self._written += len(self._buffer)
        del self._buffer[:]


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
