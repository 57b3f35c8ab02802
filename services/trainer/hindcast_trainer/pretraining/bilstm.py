"""What the bidirectional LSTMs share: their settings, how they are fitted, and that their states become a table.

Shapes: U units of a text.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from pydantic import ConfigDict, Field, ValidationInfo, field_validator
from torch import nn

from hindcast.json_model import JsonModel
from hindcast.nn.bilstm import BidirectionalLSTM, StateName
from hindcast.nn.device import torch_device
from hindcast.nn.embedding_table import EmbeddingTable
from hindcast.nn.fitting import FitResult, Loss, Plan, State, fit
from hindcast.progress import Progress, relay
from hindcast.text.batches import UnitBatch, unit_batches
from hindcast.text.corpus import Unit
from hindcast_trainer.pretrain import Material
from hindcast_trainer.pretraining.averaging import Averaging, Combination, average_states
from hindcast_trainer.pretraining.base import LARGEST_SIZE, Epochs, LearnedTableSpec

LONGEST_PIECE = 512
"""Words that are read at once. The few paragraphs that have more are cut into equal pieces."""
HELD_OUT_SHARE = 20
"""One unit of so many isn't learned: it tells which epoch's weights are the best."""
AVERAGING_COST = 0.2
"""Of a token, where learning it costs 1: for the time that is left."""

Indices = npt.NDArray[np.int64]


class BilstmOptimizer(JsonModel):
    """How the weights are found: by Adam. A twentieth of the units is held out: after an epoch that lowers the loss on
    these by less than 0.002 nats a word the learning rate is halved; the best weights are kept."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    learning_rate: float = Field(default=4e-3, gt=0, le=1)
    batch_size: int = Field(default=16, ge=1, le=4096)
    """Units of mean length that are read side by side; of shorter ones more, of longer ones fewer."""
    patience: int | None = Field(default=2, ge=1, le=1000)
    """Stop after so many epochs in a row that lowered the loss on what is held out by less than 0.002 nats a word;
    null: never."""
    clip_norm: float | None = Field(default=5.0, gt=0)
    """Longest gradient, over all weights together, of the mean loss per word; null: any length."""


class BilstmSpec(LearnedTableSpec):
    """Pre-train embeddings that are averaged states of a bidirectional LSTM."""

    size: Annotated[int, Field(ge=2, le=LARGEST_SIZE, multiple_of=2)] = 256
    """Of a word's vector: forward and backward LSTM have half of it each where they are concatenated, and each all of
    it where they are averaged."""
    input_size: int = Field(default=128, ge=1, le=LARGEST_SIZE)
    """Of the vectors to which the network maps the words that it reads."""
    state: StateName = "cell"
    """Which states of the LSTMs are averaged: those of the cells, or the hidden ones, which the objective is learned
    from. The table's `saturation` tells which share of them is beyond ±2.65 (cell: tanh is within 0.01 of its bound) or
    ±0.99 (hidden)."""
    combine: Combination = "concatenate"
    """How a word's vector is made of the two directions: the forward state followed by the backward one, or the mean of
    both."""
    clip: float | None = Field(default=None, ge=1e-6, le=1e6)
    """States beyond ±clip are taken for ±clip, before they are averaged; null: as they are."""
    epochs: Epochs = 5
    """At most."""
    optimizer: BilstmOptimizer = BilstmOptimizer()

    @field_validator("clip")
    @classmethod
    def _reached(cls, clip: float | None, info: ValidationInfo) -> float | None:
        if clip is not None and clip >= 1 and info.data.get("state") == "hidden":
            raise ValueError("must be below 1, which no hidden state reaches")
        return clip

    def build(self, objective: Callable[[BidirectionalLSTM], "ObjectiveT"], *, vocabulary_size: int) -> "ObjectiveT":
        """A fresh network and what is put on top of it; equal seeds give equal weights."""
        both = self.size if self.combine == "concatenate" else 2 * self.size
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            network = BidirectionalLSTM(vocabulary_size=vocabulary_size, input_size=self.input_size, size=both)
            return objective(network)

    def plan(self) -> Plan:
        """How it is fitted."""
        return Plan(
            learning_rate=self.optimizer.learning_rate,
            epochs=self.epochs,
            patience=self.optimizer.patience,
            clip_norm=self.optimizer.clip_norm,
            seed=self.seed,
        )

    def averaging(self) -> Averaging:
        """What of its states becomes the table."""
        return Averaging(self.state, self.combine, self.clip)


