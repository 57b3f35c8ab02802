"""A language model and the text that it is to learn: what `hindcast.nn.fitting.fit` trains.

Shapes: T time, B lanes, N = T · B tokens and padding.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch

from hindcast.lm.base import History
from hindcast.lm.lstm import LstmLanguageModel
from hindcast.nn.fitting import Loss, State
from hindcast.text.batches import Batch, language_model_batches
from hindcast.text.corpus import EncodedText

_VALID_LANES = 64
_VALID_STEPS = 64


@dataclass(frozen=True)
class LanguageModelTrainee:
    """See `hindcast.nn.fitting.Trainee`. The state is carried along a sentence or document, gradients are cut."""

    module: LstmLanguageModel
    train: EncodedText
    valid: EncodedText | None
    history: History
    batch_size: int
    """Lanes read side by side."""
    bptt: int
    """Steps through which gradients flow."""
    seed: int
    """Of the order of sentences or documents."""

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
        carry_B1 = torch.from_numpy(batch.carry_B)[:, None]
        if state:  # lanes that begin a sentence or a document begin from zero
            start = tuple(torch.where(carry_B1, tensor, 0.0) for tensor in state)
        else:
            start = self.module.start_state(len(carry_B1))
        hidden_TBH, state = self.module.run(torch.from_numpy(batch.inputs_TB), start)
        targets_TB = torch.from_numpy(batch.targets_TB)
        total = self.module.loss(hidden_TBH.flatten(0, 1), targets_TB.flatten())
        return Loss(total=total, tokens=int(batch.lengths_B.sum()), state=state)

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
