"""What n-gram models say along the paths of a lattice: one that is joined with the neural model, and the old one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hindcast.text.pipeline import END
from hindcast_scorer.lattices.word_graph import Arc
from hindcast_scorer.rescoring.ngram import NgramModel, NgramState
from hindcast_scorer.rescoring.old_model import OldLanguageModel
from hindcast_scorer.rescoring.options import Interpolation

Histories = tuple[NgramState, NgramState]
"""What both models remember of a path: paths merge only where both are equal, so what n-gram models say is always that
of the path itself."""


@dataclass(frozen=True)
class JoinedNgram:
    """An n-gram model whose scores are joined with the neural one's, word by word. It reads the same words."""

    model: NgramModel
    interpolation: Interpolation


class NgramStep(NamedTuple):
    """What is said of one arc, or of the end after it."""

    logprob: float
    """Of the joined model; 0 where it reads nothing."""
    old_logprob: float
    """Of the old model, scaled: what is to be taken out of the graph score."""
    histories: Histories
    """After it."""


class NgramHistories:
    """Follows paths with up to two models."""

    def __init__(self, joined: JoinedNgram | None, old_model: OldLanguageModel | None) -> None:
        self._joined = _Reader(joined.model if joined else None)
        self._old = _Reader(old_model.model if old_model else None)
        self._scale = old_model.scale if old_model else 1.0
        self._nothing = NgramStep(0.0, 0.0, self.start) if joined is None and old_model is None else None
        """What is said of every arc where there is no model."""

    @property
    def start(self) -> Histories:
        """Where all paths begin."""
        return self._joined.start, self._old.start

    def step(self, histories: Histories, arc: Arc | None) -> NgramStep:
        """Over an arc; None: over the end."""
        if self._nothing is not None:
            return self._nothing
        texts: Sequence[str] = (END,) if arc is None else () if arc.text is None else (arc.text,)
        logprob, state = self._joined.after(histories[0], texts)
        old_logprob, old_state = self._old.after(histories[1], (END,) if arc is None else arc.words)
        return NgramStep(logprob, self._scale * old_logprob, (state, old_state))


class _Reader:
    """One model, or none. In a lattice the same words are read after the same state many times: each is asked once."""

    def __init__(self, model: NgramModel | None) -> None:
        self._model = model
        self._asked: dict[tuple[NgramState, str], tuple[float, NgramState]] = {}
        self.start: NgramState = None if model is None else model.start

    def after(self, state: NgramState, words: Sequence[str]) -> tuple[float, NgramState]:
        """Log-probability of the words, and the state after them."""
        if self._model is None:
            return 0.0, state
        total = 0.0
        for word in words:
            found = self._asked.get((state, word))
            if found is None:
                found = self._asked[state, word] = self._model.step(state, word)
            total += found[0]
            state = found[1]
        return total, state
