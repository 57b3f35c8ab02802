"""A bidirectional language model: the forward LSTM predicts the next word, the backward one the previous [12, 13].

Shapes: T time, B batch, N pairs of neighbours, H units of one direction.
"""

from collections.abc import Generator, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from hindcast.errors import InvalidInput
from hindcast.lm.lstm import Output
from hindcast.lm.objectives import EXACT, SampledSoftmax
from hindcast.nn.bilstm import BidirectionalLSTM, tensors
from hindcast.nn.device import device_of
from hindcast.nn.embedding_table import EmbeddingTable
from hindcast.nn.fitting import FitResult, Loss, losses_of
from hindcast.progress import Progress
from hindcast.text.batches import UnitBatch
from hindcast_trainer.pretrain import Material, pretrain
from hindcast_trainer.pretraining.bilstm import BilstmSpec, Objective, UnitTrainee, pretrain_bilstm
from hindcast_trainer.work import Produced, Work


class BilstmLm(BilstmSpec):
    """Pre-train a bidirectional LSTM language model and average its states."""

    kind: Literal["bilstm_lm"] = "bilstm_lm"
    objective: ClassVar[str] = "language model"

    unit: Literal["sentence", "paragraph"] = "sentence"
    """At whose start the state is reset."""
    samples: int | None = Field(default=None, ge=1, le=1_000_000)
    """Draws of words, anew for each batch, among which its words are told while learning: several times as fast for a
    large vocabulary. As the language model's objective `sampled_softmax`; null: the exact softmax."""

    def run(self, work: Work) -> Produced:
        """Pre-train."""
        return pretrain(self, work)

    def pretrain(
        self, material: Material, *, checkpoint: Path | None, threads: int
    ) -> Generator[Progress, None, EmbeddingTable]:
        """See TableSpec."""
        starts, ends = material.text.unit_bounds(self.unit)
        units_U = np.flatnonzero(ends - starts > 1)  # a word alone predicts nothing
        if not len(units_U):
            raise InvalidInput.field("corpus", f"has no {self.unit} with a word to predict")
        objective = self.build(
            partial(BidirectionalLanguageModel, samples=self.samples), vocabulary_size=len(material.vocabulary)
        )
        trainee = UnitTrainee.of(self, objective, material, self.unit, units_U)
        return pretrain_bilstm(trainee, self.plan(), self.averaging(), checkpoint=checkpoint, threads=threads)


class BidirectionalLanguageModel(Objective):
    """A head for each direction. A word is predicted from the states beside it, neither of which has seen it; the first
    word of a unit is predicted by the backward LSTM alone, the last by the forward one."""

    def __init__(self, network: BidirectionalLSTM, *, samples: int | None = None) -> None:
        super().__init__()
        self.network = network
        self.objective = SampledSoftmax(samples=samples) if samples else EXACT
        size, vocabulary_size = network.forward_lstm.hidden_size, network.embedding.num_embeddings
        self.next_word, self.previous_word = Output(size, vocabulary_size), Output(size, vocabulary_size)
        self.next_word.sparse = self.previous_word.sparse = self.objective.sparse

    def pairs(self, batch: UnitBatch) -> "Pairs":
        """All neighbours in a batch, and the states from which each is predicted."""
        words_TB, lengths_B = tensors(batch, device_of(self))
        states = self.network(words_TB, lengths_B)
        within_TB = torch.arange(1, len(words_TB), device=lengths_B.device)[:, None] < lengths_B
        return Pairs(
            before_NH=states.forward_TBH[:-1][within_TB],
            next_N=words_TB[1:][within_TB],
            after_NH=states.backward_TBH[1:][within_TB],
            previous_N=words_TB[:-1][within_TB],
        )

    def loss(self, batch: UnitBatch) -> Loss:
        """The mean of both directions' losses."""
        pairs = self.pairs(batch)
        # Of text that isn't learned, the exact perplexity.
        objective = self.objective if torch.is_grad_enabled() else EXACT
        forward, _ = objective.loss(self.next_word, pairs.before_NH, pairs.next_N)
        backward, _ = objective.loss(self.previous_word, pairs.after_NH, pairs.previous_N)
        return Loss((forward + backward) / 2, len(pairs.next_N))

    def predictions(self, *, words: int, pieces: int) -> int:
        """One for each two neighbours, in either direction."""
        return words - pieces

    def metrics(self, moment: Mapping[str, float]) -> Mapping[str, float]:
        """The loop's: perplexities are those of both directions together."""
        return moment

    def summary(self, result: FitResult, held_out: Iterable[UnitBatch]) -> Mapping[str, float]:
        """Perplexities of both directions together."""
        figures = {
            "epochs": float(result.epochs),
            "best_epoch": float(result.best_epoch),
            "train_perplexity": result.train_perplexity,
            "valid_perplexity": result.valid_perplexity,
            "tokens_per_second": result.tokens_per_second,
        }
        known = {name: figure for name, figure in figures.items() if figure is not None}
        return {**known, **losses_of(known)}


class Pairs(NamedTuple):
    """N pairs of a word and the next."""

    before_NH: Tensor
    """Forward states that have read the first word of the pair."""
    next_N: Tensor
    """The second words, which these predict."""
    after_NH: Tensor
    """Backward states that have read the second word."""
    previous_N: Tensor
    """The first words, which these predict."""
