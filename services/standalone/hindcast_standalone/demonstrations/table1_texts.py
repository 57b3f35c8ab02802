"""The text of `make table1`: which documents of the data folder are learned, and which are held out.

A corpus is a folder with `documents.<split>.jsonl.gz`; a line is a document with `id`, `domain` and `paragraphs`.
"""

import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from hindcast.errors import InvalidInput
from hindcast.text.pipeline import PipelineName
from hindcast_standalone.demonstrations.files import reading

CORPORA = (
    *("reuters21578", "20newsgroups", "bbc_news", "ag_news", "abc_news", "brown", "masc"),
    *("novels", "movie_reviews", "speeches", "switchboard"),
)
"""All but wikitext-2 and ptb, which hold `<unk>` already. In train together 11.7 million words."""
WITH_DOMAINS = CORPORA[:7]
"""Those whose paragraphs are about a subject: 7 million words, as the paper's small set and a tenth of its large one.
The others tell stories or talk, and a paragraph of theirs is often no more than an utterance."""
OF_ANOTHER_KIND = ("novels", "speeches")
"""Literary and solemn text, as far from the mixture as this data goes: stands for the paper's Google News."""
PIPELINE: PipelineName = "asr"
"""Lower case, without punctuation. Switchboard and the film reviews are lower case in their source, so that case would
tell a model which corpus it reads; and these models are for speech recognisers, whose words have neither."""
LEARNED_TOO = ("unused",)
"""A split that is train text: the documents that the Reuters collection's usual split leaves over."""
HELD_OUT_SHARE = 0.05
"""Valid and test each have at most this share of a corpus's train words, so that they are the same mixture: whole,
20 Newsgroups' test part would be seven tenths of all test text."""


@dataclass(frozen=True)
class Document:
    """A document as it is uploaded."""

    id: str
    paragraphs: Sequence[str]
    domain: Any
    """A label, a list of labels or None."""
    split: str

    @property
    def words(self) -> int:
        """Parted by blanks."""
        return sum(len(paragraph.split()) for paragraph in self.paragraphs)

    @property
    def text_digest(self) -> str:
        """Equal for equal text, whatever its case and spacing."""
        return hashlib.sha256(" ".join(" ".join(self.paragraphs).lower().split()).encode()).hexdigest()

    @property
    def line(self) -> str:
        """As `POST /v1/corpora?format=jsonl` takes it."""
        fields = {"id": self.id, "paragraphs": self.paragraphs, "domain": self.domain, "split": self.split}
        return json.dumps(fields, ensure_ascii=False) + "\n"


@dataclass(frozen=True)
class SourceText:
    """One corpus, chosen and put in order."""

    name: str
    documents: Sequence[Document]

    def body(self) -> bytes:
        """JSON lines, compressed; equal documents give equal bytes."""
        return gzip.compress("".join(document.line for document in self.documents).encode(), 6, mtime=0)

    def words(self, split: str) -> int:
        """Of one split."""
        return sum(document.words for document in self.documents if document.split == split)


def select(folder: Path) -> list[SourceText]:
    """Every corpus's train, valid and test documents. None that is held out stands in train, neither under its id nor,
    with other spacing or case, under another's, in whichever corpus. InvalidInput where a corpus lacks.

    Documents are put in an order by a hash of their ids: `limit_tokens` takes a beginning of each corpus, which is so a
    fair sample of it and not its first label's.
    """
    read = {name: _parts(folder / name) for name in CORPORA}
    seen = {document.text_digest for parts in read.values() for document in parts["train"]}
    texts = []
    for name in CORPORA:
        parts = read.pop(name)
        train = parts["train"]
        ids = {document.id for document in train}
        held_out = {
            split: _beginning(
                _fresh(parts[split], ids, seen), words=HELD_OUT_SHARE * sum(document.words for document in train)
            )
            for split in ("valid", "test")
        }
        texts.append(SourceText(name, [*train, *held_out["valid"], *held_out["test"]]))
    return texts


def _parts(folder: Path) -> dict[str, list[Document]]:
    """Train, valid and test. Where the test part isn't there, every second document of valid takes its place."""
    train = chain(*(documents(folder, split, "train") for split in ("train", *LEARNED_TOO)))
    valid, test = (_ordered(documents(folder, split, split)) for split in ("valid", "test"))
    parts = {"train": _ordered(train), "valid": valid, "test": test}
    if not test:
        parts["valid"], parts["test"] = valid[::2], [replace(document, split="test") for document in valid[1::2]]
    for split, part in parts.items():
        if not part:
            raise InvalidInput.field("DATA", f"{folder} has no {split} documents (documents.{split}.jsonl.gz)")
    return parts


def documents(folder: Path, split: str, role: str) -> Iterator[Document]:
    """Those of one file, as part of the split `role`; none where there is no such file. InvalidInput."""
    path = folder / f"documents.{split}.jsonl.gz"
    if not path.is_file():
        return
    with reading(path, option="DATA"), gzip.open(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            found = json.loads(line)
            if not isinstance(found, dict) or not {"id", "paragraphs"} <= found.keys():
                raise ValueError(f"line {number} is no document with an id and paragraphs")
            yield Document(str(found["id"]), found["paragraphs"], found.get("domain") or None, role)


def _ordered(documents: Iterable[Document]) -> list[Document]:
    return sorted(documents, key=lambda document: hashlib.sha256(document.id.encode()).digest())


def _fresh(documents: Sequence[Document], ids: set[str], seen: set[str]) -> Iterator[Document]:
    """Those that aren't in `ids` and whose text nobody has `seen`; they are seen from now on."""
    for document in documents:
        digest = document.text_digest
        if document.id not in ids and digest not in seen:
            seen.add(digest)
            ids.add(document.id)
            yield document


def _beginning(documents: Iterable[Document], *, words: float) -> Iterator[Document]:
    """At least one; no more than have so many words."""
    taken = 0
    for document in documents:
        if taken and taken + document.words > words:
            return
        taken += document.words
        yield document
