"""`python -m hindcast_scorer.ngrams.trial FILE`: have KenLM read a file and score with it, in a process of its own.

KenLM follows the numbers in a binary without looking at them: a damaged one can end the process, or never return. All
words that it lists are scored, and many sequences of them. That finds most damage, not all: only a reader that checks
what it reads could. Its answer is a line of JSON. Nothing is imported here but kenlm: it starts within a fraction of a
second.
"""

import itertools
import json
import math
import mmap
import random
import sys
from collections.abc import Iterator
from typing import Any

_WORDS_AT_ONCE = 1_000
_RANDOM_WORDS = 300_000
_LARGEST = 1.0
"""Above what rounding and quantised weights make of a probability of 1."""
UNKNOWN_MISSING = -99.5
"""KenLM's stand-in for a missing `<unk>` has log10 probability -100."""


def _try(path: str) -> dict[str, Any]:
    import kenlm

    config = kenlm.Config()
    config.show_progress = False
    config.arpa_complain = kenlm.ARPALoadComplain.NONE
    try:
        model = kenlm.LanguageModel(path, config)
    except OSError as error:
        return {"error": str(error.__cause__ or error)}
    unknown = model.score("<unk>", bos=False, eos=False)
    for sentence in itertools.chain([b"", b"<unk>"], _sentences(path)):
        _score(model, sentence)
    return {"order": model.order, "has_unknown": unknown > UNKNOWN_MISSING}


def _score(model: Any, sentence: bytes) -> None:
    for log10, *_ in model.full_scores(sentence):
        if not math.isfinite(log10) or log10 > _LARGEST:
            raise ValueError(f"it gives a word the log10 probability {log10}")


def _sentences(path: str) -> Iterator[bytes]:
    """All words that a binary lists at its end, in the order in which they lie there, and then at random."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        place = content.rfind(b"<unk>\0")
        if place < 0:
            return
        words = content[place:].split(b"\0")
    for start in range(0, len(words), _WORDS_AT_ONCE):
        yield b" ".join(words[start : start + _WORDS_AT_ONCE])
    chance = random.Random(1)
    for _ in range(_RANDOM_WORDS // _WORDS_AT_ONCE):
        yield b" ".join(chance.choices(words, k=_WORDS_AT_ONCE))


if __name__ == "__main__":
    try:
        answer = _try(sys.argv[1])
    except ValueError as error:
        answer = {"error": str(error)}
    sys.stdout.write(json.dumps(answer))
