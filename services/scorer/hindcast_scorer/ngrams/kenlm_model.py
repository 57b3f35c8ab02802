"""An n-gram model that the package `kenlm` has opened."""

import importlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hindcast.errors import Corrupt, NotInstalled

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
        config = package.Config()
        config.show_progress = False
        config.arpa_complain = package.ARPALoadComplain.NONE
        try:
            self._model = package.LanguageModel(str(file), config)
        except OSError as error:
            raise Corrupt(f"KenLM can't read {file.name}: {error}") from error

    def log_probs(self, words: Sequence[str]) -> Reals:
        """See hindcast_scorer.rescoring.ngram.NgramModel."""
        sentence = b" ".join(map(_written, words))
        log10s = (score[0] for score in self._model.full_scores(sentence))
        return np.fromiter(log10s, dtype=np.float64, count=len(words) + 1) * math.log(10.0)


def _written(word: str) -> bytes:
    """As KenLM splits a sentence. It would take a word with a blank in it, which no n-gram has, for two."""
    written = word.encode(errors="surrogatepass")
    return written if len(written.split()) == 1 else b"<unk>"
