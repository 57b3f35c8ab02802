"""Stored corpora: folders of memory-mapped arrays, of which a reader holds no more than it looks at.

A corpus folder has `corpus.json` (format, statistics), `types.json` (its words; type 0 is `</s>`), `labels.json`, and
for each split a folder with `tokens.u32` (the type of every word, every sentence closed by 0), `sentences.u64`,
`paragraphs.u64` and `documents.u64` (where each unit ends in tokens; it starts where the one before ends) and
`document_labels.i32`. All numbers are little-endian.
"""

import json
import os
import sys
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from hindcast.errors import Corrupt, InvalidInput
from hindcast.text.pipeline import END, PipelineName, Sentence
from hindcast.text.vocabulary import END_ID, Vocabulary

FORMAT = 1
Unit = Literal["sentence", "paragraph", "document"]
UNITS: tuple[Unit, ...] = get_args(Unit)
NO_LABEL = -1
SEVERAL_LABELS = -2

Bounds = npt.NDArray[np.int64]
Ids = npt.NDArray[np.int64]

_CHUNK = 1 << 20
"""Tokens that are looked at or buffered at once."""


class CorpusWriter:
    """Writes a corpus into an empty folder, document by document, in little memory.

    A context manager; the corpus is there once `close` was called.
    """

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

    def add_document(self, paragraphs: Iterable[list[Sentence]], *, split: str, labels: Sequence[str] = ()) -> int:
        """Append a document and say how many tokens it has. Paragraphs without sentences, and a document without
        paragraphs, leave nothing behind."""
        if split not in self._splits:
            self._splits[split] = _SplitWriter(self._folder / split)
        label = self._label(labels)
        tokens = self._splits[split].add(paragraphs, self._types, label)
        if tokens:
            for name in set(labels):
                self._domains[name] = self._domains.get(name, 0) + 1
        return tokens

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

    def add(self, paragraphs: Iterable[list[Sentence]], types: _TypeIds, label: int) -> int:
        start = self._tokens.length
        for paragraph in paragraphs:
            for sentence in paragraph:
                self._tokens.extend(map(types.__getitem__, sentence))
                self._tokens.append(0)
                self._ends["sentence"].append(self._tokens.length)
            if paragraph:
                self._ends["paragraph"].append(self._tokens.length)
        if self._tokens.length > start:
            self._ends["document"].append(self._tokens.length)
            self._labels.append(label)
        return self._tokens.length - start

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
        if len(self._buffer) >= _CHUNK:
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


@dataclass(frozen=True)
class Split:
    """One part of a corpus (train, valid, …), mapped."""

    folder: Path

    @cached_property
    def tokens(self) -> npt.NDArray[np.uint32]:
        """The type of every token: [tokens]."""
        return _mapped(self.folder / "tokens.u32", "<u4")

    def ends(self, unit: Unit) -> npt.NDArray[np.uint64]:
        """Where each unit ends, in tokens: [units], rising."""
        return _mapped(self.folder / f"{unit}s.u64", "<u8")

    @cached_property
    def document_labels(self) -> npt.NDArray[np.int32]:
        """For each document the index of its label, or NO_LABEL, or SEVERAL_LABELS: [documents]."""
        return _mapped(self.folder / "document_labels.i32", "<i4")


def _mapped(path: Path, dtype: str) -> npt.NDArray[Any]:
    return np.asarray(np.memmap(path, dtype=dtype, mode="r"))


