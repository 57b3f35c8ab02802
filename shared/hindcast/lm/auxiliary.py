"""A second task for a language model: to tell at every word which domain its text is in, so that the state carries what
the text is about (the paper's section 6).

Shapes: T time, B lanes, N = T · B words and padding, H what words are predicted from, K domains, U units of a text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from hindcast.nn.running_mean import RunningMean
from hindcast.text.batches import Batch

Schedule = Literal["constant", "linear"]
"""How much the task weighs as training goes on: the same throughout, or evenly less in each epoch, to nothing after the
last."""

_NO_DOMAIN = -1


@dataclass(frozen=True)
class TextDomains:
    """The domain of each unit (sentence, paragraph, document) of a text."""

    ends_U: npt.NDArray[np.int64]
    """Where each unit ends in the text, rising; it starts where the one before ends."""
    labels_U: npt.NDArray[np.int64]
    """Below 0 where a unit has no domain, or several."""
    names: Sequence[str]
    """What each of the K domains is called."""

    @property
    def labelled_tokens(self) -> int:
        """Tokens whose domain is known."""
        lengths_U = np.diff(self.ends_U, prepend=0)
        return int(lengths_U[self.labels_U >= 0].sum())

    def of(self, batch: Batch) -> Tensor:
        """[T, B] the domain of each target of a batch, below 0 where there is none to tell."""
        steps_T1 = np.arange(len(batch.targets_TB))[:, None]
        within_TB = steps_T1 < batch.lengths_B
        units_TB = np.searchsorted(self.ends_U, np.where(within_TB, batch.starts_B + steps_T1, 0), side="right")
        return torch.from_numpy(np.where(within_TB, self.labels_U[units_TB], _NO_DOMAIN))


class DomainTask(nn.Module):
    """A linear layer from what words are predicted from to the domains. It is needed for training alone."""

    def __init__(
        self, domains: TextDomains, *, size: int, weight: float, schedule: Schedule, epochs: int, seed: int
    ) -> None:
        """`weight` of a word's domain, beside 1 of the word itself; `epochs` that there are at most."""
        super().__init__()
        self.domains = domains
        self.weight = weight
        self.schedule = schedule
        self.epochs = epochs
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.head = nn.Linear(size, len(domains.names))
        self._accuracy = RunningMean()

    @property
    def accuracy(self) -> float | None:
        """Share of the words whose domain was told, over about the last hundred batches."""
        return self._accuracy.value

    def facts(self) -> dict[str, object]:
        """For a model's card."""
        return {"domains": list(self.domains.names), "labelled_tokens": self.domains.labelled_tokens}

    def weight_in(self, epoch: int) -> float:
        """The weight in an epoch, counted from 0."""
        return self.weight * (1 - epoch / self.epochs) if self.schedule == "linear" else self.weight

    def loss(self, hidden_TBH: Tensor, batch: Batch) -> Tensor:
        """The weighted sum of -log p of the domains; 0 where the batch has none to tell."""
        labels_TB = self.domains.of(batch).to(hidden_TBH.device)
        told_TB = labels_TB >= 0
        logits_NK, labels_N = self.head(hidden_TBH[told_TB]), labels_TB[told_TB]
        if len(labels_N):
            self._accuracy.add(float((logits_NK.argmax(dim=1) == labels_N).float().mean()))
        nats = cross_entropy(logits_NK, labels_N, reduction="sum")
        return self.weight_in(batch.epoch) * nats
