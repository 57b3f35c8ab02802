"""A bidirectional LSTM that tells at every word which domain the text is about: section 3.2 of the paper.

Shapes: T time, B batch, N words of a batch, K domains, U units of a text, S size of both directions.
"""

import math
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from hindcast.nn.bilstm import BidirectionalLSTM, tensors
from hindcast.nn.device import device_of
from hindcast.nn.embedding_table import EmbeddingTable
from hindcast.nn.fitting import FitResult, Loss
from hindcast.nn.running_mean import RunningMean
from hindcast.progress import Progress
from hindcast.text.batches import UnitBatch
from hindcast_trainer.labels import UnitLabels, domain_references
from hindcast_trainer.pretrain import Material, pretrain
from hindcast_trainer.pretraining.bilstm import BilstmSpec, Objective, UnitTrainee, pretrain_bilstm
from hindcast_trainer.references import Reference
from hindcast_trainer.work import Produced, Work


class BilstmDomain(BilstmSpec):
    """Pre-train a bidirectional LSTM that classifies domains and average its states."""

    kind: Literal["bilstm_domain"] = "bilstm_domain"
    objective: ClassVar[str] = "domain classifier"

    unit: Literal["sentence", "paragraph"] = "paragraph"
    """At whose start the state is reset; no larger than what the domains were found for. A sentence has the domain of
    its paragraph, a paragraph that of its document."""
    domains: str = Field(min_length=1, max_length=200)
    """The id or name of domains that were found in this same corpus reference, or `gold`: the labels of the corpus's
    documents. Text with other than one label is not learned."""

    @property
    def lineage(self) -> dict[str, Any]:
        """Ids of all that the table is made from."""
        return {**super().lineage, "domains": self.domains}

    def references(self) -> Sequence[Reference]:
        """The corpora, the domains, and what the vocabulary is the same as."""
        return (*super().references(), *domain_references("domains", self.domains))

    def run(self, work: Work) -> Produced:
        """Pre-train."""
        return pretrain(self, work)

    def pretrain(
        self, material: Material, *, checkpoint: Path | None, threads: int
    ) -> Generator[Progress, None, EmbeddingTable]:
        """See TableSpec."""
        labels = UnitLabels.of(self.domains, material.text, self.unit, corpus=self.corpus, find=material.domains)
        objective = self.build(partial(DomainClassifier, labels=labels), vocabulary_size=len(material.vocabulary))
        trainee = UnitTrainee.of(self, objective, material, self.unit, labels.labelled)
        table = yield from pretrain_bilstm(
            trainee, self.plan(), self.averaging(), checkpoint=checkpoint, threads=threads
        )
        labelled = len(labels.labelled)
        units = {"labelled": labelled, "skipped": len(labels.labels_U) - labelled}
        facts = {"labels": list(labels.names), "units": units}
        return replace(table, details={**table.details, **facts})


class DomainClassifier(Objective):
    """z = softmax(Z [h g] + b), equation (2), at every word; forward state first."""

    def __init__(self, network: BidirectionalLSTM, *, labels: UnitLabels) -> None:
        super().__init__()
        self.network = network
        self.domain = nn.Linear(2 * network.forward_lstm.hidden_size, len(labels.names))
        self.labels_U = torch.from_numpy(labels.labels_U)
        self._train_accuracy = RunningMean()

    def logits(self, words_TB: Tensor, lengths_B: Tensor) -> Tensor:
        """[T, B, K] of the domain, at every word."""
        states = self.network(words_TB, lengths_B)
        logits_TBK: Tensor = self.domain(torch.cat([states.forward_TBH, states.backward_TBH], dim=2))
        return logits_TBK

    def loss(self, batch: UnitBatch) -> Loss:
        """Of all words of the batch."""
        logits_NK, labels_N = self._predicted(batch)
        if self.training:
            self._train_accuracy.add(_right(logits_NK, labels_N) / len(labels_N))
        return Loss(cross_entropy(logits_NK, labels_N, reduction="sum"), len(labels_N))

    @property
    def train_accuracy(self) -> float | None:
        """Share of the words told right in about the last hundred batches, while the weights were moving."""
        return self._train_accuracy.value

    def predictions(self, *, words: int, pieces: int) -> int:
        """One for each word."""
        return words

    def metrics(self, moment: Mapping[str, float]) -> Mapping[str, float]:
        """The loop's but for perplexities, and the accuracy."""
        metrics = {name: figure for name, figure in moment.items() if not name.endswith("perplexity")}
        return metrics if self.train_accuracy is None else {**metrics, "train_accuracy": self.train_accuracy}

    @torch.no_grad()
    def summary(self, result: FitResult, held_out: Iterable[UnitBatch]) -> Mapping[str, float]:
        """Accuracies, that on units which weren't learned with the best weights."""
        metrics = {
            "epochs": float(result.epochs),
            "best_epoch": float(result.best_epoch),
            "train_loss": math.log(result.train_perplexity),
            "tokens_per_second": result.tokens_per_second,
        }
        right, words = 0, 0
        for batch in held_out:
            logits_NK, labels_N = self._predicted(batch)
            right, words = right + _right(logits_NK, labels_N), words + len(labels_N)
        return self.metrics(metrics | ({"valid_accuracy": right / words} if words else {}))

    def _predicted(self, batch: UnitBatch) -> tuple[Tensor, Tensor]:
        """[N, K] logits and [N] labels of the words of a batch."""
        words_TB, lengths_B = tensors(batch, device_of(self))
        within_TB = torch.arange(len(words_TB), device=lengths_B.device)[:, None] < lengths_B
        labels_B = self.labels_U[torch.from_numpy(batch.unit_index_B)].to(lengths_B.device)
        return self.logits(words_TB, lengths_B)[within_TB], labels_B.expand_as(words_TB)[within_TB]


def _right(logits_NK: Tensor, labels_N: Tensor) -> int:
    return int((logits_NK.argmax(dim=1) == labels_N).sum())
