"""Stored corpora: folders of memory-mapped arrays, of which a reader holds no more than it looks at.

A corpus folder has `corpus.json` (format, statistics), `types.json` (its words; type 0 is `</s>`), `labels.json`, and
for each split a folder with `tokens.u32` (the type of every word, every sentence closed by 0), `sentences.u64`,
`paragraphs.u64` and `documents.u64` (where each unit ends in tokens; it starts where the one before ends) and
`document_labels.i32`. All numbers are little-endian.
"""

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict, Field, model_validator

from hindcast.errors import Corrupt, InvalidInput
from hindcast.json_model import JsonModel
from hindcast.text.pipeline import END, PipelineName, Sentence
from hindcast.text.vocabulary import END_ID, Vocabulary

FORMAT = 1
Unit = Literal["sentence", "paragraph", "document"]
UNITS: tuple[Unit, ...] = get_args(Unit)
NO_LABEL = -1
SEVERAL_LABELS = -2
_END_TYPE = 0

Bounds = npt.NDArray[np.int64]
Ids = npt.NDArray[np.int64]

_CHUNK = 1 << 20
"""Tokens that are looked at at once."""


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


class CorpusReference(JsonModel):
    """What text is meant: a corpus, or parts of one or several that share a pipeline.

    Read from an id or a name, `{"corpus": …}` or `{"corpora": […]}`; kept in the last form.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        str_max_length=200,
        use_attribute_docstrings=True,
        json_schema_extra={"examples": ["news", {"corpus": "news", "split": "train"}]},
    )

    corpora: tuple[str, ...] = Field(min_length=1)
    """Ids or names; one alone may be written as `corpus`."""
    split: str | None = Field(default=None, min_length=1)
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
class Excerpt:
    """One unit of a text, for people to read."""

    corpus: Corpus
    split: str
    document: int
    """The number, from 0, of the document that it is in, within the split."""
    label: str | None
    """The document's; None where it has none, or several."""
    words: Sequence[str]
    """As its pipeline split them, without `</s>`."""


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

    def excerpts(self, unit: Unit, places: Sequence[int]) -> list[Excerpt]:
        """These of its units, which are numbered through all parts from 0."""
        ends = [part.ends(unit) for part in self.parts]
        firsts = np.cumsum([0, *map(len, ends)])
        found = []
        for place in places:
            index = int(np.searchsorted(firsts, place, side="right")) - 1
            within = place - int(firsts[index])
            start = int(ends[index][within - 1]) if within else 0
            found.append(_excerpt(self.parts[index], start, int(ends[index][within])))
        return found

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


def _excerpt(part: _Part, start: int, end: int) -> Excerpt:
    split, corpus = part.split, part.corpus
    document = int(np.searchsorted(split.ends("document"), start, side="right"))
    label = int(split.document_labels[document])
    return Excerpt(
        corpus=corpus,
        split=split.folder.name,
        document=document,
        label=corpus.labels[label] if label >= 0 else None,
        words=[corpus.types[type] for type in split.tokens[start:end].tolist() if type != _END_TYPE],
    )


def _parts(corpus: Corpus, split: str | None, field: str) -> list[_Part]:
    if split is not None and split not in corpus.splits:
        there = ", ".join(corpus.splits)
        raise InvalidInput.field(f"{field}.split", f"there is no text in {split}: the corpus has {there}")
    splits = [corpus.split(name) for name in ([split] if split is not None else corpus.splits)]
    return [_Part(corpus, chosen, len(chosen.tokens)) for chosen in splits]


@dataclass(frozen=True)
class _EncodedPart:
    types: npt.NDArray[Any]
    ids: Ids
    """The vocabulary's id of each type."""
    ends: Mapping[Unit, Bounds]
    labels: npt.NDArray[np.int64]

    def take(self, positions: npt.NDArray[np.int64] | slice) -> Ids:
        ids: Ids = self.ids[self.types[positions]]
        return ids


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
            part.take(slice(max(start - first, 0), max(end - first, 0)))
            for part, first in zip(self._parts, self._starts[:-1].tolist(), strict=True)
        ]
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def take(self, positions: npt.NDArray[np.int64]) -> Ids:
        """The ids at these positions: int64, of their shape."""
        if len(self._parts) == 1:
            return self._parts[0].take(positions)
        ids = np.empty(positions.shape, dtype=np.int64)
        owner = np.searchsorted(self._starts, positions, side="right") - 1
        for index in np.unique(owner).tolist():
            here = owner == index
            ids[here] = self._parts[index].take(positions[here] - self._starts[index])
        return ids

    def labels(self, unit: Unit) -> npt.NDArray[np.int64]:
        """For each unit the index in `label_names` of its document's label, or NO_LABEL, or SEVERAL_LABELS."""
        labels = np.concatenate([part.labels[: len(part.ends["document"])] for part in self._parts])
        starts, _ = self.unit_bounds(unit)
        _, document_ends = self.unit_bounds("document")
        of_units: npt.NDArray[np.int64] = labels[np.searchsorted(document_ends, starts, side="right")]
        return of_units
