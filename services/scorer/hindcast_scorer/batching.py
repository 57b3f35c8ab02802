"""Sentences that several requests want scored at the same moment are scored together."""

import math
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hindcast.lm.prefix_tree import ReadingPoint, score_sentences
from hindcast.lm.single_precision import SinglePrecisionModel

Reals = npt.NDArray[np.float64]

MOST_SENTENCES = 4096
"""In one batch: whoever comes with one list doesn't wait for a thousand others."""


@dataclass(frozen=True, eq=False)
class _Wish:
    """What one request wants scored."""

    model: SinglePrecisionModel
    sentences: Sequence[Sequence[int]]
    start: ReadingPoint
    normalize: bool
    scores: "Future[list[Reals]]" = field(default_factory=Future)

    def fits(self, other: "_Wish") -> bool:
        """Whether both can be scored together."""
        return self.model is other.model and self.normalize == other.normalize


class Batching:
    """Scores for many threads, `slots` of which compute at a time. Whoever gets a slot takes along its share of what
    waits for the same model, so that the other slots aren't left with nothing to do; those whose wishes are taken along
    find their scores done when it is their turn."""

    def __init__(self, *, slots: int, most_sentences: int = MOST_SENTENCES) -> None:
        self._slots = threading.Semaphore(slots)
        self._shares = slots
        self._lock = threading.Lock()
        self._most_sentences = most_sentences
        self._waiting: list[_Wish] = []

    def score(
        self,
        model: SinglePrecisionModel,
        sentences: Sequence[Sequence[int]],
        *,
        start: ReadingPoint,
        normalize: bool = True,
    ) -> list[Reals]:
        """See `score_sentences`: what a sentence scores doesn't depend on who else asks."""
        wish = _Wish(model, sentences, start, normalize)
        with self._lock:
            self._waiting.append(wish)
        with self._slots:
            if taken := self._take(wish):
                _fulfil(taken)
        return wish.scores.result()

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Held by a computation that can't be joined with others."""
        with self._slots:
            yield

    def _take(self, wish: _Wish) -> list[_Wish]:
        """It and what fits to it, the longest waiting first; nothing if another has taken it along."""
        with self._lock:
            if wish not in self._waiting:
                return []
            taken, room = [wish], self._most_sentences - len(wish.sentences)
            share = math.ceil(len(self._waiting) / self._shares)
            for other in self._waiting:
                if len(taken) >= share:
                    break
                if other is not wish and other.fits(wish) and len(other.sentences) <= room:
                    taken.append(other)
                    room -= len(other.sentences)
            self._waiting = [other for other in self._waiting if other not in taken]
            return taken


def _fulfil(wishes: Sequence[_Wish]) -> None:
    first = wishes[0]
    starts = list({id(wish.start): wish.start for wish in wishes}.values())
    places = {id(start): place for place, start in enumerate(starts)}
    try:
        scores = iter(
            score_sentences(
                first.model,
                [sentence for wish in wishes for sentence in wish.sentences],
                start=ReadingPoint.side_by_side(starts),
                texts_S=[places[id(wish.start)] for wish in wishes for _ in wish.sentences],
                normalize=first.normalize,
            )
        )
    except BaseException as error:
        for wish in wishes:
            wish.scores.set_exception(error)
        return
    for wish in wishes:
        wish.scores.set_result([next(scores) for _ in wish.sentences])
