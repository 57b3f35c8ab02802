"""Ask a trained language model for the topical words of a test text: whether it knows what the text is about."""

from collections.abc import Generator, Sequence
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch
from pydantic import ConfigDict, Field

from hindcast.json_model import JsonModel
from hindcast.lm.bundle import Bundle
from hindcast.lm.ranking import ranks_at
from hindcast.progress import Progress
from hindcast.registry import ResourceType
from hindcast.text.corpus import CorpusReference, EncodedText
from hindcast_trainer.references import Reference
from hindcast_trainer.texts import corpus_references, text_of
from hindcast_trainer.topical_words import TopicalWords, choose
from hindcast_trainer.work import Produced, Work

FIGURES = ("median", "mrr", "hits_at_10", "hits_at_100")
"""Of ranks: their median, the mean of their reciprocals, and the shares of at most 10 and at most 100."""
CONTEXTS = ("document", "sentence")
"""What precedes a word: the document so far, or its sentence alone."""

_SHOWN = 10


class AutoProbes(JsonModel):
    """Let the test text itself choose the words."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    auto: int = Field(ge=1, le=10_000)
    """How many words: those that tell most what their document is about (the highest tf-idf), not among the 1,000 most
    frequent of the vocabulary, and not said before in their sentence; of each document a few. Models of the same
    vocabulary are asked for the same words."""


class TopicalProbeJob(JsonModel):
    """Rank a text's topical words by one model. Comes of an experiment, can't be posted as a job.

    Its metrics are `words`, how many words the text had of those that were asked for, and where there is any
    `document_median`, `document_mrr`, `document_hits_at_10` and `document_hits_at_100`, given the document so far,
    and the same of `sentence`, given the sentence alone: both ways, however the model was trained.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kind: Literal["topical_probe"] = "topical_probe"
    result_type: ClassVar[ResourceType | None] = None

    model: str = Field(min_length=1)
    """Its id."""
    text: CorpusReference
    """Where the words are looked for."""
    probes: AutoProbes

    def references(self) -> Sequence[Reference]:
        """The model and the corpora."""
        return [Reference("model", ("model",), self.model), *corpus_references("text", self.text)]

    def run(self, work: Work) -> Produced:
        """Choose the words and rank them."""
        torch.set_num_threads(work.threads)
        bundle = Bundle.open(work.folder(self.model))
        text = text_of(work, self.text, field="text").encoded(bundle.vocabulary)
        words = choose(text, bundle.vocabulary, count=self.probes.auto)
        shown = [bundle.vocabulary.words[id] for id in text.take(words.positions_P[:_SHOWN])]
        work.log(f"{len(words):,} topical words, the first of them {', '.join(shown) or 'none'}")
        return Produced(metrics=work.run(ranked(bundle, text, words)))


def ranked(bundle: Bundle, text: EncodedText, words: TopicalWords) -> Generator[Progress, None, dict[str, float]]:
    """The figures of both contexts."""
    metrics = {"words": float(len(words))}
    starts = {"document": words.document_starts_P, "sentence": words.sentence_starts_P}
    total, done = len(words) * len(starts), 0
    for context, starts_P in starts.items():
        ranks_P = np.empty(len(words), dtype=np.int64)
        yield Progress(done, total, "words", f"ranks given the {context}")
        for chosen, ranks in ranks_at(bundle.model, text, words.positions_P, starts_P):
            ranks_P[chosen] = ranks
            done += len(chosen)
            yield Progress(done, total, "words", f"ranks given the {context}")
        if len(words):
            metrics |= {f"{context}_{name}": value for name, value in figures(ranks_P).items()}
    return metrics


def figures(ranks_P: npt.NDArray[np.int64]) -> dict[str, float]:
    """FIGURES of some ranks."""
    return {
        "median": float(np.median(ranks_P)),
        "mrr": float(np.mean(1 / ranks_P)),
        "hits_at_10": float(np.mean(ranks_P <= 10)),
        "hits_at_100": float(np.mean(ranks_P <= 100)),
    }