@dataclass(frozen=True)
class Corpus:
    """A stored corpus."""

    folder: Path
    statistics: Mapping[str, Any]
    """`documents, paragraphs, sentences, tokens` (words and one `</s>` a sentence)`, words, types` (without `</s>`)`,
    splits, domains, pipeline` and what the writer was told."""

    @classmethod
    def open(cls, folder: Path) -> "Corpus":
        """Open a corpus folder; Corrupt where it is not what a CorpusWriter leaves."""
        try:
            described = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))
            corpus = cls(folder, described["statistics"])
            sound = described["format"] == FORMAT and all(
                os.path.getsize(folder / name / "tokens.u32") == 4 * counts["tokens"]
                and all(os.path.getsize(folder / name / f"{u}s.u64") == 8 * counts[f"{u}s"] for u in UNITS)
                for name, counts in corpus.statistics["splits"].items()
            )
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise Corrupt(f"The corpus in {folder.name} can't be read.") from error
        if not sound:
            raise Corrupt(f"The corpus in {folder.name} has files of a wrong size or another format.")
        return corpus

    @property
    def pipeline(self) -> PipelineName:
        """What split its text into words."""
        name: PipelineName = self.statistics["pipeline"]
        return name

    @property
    def splits(self) -> tuple[str, ...]:
        """The names of its splits that have any text."""
        return tuple(name for name, counts in self.statistics["splits"].items() if counts["tokens"])

    @cached_property
    def types(self) -> tuple[str, ...]:
        """Its words in the order of their first appearance, after `</s>`."""
        return tuple(json.loads((self.folder / "types.json").read_text(encoding="utf-8")))

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The domain labels of its documents."""
        return tuple(json.loads((self.folder / "labels.json").read_text(encoding="utf-8")))

    def split(self, name: str) -> Split:
        """One of its splits; KeyError where there is none of that name."""
        if name not in self.splits:
            raise KeyError(name)
        return Split(self.folder / name)


class CorpusReference(BaseModel):
    """What text is meant: a corpus, or parts of one or several that share a pipeline.

    Read from an id or a name, `{"corpus": …}` or `{"corpora": […]}`; kept in the last form.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    corpora: tuple[str, ...] = Field(min_length=1)
    """Ids or names."""
    split: str | None = None
    """That split alone; without it, all of each corpus."""
    limit_tokens: int | None = Field(default=None, ge=1)
    """At most so many tokens: a beginning of each, in proportion to their sizes, cut at the end of a sentence."""

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, data: Any) -> Any:
        if isinstance(data, str):
            return {"corpora": [data]}
        if isinstance(data, Mapping) and "corpus" in data:
            if "corpora" in data or not isinstance(data["corpus"], str):
                raise ValueError("corpus must be one id or name, and not stand beside corpora")
            return {"corpora": [data["corpus"]], **{key: data[key] for key in data if key != "corpus"}}
        return data

    @model_validator(mode="after")
    def _no_corpus_twice(self) -> "CorpusReference":
        if len(set(self.corpora)) < len(self.corpora):
            raise ValueError("corpora must not name a corpus twice")
        return self


@dataclass(frozen=True)
class _Part:
    """The first `stop` tokens of a split."""

    corpus: Corpus
    split: Split
    stop: int

    def ends(self, unit: Unit) -> Bounds:
        ends = self.split.ends(unit)
        whole = int(np.searchsorted(ends, self.stop))
        return np.append(ends[:whole].astype(np.int64), self.stop)

    def cut(self, quota: int) -> "_Part":
        ends = self.split.ends("sentence")
        within = int(np.searchsorted(ends, min(quota, self.stop), side="right"))
        return _Part(self.corpus, self.split, int(ends[within - 1]) if within else 0)


