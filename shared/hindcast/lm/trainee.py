"""A language model and the text that it is to learn: what `hindcast.nn.fitting.fit` trains.

Shapes: T time, B lanes, N = T · B tokens and padding.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from hindcast.lm.auxiliary import DomainTask
from hindcast.lm.base import History
from hindcast.lm.lstm import LstmLanguageModel
from hindcast.lm.objectives import EXACT, Objective
from hindcast.nn.fitting import Loss, State
from hindcast.text.batches import Batch, language_model_batches
from hindcast.text.corpus import EncodedText

_VALID_LANES = 64
_VALID_STEPS = 64


@dataclass(frozen=True)
class LanguageModelTrainee:
    """See `hindcast.nn.fitting.Trainee`. The state is carried along a sentence or document, gradients are cut."""

    model: LstmLanguageModel
    train: EncodedText
    valid: EncodedText | None
    history: History
    batch_size: int
    """Lanes read side by side."""
    bptt: int
    """Steps through which gradients flow."""
    seed: int
    """Of the order of sentences or documents."""
    objective: Objective = EXACT
    auxiliary: DomainTask | None = None
    """Of the train text: learned beside the words. Perplexities and early stopping know nothing of it."""

    def __post_init__(self) -> None:
        if self.objective.sparse:
            self.model.take_gradients_by_rows()

    @cached_property
    def module(self) -> nn.Module:
        """All that is fitted."""
        if self.auxiliary is None:
            return self.model
        return nn.ModuleDict({"model": self.model, "auxiliary": self.auxiliary})

    @property
    def tokens_per_epoch(self) -> int:
        """Every token is predicted once."""
        return len(self.train)

    @cached_property
    def tokens_per_batch(self) -> int:
        """Of all lanes, each with a sentence or document of mean length as far as `bptt` allows."""
        _, ends = self.train.unit_bounds(self.history)
        return round(min(self.batch_size, len(ends)) * min(self.bptt, len(self.train) / len(ends)))

    def batches(self, *, epoch: int, skip: int) -> Iterator[Batch]:
        """See `Trainee`."""
        return language_model_batches(
            self.train,
            history=self.history,
            batch_size=self.batch_size,
            bptt=self.bptt,
            seed=self.seed,
            epoch=epoch,
            skip=skip,
        )

    def loss(self, batch: Batch, state: State) -> Loss:
        """See `Trainee`."""
        hidden_TBH, state = read_batch(self.model, batch, state)
        targets_N = torch.from_numpy(batch.targets_TB).flatten().to(hidden_TBH.device)
        learning = torch.is_grad_enabled()
        objective = self.objective if learning else EXACT  # of text that isn't learned, the exact perplexity
        total, nats = objective.loss(self.model.output, hidden_TBH.flatten(0, 1), targets_N)
        if learning and self.auxiliary is not None:
            total = total + self.auxiliary.loss(hidden_TBH, batch)
        return Loss(total=total, tokens=int(batch.lengths_B.sum()), state=state, nats=nats)

    def validation(self) -> Iterator[Loss] | None:
        """See `Trainee`."""
        return None if self.valid is None else self._losses(self.valid)

    def _losses(self, text: EncodedText) -> Iterator[Loss]:
        state: State = ()
        for batch in language_model_batches(
            text, history=self.history, batch_size=_VALID_LANES, bptt=_VALID_STEPS, seed=None, epoch=0
        ):
            loss = self.loss(batch, state)
            state = loss.state
            yield loss


def read_batch(model: LstmLanguageModel, batch: Batch, state: State) -> tuple[Tensor, State]:
    """[T, B, H] what the batch's words are predicted from, and the state after it; `state` is () at the start."""
    carry_B1 = torch.from_numpy(batch.carry_B)[:, None].to(model.output.bias.device)
    before = state or model.start_state(len(carry_B1))
    start = tuple(torch.where(carry_B1, tensor, 0.0) for tensor in before)  # lanes that begin anew begin from zero
    return model.run(torch.from_numpy(batch.inputs_TB).to(carry_B1.device), start)
