"""An n-gram model that the package `kenlm` has opened."""

import importlib
import math
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from hindcast.errors import Corrupt, NotInstalled
from hindcast_scorer.ngrams.trial import UNKNOWN_MISSING
from hindcast_scorer.rescoring.ngram import NgramState

Reals = npt.NDArray[np.float64]

MISSING = (
    "N-gram models are read by the package kenlm, which isn't installed here. With g++, make and cmake at hand: "
    "pip install kenlm (or make kenlm, in a checkout)."
)


def kenlm() -> Any:
    """The package. NotInstalled, which says what to install."""
    try:
        return importlib.import_module("kenlm")
    except ImportError as error:
        raise NotInstalled(MISSING) from error


class KenlmModel:
    """See hindcast_scorer.rescoring.ngram.NgramModel.

    Where the file has no `<unk>`, KenLM puts one of log10 probability -100 in its place: next to another model that
    counts for nothing when probabilities are averaged, and for much when their logs are.
    """

    def __init__(self, file: Path) -> None:
        """NotInstalled; Corrupt if KenLM can't read it."""
        package = kenlm()
        self._new_state = package.State
        config = package.Config()
        config.show_progress = False
        config.arpa_complain = package.ARPALoadComplain.NONE
        try:
            self._model = package.LanguageModel(str(file), config)
        except OSError as error:
            raise Corrupt(f"KenLM can't read {file.name}: {error}") from error

    def log_probs(self, words: Sequence[str]) -> Reals:
        """See hindcast_scorer.rescoring.ngram.NgramModel."""
        sentence = " ".join(map(_written, words))
        log10s = (score[0] for score in self._model.full_scores(sentence))
        return np.fromiter(log10s, dtype=np.float64, count=len(words) + 1) * math.log(10.0)

    @property
    def start(self) -> NgramState:
        """See hindcast_scorer.rescoring.ngram.NgramModel."""
        state = self._new_state()
        self._model.BeginSentenceWrite(state)
        return cast(NgramState, state)

    def step(self, state: NgramState, word: str) -> tuple[float, NgramState]:
        """See hindcast_scorer.rescoring.ngram.NgramModel. A state has as few words as it can: those that no longer
        n-gram begins with are left out, so more are equal than last words are."""
        after = self._new_state()
        log10 = self._model.BaseScore(state, _written(word), after)
        return float(log10) * math.log(10.0), after

    def can_score(self, word: str) -> bool:
        """See hindcast_scorer.rescoring.ngram.NgramModel."""
        return _written(word) in self._model or self._has_unknown

    @cached_property
    def _has_unknown(self) -> bool:
        return bool(self._model.score("<unk>", bos=False, eos=False) > UNKNOWN_MISSING)


def _written(word: str) -> str:
    """As KenLM looks words up. It would take one with a blank in it for two, and fail at half a character: no n-gram
    has either."""
    try:
        parts = word.encode().split()
    except UnicodeEncodeError:
        parts = []
    return word if len(parts) == 1 else "<unk>"
