"""Ask a trained language model for the ranks of words in their contexts: what an experiment's table shows."""

import math
from collections.abc import Generator, Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field

from hindcast.json_model import JsonModel
from hindcast.lm.base import History
from hindcast.lm.bundle import Bundle
from hindcast.lm.evaluation import read
from hindcast.progress import Progress
from hindcast.registry import ResourceType
from hindcast.text.pipeline import END, pipeline
from hindcast.text.vocabulary import Word
from hindcast_trainer.references import Reference
from hindcast_trainer.work import Produced, Work


class Probe(JsonModel):
    """A word, and the text before it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    context: str = Field(max_length=1_000_000)
    """Raw text; its last sentence is the one that the word goes on with."""
    target: Annotated[Word, Field(max_length=1_000)]
    """The word."""


class ProbeJob(BaseModel):
    """Rank words by one model. Comes of an experiment, can't be posted as a job.

    Its metrics are `probe_0_rank` and `probe_0_probability` for the first probe, and so on; they lack where the
    vocabulary lacks the word.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kind: Literal["probe"] = "probe"
    result_type: ClassVar[ResourceType | None] = None

    model: str = Field(min_length=1)
    """Its id."""
    probes: tuple[Probe, ...] = Field(min_length=1)
    history: History | None = None
    """How much of each context counts; null: as the model was trained."""

    def references(self) -> Sequence[Reference]:
        """The model."""
        return [Reference("model", ("model",), self.model)]

    def run(self, work: Work) -> Produced:
        """Rank them."""
        torch.set_num_threads(work.threads)
        bundle = Bundle.open(work.folder(self.model))
        return Produced(metrics=work.run(probe(bundle, self.probes, self.history or bundle.history)))


def probe(bundle: Bundle, probes: Sequence[Probe], history: History) -> Generator[Progress, None, dict[str, float]]:
    """Rank and probability of each target that the model knows, after its context."""
    metrics: dict[str, float] = {}
    for number, each in enumerate(probes):
        yield Progress(number, len(probes), "probes", f"rank of {each.target}")
        target = _id(bundle, each.target)
        if target is not None:
            hidden_1H = read(bundle.model, _prefix(bundle, each.context, history))
            ranks, log_probs = bundle.model.ranks(hidden_1H, torch.tensor([target]))
            metrics[f"probe_{number}_rank"] = float(ranks[0])
            metrics[f"probe_{number}_probability"] = math.exp(float(log_probs[0]))
    return metrics


def _id(bundle: Bundle, target: str) -> int | None:
    """The id of a word, as it stands or as the model's pipeline writes it; None where the model doesn't know it."""
    if target in bundle.vocabulary:
        return bundle.vocabulary.id(target)
    words = [word for sentence in pipeline(bundle.pipeline).document(target) for word in sentence]
    return bundle.vocabulary.id(words[0]) if len(words) == 1 and words[0] in bundle.vocabulary else None


def _prefix(bundle: Bundle, text: str, history: History) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Ids of what the model reads before the word."""
    context = pipeline(bundle.pipeline).context(text)
    closed = [word for sentence in context.closed for word in (*sentence, END)] if history == "document" else []
    return bundle.vocabulary.encode([*closed, *context.open])
