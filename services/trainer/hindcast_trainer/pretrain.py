"""Pre-train embeddings: sections 3 and 4 of the paper. Every kind makes a vector for each word of a text, but for
those that put tables together (pretraining/concatenation.py)."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from hindcast.errors import InvalidInput
from hindcast.nn.embedding_table import EmbeddingTable
from hindcast.progress import Progress
from hindcast.text.corpus import CorpusReference, EncodedText, Text, Unit
from hindcast.text.vocabulary import Vocabulary, VocabularySpec
from hindcast_trainer.assignment import DomainAssignment
from hindcast_trainer.texts import text_of, vocabulary_of
from hindcast_trainer.work import Produced, Work


@dataclass(frozen=True)
class Material:
    """What embeddings are pre-trained on."""

    text: EncodedText
    """Words that aren't in the vocabulary are `<unk>`, every sentence ends with `</s>`."""
    vocabulary: Vocabulary
    domains: Callable[[str], DomainAssignment]
    """Finds domains by their id."""
    device: str = "cpu"
    """What networks are trained on, for hindcast.nn.device.torch_device."""


class TableSpec(Protocol):
    """What all kinds of pre-training on a text say."""

    @property
    def kind(self) -> str:
        """Its name."""

    @property
    def objective(self) -> str:
        """What the paper's Table 1 calls it."""

    @property
    def corpus(self) -> CorpusReference:
        """The text to learn from."""

    @property
    def unit(self) -> Unit:
        """What is read at a time: nothing is learned across its bounds."""

    @property
    def vocabulary(self) -> VocabularySpec:
        """Which words get a vector."""

    @property
    def lineage(self) -> Mapping[str, Any]:
        """Ids of all that the table is made from."""

    def pretrain(
        self, material: Material, *, checkpoint: Path | None, threads: int
    ) -> Generator[Progress, None, EmbeddingTable]:
        """A vector for each word of the vocabulary that occurs in the text. The table's details are what this kind has
        to say: its `metrics`, and whether the same seed gives the same table (`repeatable`)."""

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        """As JSON."""


def pretrain(spec: TableSpec, work: Work) -> Produced:
    """The recipe. InvalidInput where the text is too small for what is asked."""
    text = text_of(work, spec.corpus)
    counts = text.counts()
    vocabulary = vocabulary_of(work, spec.vocabulary, counts)
    if not any(word in counts for word in vocabulary.words[2:]):
        raise InvalidInput.field("vocabulary", "has no word that occurs in the text")
    work.log(f"{len(vocabulary):,} words, {text.tokens:,} tokens in {text.units(spec.unit):,} {spec.unit}s")
    material = Material(
        text=text.encoded(vocabulary),
        vocabulary=vocabulary,
        domains=lambda id: DomainAssignment.open(work.folder(id)),
        device=work.device,
    )
    table = work.run(spec.pretrain(material, checkpoint=work.checkpoint, threads=work.threads))
    table = replace(table, details={**_described(spec, text, vocabulary), **table.details})

    folder = work.scratch / "table"
    folder.mkdir()
    table.save(folder)
    return Produced(folder, facts=table.facts, metrics=table.details.get("metrics", {}))


def _described(spec: TableSpec, text: Text, vocabulary: Vocabulary) -> dict[str, Any]:
    return {
        "kind": spec.kind,
        "objective": spec.objective,
        "unit": spec.unit,
        "pipeline": text.pipeline,
        "data": {"tokens": text.tokens, "words": text.words, "sentences": text.sentences},
        "vocabulary": {"size": len(vocabulary), "sha256": vocabulary.sha256},
        "lineage": dict(spec.lineage),
        "spec": spec.model_dump(mode="json"),
    }