class Objective(nn.Module, ABC):
    """What a bidirectional LSTM is trained for."""

    network: BidirectionalLSTM

    @abstractmethod
    def loss(self, batch: UnitBatch) -> Loss:
        """Of one batch."""

    @abstractmethod
    def predictions(self, *, words: int, pieces: int) -> int:
        """How many are made in so many words of so many units, or pieces of units."""

    @abstractmethod
    def metrics(self, moment: Mapping[str, float]) -> Mapping[str, float]:
        """Figures of a moment, from those of the training loop."""

    @abstractmethod
    def summary(self, result: FitResult, held_out: Iterable[UnitBatch]) -> Mapping[str, float]:
        """Figures of the trained network."""


ObjectiveT = TypeVar("ObjectiveT", bound=Objective)


@dataclass(frozen=True)
class UnitTrainee:
    """See hindcast.nn.fitting.Trainee. Nothing is carried from one unit to the next."""

    module: Objective
    material: Material
    unit: Unit
    learned_U: Indices
    """Units to learn."""
    held_out_U: Indices
    tokens_per_batch: int
    seed: int

    @classmethod
    def of(
        cls, spec: BilstmSpec, objective: Objective, material: Material, unit: Unit, units_U: Indices
    ) -> "UnitTrainee":
        """Learns these units but for a twentieth, drawn by the seed."""
        starts, ends = material.text.unit_bounds(unit)
        shuffled_U = np.random.default_rng(spec.seed).permutation(units_U)
        held_out_U, learned_U = np.split(shuffled_U, [len(units_U) // HELD_OUT_SHARE])
        mean_length = float((ends - starts)[units_U].mean())
        tokens_per_batch = max(1, round(spec.optimizer.batch_size * mean_length))
        return cls(objective, material, unit, np.sort(learned_U), np.sort(held_out_U), tokens_per_batch, spec.seed)

    @cached_property
    def tokens_per_epoch(self) -> int:
        """See Trainee."""
        starts, ends = self.material.text.unit_bounds(self.unit)
        lengths_U = (ends - starts)[self.learned_U]
        pieces = int((-(-lengths_U // LONGEST_PIECE)).sum())
        return self.module.predictions(words=int(lengths_U.sum()), pieces=pieces)

    def batches(self, *, epoch: int, skip: int) -> Iterator[UnitBatch]:
        """See Trainee."""
        return self._batches(self.learned_U, epoch=epoch, skip=skip)

    def loss(self, batch: UnitBatch, state: State) -> Loss:
        """See Trainee."""
        return self.module.loss(batch)

    def validation(self) -> Iterator[Loss] | None:
        """See Trainee."""
        return map(self.module.loss, self.held_out()) if len(self.held_out_U) else None

    def held_out(self) -> Iterator[UnitBatch]:
        """All batches of the units that aren't learned."""
        return self._batches(self.held_out_U, epoch=0, skip=0) if len(self.held_out_U) else iter(())

    def _batches(self, chosen: Indices, *, epoch: int, skip: int) -> Iterator[UnitBatch]:
        return unit_batches(
            self.material.text,
            unit=self.unit,
            tokens_per_batch=self.tokens_per_batch,
            max_length=LONGEST_PIECE,
            seed=self.seed,
            epoch=epoch,
            skip=skip,
            chosen=chosen,
        )


def pretrain_bilstm(
    trainee: UnitTrainee, plan: Plan, averaging: Averaging, *, checkpoint: Path | None, threads: int
) -> Generator[Progress, None, EmbeddingTable]:
    """Fit the network, then average its states over the whole text."""
    torch.set_num_threads(threads)
    device = torch_device(trainee.material.device)
    trainee.module.to(device)
    objective, material = trainee.module, trainee.material
    to_learn = plan.epochs * trainee.tokens_per_epoch
    total = to_learn + AVERAGING_COST * len(material.text)

    def learning(progress: Progress) -> Progress:
        return replace(progress, total=total, metrics=objective.metrics(progress.metrics))

    def afterwards(progress: Progress) -> Progress:
        return replace(progress, done=to_learn + AVERAGING_COST * progress.done, total=total)

    result = yield from relay(fit(trainee, plan, checkpoint=checkpoint), learning)
    metrics = dict(objective.summary(result, trainee.held_out()))
    steps = average_states(objective.network, material, averaging, unit=trainee.unit, max_length=LONGEST_PIECE)
    table = yield from relay(steps, afterwards)
    # On a GPU sums are taken in whatever order they come by.
    return replace(table, details={"repeatable": device.type == "cpu", "metrics": metrics, **table.details})
