"""What rescoring asks of an n-gram model."""

from collections.abc import Hashable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]
NgramState = Hashable
"""What a model remembers of the last words, order - 1 of them at most: after equal states it says the same of whatever
follows."""


class NgramModel(Protocol):
    """Predicts the next word from a few words before it; one that it doesn't know scores as its `<unk>`."""

    def log_probs(self, words: Sequence[str]) -> Reals:
        """Natural-log probabilities of the words of a sentence and of the `</s>` that ends it."""

    @property
    def start(self) -> NgramState:
        """Where sentences begin."""

    def step(self, state: NgramState, word: str) -> tuple[float, NgramState]:
        """The natural-log probability of a word, or of `</s>`, after a state, and the state after it: word by word
        what `log_probs` says of a sentence."""

    def can_score(self, word: str) -> bool:
        """Whether its file has a probability for the word: the word's own, or that of `<unk>`."""
