"""What a language model scores on text that it didn't learn, sentence by sentence. S sentences.

The sums give its perplexity; the sentences are kept beside the model: a comparison with another is made of them.
"""

import json
import math
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from hindcast.errors import Corrupt, NotFound
from hindcast.lm.base import History, LanguageModel
from hindcast.lm.evaluation import score_corpus
from hindcast.progress import Progress
from hindcast.text.corpus import CorpusReference, EncodedText

FILE = "held_out.safetensors"
"""Lies beside the bundle in a model's artifact and is no part of it: a model that is exported leaves it behind."""
LARGEST_EXPONENT = 700.0  # exp() of more overflows

Role = Literal["test", "valid"]
ROLES: tuple[Role, ...] = ("test", "valid")
"""What is looked at of a model's texts: the first of these that it has."""


@dataclass(frozen=True)
class SentenceScores:
    """What a model scores on each sentence of a text, in the text's order."""

    nats_S: npt.NDArray[np.float64]
    """Minus the sum of the natural-log probabilities of its tokens."""
    tokens_S: npt.NDArray[np.int64]
    """Words and one `</s>`."""

    @property
    def perplexity(self) -> float:
        """Of the whole text."""
        return math.exp(min(float(self.nats_S.sum()) / int(self.tokens_S.sum()), LARGEST_EXPONENT))


@dataclass(frozen=True)
class HeldOutScores:
    """The sentence scores that a model's folder keeps, and of which text they are."""

    role: Role
    reference: CorpusReference
    """With ids."""
    scores: SentenceScores

    @classmethod
    def chosen(
        cls, scores: Mapping[str, SentenceScores], references: Mapping[str, CorpusReference]
    ) -> "HeldOutScores | None":
        """Those of the test text, else of valid, else nothing."""
        return next((cls(role, references[role], scores[role]) for role in ROLES if role in scores), None)

    def save(self, folder: Path) -> None:
        """Write FILE into an existing folder."""
        tensors = {"nats_S": self.scores.nats_S, "tokens_S": self.scores.tokens_S}
        facts = {"role": self.role, "reference": json.dumps(self.reference.model_dump(mode="json"))}
        save_file(tensors, folder / FILE, metadata=facts)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read what `save` wrote; Corrupt if it is something else, NotFound where there is nothing."""
        if not (folder / FILE).is_file():
            raise NotFound(
                "It keeps no scores of its held-out text: it was imported, had no such text, or was trained before "
                "scores were kept. Train it again."
            )
        try:
            with safe_open(folder / FILE, framework="numpy") as stored:
                facts = stored.metadata()
                scores = SentenceScores(stored.get_tensor("nats_S"), stored.get_tensor("tokens_S"))
            [role] = [role for role in ROLES if role == facts["role"]]
            reference = CorpusReference.model_validate_json(facts["reference"])
            sound = (
                scores.nats_S.shape == scores.tokens_S.shape == (len(scores.tokens_S),) and scores.tokens_S.min() > 0
            )
        except (OSError, KeyError, TypeError, ValueError, SafetensorError) as error:
            raise Corrupt(f"{FILE} can't be read: {error}") from error
        if not sound or not np.isfinite(scores.nats_S).all():
            raise Corrupt(f"{FILE} has values that are no scores of sentences")
        return cls(role, reference, scores)


def score_texts(
    model: LanguageModel, texts: Mapping[str, EncodedText], *, history: History
) -> Generator[Progress, None, dict[str, SentenceScores]]:
    """Score each of these texts, given by its role."""
    total, done = sum(len(text) for text in texts.values()), 0
    scores: dict[str, SentenceScores] = {}
    for role, text in texts.items():
        nats_N = np.empty(len(text))
        read = 0
        for tokens_N, scored in score_corpus(model, text, history=history):
            nats_N[read : read + len(tokens_N)] = -scored.log_probs_N
            read += len(tokens_N)
            yield Progress(done + read, total, "tokens", f"perplexity of {role}")
        starts_S, ends_S = text.unit_bounds("sentence")
        scores[role] = SentenceScores(np.add.reduceat(nats_N, starts_S), ends_S - starts_S)
        done += len(text)
    return scores
