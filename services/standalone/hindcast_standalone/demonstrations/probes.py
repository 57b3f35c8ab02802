"""Which words to ask about: topical words of test documents, which what the text is about makes likely."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

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


def choose_probes(documents: Sequence[Document], *, limit: int, read_words: int) -> list[Probe]:
    """The most topical probes, at most one from each test document and one for each word: words of highest tf-idf that
    the first `read_words` words of the train text hold often enough.

    The context is the paragraph up to the word's second or later occurrence in the document, at a place where the
    sentence so far doesn't hold it.
    """
    train = [_WORD.findall(" ".join(document.paragraphs)) for document in documents if document.split == "train"]
    read = Counter(islice(chain.from_iterable(train), read_words))
    document_counts = Counter(word for words in train for word in set(words))
    scored: dict[str, tuple[float, Probe]] = {}
    for document in documents:
        if document.split != "test":
            continue
        counts = Counter(_WORD.findall(" ".join(document.paragraphs)))
        scores = {
            word: count * math.log(len(train) / document_counts[word])
            for word, count in counts.items()
            if _CONTENT_WORD.fullmatch(word) and count > 2 and read[word] >= MIN_TRAIN_COUNT and word not in scored
        }
        topical = sorted(scores, key=lambda word: (-scores[word], word))[:5]
        probe = next((probe for word in topical for probe in _occurrences(document, word)), None)
        if probe:
            scored[probe.target] = (scores[probe.target], probe)
    return [probe for _, probe in sorted(scored.values(), key=lambda each: -each[0])[:limit]]


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
