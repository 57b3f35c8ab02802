"""What rescoring asks of an n-gram model."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]


class NgramModel(Protocol):
    """Predicts the next word from a few words before it."""

    def log_probs(self, words: Sequence[str]) -> Reals:
        """Natural-log probabilities of the words of a sentence and of the `</s>` that ends it; a word that the model
        doesn't know scores as its `<unk>`."""