@dataclass(frozen=True)
class Text:
    """What a corpus reference stands for: parts of corpora that share a pipeline, seen as one text."""

    parts: tuple[_Part, ...]

    @classmethod
    def resolve(cls, reference: CorpusReference, open: Callable[[str], Corpus], *, field: str = "corpus") -> "Text":
        """The text of a reference that stands at `field`; `open` finds a corpus by its id.

        InvalidInput where a corpus lacks the split, the pipelines differ, or the limit leaves no sentence.
        """
        corpora = [open(id) for id in reference.corpora]
        if len({corpus.pipeline for corpus in corpora}) > 1:
            names = ", ".join(corpus.pipeline for corpus in corpora)
            raise InvalidInput.field(f"{field}.corpora", f"must share one pipeline, but have {names}")
        parts = [part for corpus in corpora for part in _parts(corpus, reference.split, field)]
        if reference.limit_tokens is not None:
            total = sum(part.stop for part in parts)
            parts = [part.cut(reference.limit_tokens * part.stop // total) for part in parts]
        parts = [part for part in parts if part.stop]
        if not parts:
            raise InvalidInput.field(f"{field}.limit_tokens", "is less than a sentence of the text")
        return cls(tuple(parts))

    @property
    def pipeline(self) -> PipelineName:
        """What split the text into words, and must split whatever is compared with it."""
        return self.parts[0].corpus.pipeline

    @property
    def tokens(self) -> int:
        """Words and one `</s>` a sentence."""
        return sum(part.stop for part in self.parts)

    @property
    def sentences(self) -> int:
        """How many sentences."""
        return self.units("sentence")

    @property
    def words(self) -> int:
        """Tokens without `</s>`."""
        return self.tokens - self.sentences

    def units(self, unit: Unit) -> int:
        """How many sentences, paragraphs or documents, a last one that is cut short among them."""
        return sum(len(part.ends(unit)) for part in self.parts)

    def counts(self) -> dict[str, int]:
        """How often each word occurs, and `</s>`; in the order of their first appearance in the corpora."""
        counts: dict[str, int] = {}
        for part in self.parts:
            types = part.corpus.types
            occurrences = np.zeros(len(types), dtype=np.int64)
            for start in range(0, part.stop, _CHUNK):
                chunk = part.split.tokens[start : min(start + _CHUNK, part.stop)]
                occurrences += np.bincount(chunk, minlength=len(types))
            for id in np.flatnonzero(occurrences).tolist():
                counts[types[id]] = counts.get(types[id], 0) + int(occurrences[id])
        return counts

    def encoded(self, vocabulary: Vocabulary) -> "EncodedText":
        """The text in the ids of a vocabulary; nothing is copied."""
        names: dict[str, int] = {}
        parts = []
        for part in self.parts:
            label_ids = [names.setdefault(name, len(names)) for name in part.corpus.labels]
            parts.append(
                _EncodedPart(
                    types=part.split.tokens[: part.stop],
                    ids=vocabulary.encode(part.corpus.types),
                    ends={unit: part.ends(unit) for unit in UNITS},
                    # The last two entries are met by the indices -2 (several labels) and -1 (none).
                    labels=np.array([*label_ids, SEVERAL_LABELS, NO_LABEL])[part.split.document_labels],
                )
            )
        return EncodedText(tuple(parts), label_names=tuple(names))


def _parts(corpus: Corpus, split: str | None, field: str) -> list[_Part]:
    if split is not None and split not in corpus.splits:
        there = ", ".join(corpus.splits)
        raise InvalidInput.field(f"{field}.split", f"there is no text in {split}: the corpus has {there}")
    splits = [corpus.split(name) for name in ([split] if split is not None else corpus.splits)]
    return [_Part(corpus, chosen, len(chosen.tokens)) for chosen in splits]


@dataclass(frozen=True)
class _EncodedPart:
    types: npt.NDArray[np.integer[Any]]
    ids: Ids
    """The vocabulary's id of each type."""
    ends: Mapping[Unit, Bounds]
    labels: npt.NDArray[np.int64]


class EncodedText:
    """A text as ids of a vocabulary, looked up when they are asked for. `len` is its tokens, each `</s>` among them."""

    def __init__(self, parts: Sequence[_EncodedPart], *, label_names: Sequence[str] = ()) -> None:
        self._parts = tuple(parts)
        self._starts = np.cumsum([0, *(len(part.types) for part in self._parts)], dtype=np.int64)
        self.label_names = tuple(label_names)
        """The domain labels that `labels` counts."""

    @classmethod
    def of(cls, documents: Iterable[Sequence[Sentence]], vocabulary: Vocabulary) -> "EncodedText":
        """Sentences at hand, such as those of a request; a document is one paragraph. Empty documents vanish."""
        encoded = [vocabulary.encode([w for s in document for w in (*s, END)]) for document in documents]
        encoded = [document for document in encoded if len(document)]
        ids = np.concatenate([np.zeros(0, np.int64), *encoded])
        documents_end = np.cumsum([len(document) for document in encoded], dtype=np.int64)
        ends: dict[Unit, Bounds] = {
            "sentence": np.flatnonzero(ids == END_ID) + 1,
            "paragraph": documents_end,
            "document": documents_end,
        }
        labels = np.full(len(encoded), NO_LABEL)
        return cls([_EncodedPart(ids, np.arange(len(vocabulary)), ends, labels)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def unit_bounds(self, unit: Unit) -> tuple[Bounds, Bounds]:
        """Where each unit starts and ends, in tokens of the whole text: int64 [units] each."""
        ends = np.concatenate(
            [part.ends[unit] + start for part, start in zip(self._parts, self._starts[:-1], strict=True)]
        )
        return np.concatenate([[0], ends[:-1]]).astype(np.int64), ends

    def tokens(self, start: int, end: int) -> Ids:
        """The ids of a stretch: int64 [end - start]."""
        pieces = [
            part.ids[part.types[max(start - first, 0) : max(end - first, 0)]]
            for part, first in zip(self._parts, self._starts[:-1].tolist(), strict=True)
        ]
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def take(self, positions: npt.NDArray[np.int64]) -> Ids:
        """The ids at these positions: int64, of their shape."""
        if len(self._parts) == 1:
            return self._parts[0].ids[self._parts[0].types[positions]]
        ids = np.empty(positions.shape, dtype=np.int64)
        owner = np.searchsorted(self._starts, positions, side="right") - 1
        for index in np.unique(owner).tolist():
            here = owner == index
            part = self._parts[index]
            ids[here] = part.ids[part.types[positions[here] - self._starts[index]]]
        return ids

    def labels(self, unit: Unit) -> npt.NDArray[np.int64]:
        """For each unit the index in `label_names` of its document's label, or NO_LABEL, or SEVERAL_LABELS."""
        labels = np.concatenate([part.labels[: len(part.ends["document"])] for part in self._parts])
        starts, _ = self.unit_bounds(unit)
        _, document_ends = self.unit_bounds("document")
        of_units: npt.NDArray[np.int64] = labels[np.searchsorted(document_ends, starts, side="right")]
        return of_units
