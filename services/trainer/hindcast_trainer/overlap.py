"""How much of a test text was seen in training: the share of its long word sequences that the other text has too."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hindcast.progress import Progress
from hindcast.text.corpus import EncodedText, Text
from hindcast.text.vocabulary import END_ID, UNKNOWN_ID, Vocabulary

WORDS = 8
"""Words of a sequence, all of one sentence. Shorter ones recur by chance; of 13, as is usual for the web's long texts,
most sentences of speech and dialogue have none."""
WARNING_SHARE = 0.01
"""A larger share is worth a warning."""

_CHUNK_TOKENS = 1 << 20
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # odd, its bits well mixed
_SEED = 8

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Overlap:
    """What a test text has in common with others."""

    n: int
    """Words of a sequence."""
    share: float
    """Of the test text's sequences, each place counted, those that the other text has too. Sentences of fewer words
    have none, and those with a literal `<unk>` don't count."""

    @property
    def notable(self) -> bool:
        """Whether figures on that test text should be read with it in mind."""
        return self.share > WARNING_SHARE

    def told(self, other: str) -> str:
        """As a sentence: `other` is what the text was compared with."""
        return f"{self.share:.1%} of the held-out text's sequences of {self.n} words are in {other} too."


def overlap(
    test: Text, others: Sequence[Text], *, of: str = "the test text", n: int = WORDS
) -> Generator[Progress, None, Overlap]:
    """Compare a text with others taken together. Sequences are compared by 64-bit hashes.

    Holds 16 bytes for each token of the test text, and a million tokens of the others at a time.
    """
    vocabulary = Vocabulary.from_words(test.counts())
    random_V = np.random.default_rng(_SEED).integers(0, 2**64, len(vocabulary), dtype=np.uint64)
    chunks = [hashes for _, hashes in _hashes(test.encoded(vocabulary), random_V, n)]
    wanted, counts = np.unique(np.concatenate(chunks), return_counts=True)
    seen = np.zeros(len(wanted), dtype=np.bool_)
    total, done = sum(text.tokens for text in others), 0
    for text in others:
        for tokens, hashes in _hashes(text.encoded(vocabulary), random_V, n):
            places = np.searchsorted(wanted, hashes)
            places[places == len(wanted)] = 0
            seen[places[wanted[places] == hashes] if len(wanted) else []] = True
            done += tokens
            yield Progress(done, total, "tokens", f"looking in {of} for what was learned")
    return Overlap(n, float(counts[seen].sum() / counts.sum()) if len(wanted) else 0.0)


def _hashes(text: EncodedText, random_V: Hashes, n: int) -> Iterator[tuple[int, Hashes]]:
    """Some tokens at a time, and the hashes of the sequences of known words that begin among them."""
    for start in range(0, len(text), _CHUNK_TOKENS):
        stop = min(start + _CHUNK_TOKENS, len(text))
        ids_N = text.tokens(start, min(stop + n - 1, len(text)))
        yield stop - start, _hashed(ids_N, random_V, n)


def _hashed(ids_N: npt.NDArray[np.int64], random_V: Hashes, n: int) -> Hashes:
    """Of every n words without `</s>` and `<unk>`: a polynomial of the words' random numbers, modulo 2^64."""
    count = max(0, len(ids_N) - n + 1)
    breaks_N = np.cumsum(np.concatenate([[0], (ids_N == END_ID) | (ids_N == UNKNOWN_ID)]))
    whole = np.flatnonzero(breaks_N[n:] == breaks_N[:count])
    numbers_N = random_V[ids_N]
    hashes = np.zeros(count, dtype=np.uint64)
    for offset in range(n):
        hashes *= _MULTIPLIER
        hashes += numbers_N[offset : offset + count]
    return hashes[whole]
