"""Which words to ask about: topical words of test documents, which what the text is about makes likely."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hindcast_standalone.demonstrations.texts import Document

_WORD = re.compile(r"[A-Za-z]+")
_CONTENT_WORD = re.compile(r"[a-z]{5,}")
MIN_TRAIN_COUNT = 5
"""Rarer words may lack from the vocabulary, and no model could be expected to know them."""
MIN_CONTEXT_WORDS = 12
MAX_CONTEXT_WORDS = 80


@dataclass(frozen=True)
class Probe:
    """A word, and the text before it."""

    context: str
    target: str


def choose_probes(documents: Sequence[Document], *, limit: int) -> list[Probe]:
    """One probe from each of `limit` test documents: its word of highest tf-idf that train text knows.

    The context is the paragraph up to the word's second or later occurrence in the document, at a place where the
    sentence so far doesn't hold it.
    """
    train_counts: Counter[str] = Counter()
    document_counts: Counter[str] = Counter()
    for document in documents:
        if document.split == "train":
            words = _WORD.findall(" ".join(document.paragraphs))
            train_counts.update(words)
            document_counts.update(set(words))
    known = {word for word, count in train_counts.items() if count >= MIN_TRAIN_COUNT}
    total = sum(document.split == "train" for document in documents)
    probes: list[Probe] = []
    for document in documents:
        if document.split != "test" or len(probes) == limit:
            continue
        counts = Counter(word for word in _WORD.findall(" ".join(document.paragraphs)) if word in known)
        ranked = sorted(
            (word for word in counts if _CONTENT_WORD.fullmatch(word) and counts[word] > 2),
            key=lambda word: (-counts[word] * math.log(total / document_counts[word]), word),
        )
        probe = next((probe for word in ranked[:5] for probe in _occurrences(document, word)), None)
        if probe:
            probes.append(probe)
    return probes


def _occurrences(document: Document, word: str) -> Iterator[Probe]:
    seen = 0
    for paragraph in document.paragraphs:
        for match in re.finditer(rf"\b{re.escape(word)}\b", paragraph):
            seen += 1
            context = paragraph[: match.start()].rstrip()
            sentence = re.split(r"[.!?] ", context)[-1]
            long_enough = MIN_CONTEXT_WORDS <= len(context.split()) <= MAX_CONTEXT_WORDS and sentence.count(" ") >= 3
            if seen > 1 and long_enough and word not in sentence:
                yield Probe(context=context, target=word)
