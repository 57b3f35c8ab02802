"""How sure the figures of an experiment's row are: its perplexity, and its change to the baseline."""

import hashlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict, Field

from hindcast.bootstrap import RESAMPLES
from hindcast.errors import Corrupt, InvalidInput, NotFound
from hindcast.json_model import JsonModel
from hindcast.progress import Progress, relay
from hindcast.registry import ResourceType
from hindcast.text.corpus import CorpusReference
from hindcast_trainer.bootstrap import difference, perplexity_interval, resample
from hindcast_trainer.held_out import HeldOutScores
from hindcast_trainer.overlap import overlap
from hindcast_trainer.references import Reference
from hindcast_trainer.texts import corpus_references, text_of
from hindcast_trainer.work import Produced, Work


class ComparisonJob(JsonModel):
    """Take the interval of a row's perplexity or, beside a baseline, of its change to that. Comes of an experiment,
    which has one of each for a row; can't be posted as a job.

    Its metrics are `perplexity_low` and `perplexity_high`, with a baseline `change`, `change_low`, `change_high` and
    `p_value` (lacking where the models differ in vocabulary, pipeline or text), and with pre-training
    `pretraining_overlap`, the share of the test text's long word sequences that were pre-trained on. See bootstrap.py
    for what the intervals cover.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kind: Literal["comparison"] = "comparison"
    result_type: ClassVar[ResourceType | None] = None

    models: tuple[str, ...] = Field(min_length=1)
    """The row's, one for each seed."""
    baseline: tuple[str, ...] = ()
    """The baseline's; none where the row's own perplexity is all that is asked for."""
    text: CorpusReference
    """Whose perplexity counts."""
    pretraining: tuple[CorpusReference, ...] = ()
    """What the row's table was trained on: given beside the row alone."""

    def references(self) -> Sequence[Reference]:
        """The models and the corpora."""
        models = {"models": self.models, "baseline": self.baseline}
        corpora = {"text": self.text, **{f"pretraining.{place}": each for place, each in enumerate(self.pretraining)}}
        return [
            *(Reference(f"{f}.{place}", ("model",), id) for f, ids in models.items() for place, id in enumerate(ids)),
            *(reference for field, corpus in corpora.items() for reference in corpus_references(field, corpus)),
        ]

    def run(self, work: Work) -> Produced:
        """Compare them."""
        row = _read(work, self.models)
        if len({each.like for each in row}) > 1:
            raise InvalidInput.field(
                "models", "differ in vocabulary, pipeline or text: they have no perplexity in common"
            )
        baseline = _read(work, self.baseline)
        if {each.like for each in baseline} - {row[0].like}:
            work.log("The baseline differs in vocabulary, pipeline or text: no change to it can be told.")
            baseline = []
        metrics = work.run(compared(row, baseline))
        if self.pretraining:
            metrics["pretraining_overlap"] = self._overlap(work)
        return Produced(metrics=metrics)

    def _overlap(self, work: Work) -> float:
        test = text_of(work, self.text, field="text")
        others = [text_of(work, each, field=f"pretraining.{place}") for place, each in enumerate(self.pretraining)]
        return work.run(overlap(test, others)).share


@dataclass(frozen=True)
class ModelScores:
    """What is compared of one model. S sentences."""

    nats_S: npt.NDArray[np.float64]
    tokens_S: npt.NDArray[np.int64]
    like: tuple[str, ...]
    """Equal for models whose perplexities can be compared."""


def compared(
    row: Sequence[ModelScores], baseline: Sequence[ModelScores]
) -> Generator[Progress, None, dict[str, float]]:
    """The figures, as ComparisonJob names them."""
    nats_SM = np.column_stack([each.nats_S for each in (*row, *baseline)])
    tokens_S = row[0].tokens_S
    resampled_BM = yield from relay(
        resample(nats_SM, tokens_S), lambda done: Progress(done, RESAMPLES, "resamples", "resampling the test text")
    )
    seen_M = nats_SM.sum(axis=0) / tokens_S.sum()
    own, others = slice(len(row)), slice(len(row), None)
    perplexity = perplexity_interval(resampled_BM[:, own], seen_M[own])
    metrics = {"perplexity_low": perplexity.low, "perplexity_high": perplexity.high}
    if baseline:
        found = difference(resampled_BM[:, own], resampled_BM[:, others], seen_M[own], seen_M[others])
        metrics |= {
            "change": found.change,
            "change_low": found.interval.low,
            "change_high": found.interval.high,
            "p_value": found.p_value,
        }
    return metrics


def _read(work: Work, models: Sequence[str]) -> list[ModelScores]:
    """What the models' folders keep. NotFound, naming the model, where one keeps no scores."""
    found = []
    for id in models:
        facts = work.resource(id).facts
        try:
            held_out = HeldOutScores.open(work.folder(id))
        except (NotFound, Corrupt) as error:
            raise type(error)(f"Model {id} can't be compared. {error.detail}") from error
        lengths_S = held_out.scores.tokens_S
        like = (
            facts["vocabulary"]["sha256"],
            facts["pipeline"],
            held_out.role,
            held_out.reference.model_dump_json(),
            hashlib.sha256(lengths_S.tobytes()).hexdigest(),
        )
        found.append(ModelScores(held_out.scores.nats_S, lengths_S, like))
    return found
