"""Which domain each part of a text belongs to, found without labels: section 4 of the paper.

K-means in an LSA space, the k most dissimilar clusters, then in rounds: keep what is classified with confidence,
recompute the space and the clusters from that alone, reclassify the whole text.
"""

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict, Field, ValidationInfo, field_validator
from safetensors.numpy import load_file, save_file
from threadpoolctl import threadpool_limits

from hindcast.errors import InvalidInput
from hindcast.json_model import JsonModel
from hindcast.progress import Progress, relay
from hindcast.registry import ResourceType
from hindcast.text.corpus import CorpusReference, Text, Unit
from hindcast.text.vocabulary import Vocabulary
from hindcast_trainer.assignment import DomainAssignment
from hindcast_trainer.clusters import (
    UNCLASSIFIED,
    Classification,
    agreement,
    centroids,
    classify,
    describe,
    kmeans,
    most_dissimilar,
    silhouette,
    surest,
)
from hindcast_trainer.lsa import LatentSpace, TermCounts, count_terms
from hindcast_trainer.references import Reference
from hindcast_trainer.texts import corpus_references, text_of
from hindcast_trainer.work import Produced, Work

_ONE_THREAD = partial(threadpool_limits, limits=1)
"""Several add up in whatever order they come by: with one, equal seeds give equal domains."""


class DomainsJob(JsonModel):
    """Find the domains of a text."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kind: Literal["domains"] = "domains"
    result_type: ClassVar[ResourceType | None] = "domains"

    corpus: CorpusReference
    """The text to divide. Labels that it may have play no part but in `agreement`."""
    unit: Unit = "paragraph"
    """What has one domain."""
    k: int = Field(ge=2, le=1_000)
    """How many domains."""
    initial_clusters: int | None = Field(default=None, ge=2, le=5_000)
    """Clusters of which the k most dissimilar are picked; null: twice k."""
    lsa_size: int = Field(default=100, ge=2, le=1_000)
    """Dimensions of the LSA space, at most: there are no more than units and terms."""
    rounds: int = Field(default=10, ge=1, le=100)
    """How often the clusters are adjusted and the text is reclassified."""
    confidence: float = Field(default=0.2, ge=0.0, lt=1.0)
    """Quantile, in each cluster, of the margins (cosine with the nearest cluster less that with the second): the units
    at or above it are kept to adjust the cluster. 0 keeps all, 0.9 the surest tenth."""
    seed: int = Field(default=1, ge=0, le=2**32 - 1)
    """Of k-means and of the decomposition."""

    @field_validator("initial_clusters")
    @classmethod
    def _enough_to_pick_from(cls, clusters: int | None, info: ValidationInfo) -> int | None:
        if clusters is not None and clusters < info.data.get("k", 0):
            raise ValueError("must be k or more")
        return clusters

    @property
    def first_clusters(self) -> int:
        """`initial_clusters`, or twice k."""
        return self.initial_clusters or 2 * self.k

    def references(self) -> Sequence[Reference]:
        """The corpora."""
        return corpus_references("corpus", self.corpus)

    def run(self, work: Work) -> Produced:
        """Find the domains and keep them."""
        text = text_of(work, self.corpus)
        assignment = work.run(find_domains(self, text, checkpoint=work.checkpoint))
        folder = work.scratch / "domains"
        folder.mkdir()
        assignment.save(folder)
        return Produced(folder, facts=assignment.facts, metrics=assignment.facts["agreement"] or {})


@dataclass(frozen=True)
class Round:
    """One adjustment of the clusters."""

    kept: int
    """Confidently classified units, from which the space and the clusters were recomputed."""
    moved: int
    """Units that have another domain since."""
    silhouette: float | None
    """How well the domains are separated, from -1 to 1; None where all units are in one."""

    def metrics(self) -> Mapping[str, float]:
        """For the job's metrics."""
        return {name: float(value) for name, value in asdict(self).items() if value is not None}


def find_domains(
    spec: DomainsJob, text: Text, *, checkpoint: Path | None
) -> Generator[Progress, None, DomainAssignment]:
    """The recipe. InvalidInput where there is too little text for what is asked."""
    progress = partial(Progress, total=spec.rounds + 2, unit="rounds")  # counting and clustering precede the first
    counts = yield from relay(count_terms(text, spec.unit), lambda share: progress(share, message="counting terms"))
    check_large_enough(spec, counts)
    rounds: tuple[Round, ...] = ()
    if checkpoint is None:
        yield progress(1, message=f"finding {spec.first_clusters} clusters")
        with _ONE_THREAD():
            classification = first_domains(spec, counts)
    else:
        classification, rounds = _load(checkpoint)
    while True:
        yield progress(
            len(rounds) + 2,
            message=f"round {len(rounds) + 1} of {spec.rounds}",
            metrics=rounds[-1].metrics() if rounds else {},
            save=partial(_save, classification, rounds),
            milestone=True,
        )
        with _ONE_THREAD():
            space, classification, latest = adjust(spec, counts, classification)
        rounds = (*rounds, latest)
        if len(rounds) >= spec.rounds:
            break
    yield progress(spec.rounds + 2, message="describing them", metrics=latest.metrics())
    clusters = describe(space, counts, classification, k=spec.k)
    facts = _facts(spec, clusters, rounds, classification, gold_labels(text, spec.unit))
    return DomainAssignment(classification.labels_U, classification.margins_U, facts)


def check_large_enough(spec: DomainsJob, counts: TermCounts) -> None:
    """InvalidInput, naming the field, unless the text has units enough for the clusters."""
    described = int(counts.described.sum())
    if described < spec.first_clusters:
        raise InvalidInput.field(
            "initial_clusters" if spec.initial_clusters else "k",
            f"asks for {spec.first_clusters} clusters at first (initial_clusters, or else 2 k), but the text has only "
            f"{described} {spec.unit}s with words to tell them apart by",
        )


def first_domains(spec: DomainsJob, counts: TermCounts) -> Classification:
    """Cluster an LSA space of the whole text, pick the k most dissimilar clusters, classify the text against these."""
    space = LatentSpace.of(counts.counts_UM, size=spec.lsa_size, seed=spec.seed)
    centroids_ID, sizes_I = kmeans(space, counts, clusters=spec.first_clusters, seed=spec.seed)
    return classify(space, counts, centroids_ID[most_dissimilar(centroids_ID, sizes_I, spec.k)])


def adjust(spec: DomainsJob, counts: TermCounts, before: Classification) -> tuple[LatentSpace, Classification, Round]:
    """One round: a space and clusters from the confidently classified units alone, then the whole text against them."""
    kept_U = surest(before, spec.confidence)
    left = len(np.unique(before.labels_U[kept_U]))
    if left < spec.k:
        raise InvalidInput.field("k", f"must be less: only {left} clusters of this text hold together")
    space = LatentSpace.of(counts.counts_UM[kept_U], size=spec.lsa_size, seed=spec.seed)
    centroids_KD = centroids(space, counts.counts_UM[kept_U], before.labels_U[kept_U], spec.k)
    after = classify(space, counts, centroids_KD)
    moved = int((after.labels_U != before.labels_U).sum())
    return space, after, Round(len(kept_U), moved, silhouette(space, counts, after, seed=spec.seed))


def gold_labels(text: Text, unit: Unit) -> npt.NDArray[np.int64]:
    """[units] the number of each unit's own label, below 0 where it has none or several."""
    return text.encoded(Vocabulary.from_words(())).labels(unit)


def _facts(
    spec: DomainsJob,
    clusters: Sequence[Mapping[str, Any]],
    rounds: Sequence[Round],
    classification: Classification,
    gold_U: npt.NDArray[np.int64],
) -> Mapping[str, Any]:
    return {
        "corpus": spec.corpus.model_dump(mode="json"),
        "unit": spec.unit,
        "k": spec.k,
        "clusters": clusters,
        "rounds": [asdict(each) for each in rounds],
        "unclassified": int((classification.labels_U == UNCLASSIFIED).sum()),
        "agreement": agreement(classification.labels_U, gold_U),
    }


def _save(classification: Classification, rounds: Sequence[Round], folder: Path) -> None:
    arrays = {"labels": classification.labels_U, "margins": classification.margins_U}
    save_file(arrays, folder / "classification.safetensors")
    (folder / "rounds.json").write_text(json.dumps([asdict(each) for each in rounds]), encoding="utf-8")


def _load(folder: Path) -> tuple[Classification, tuple[Round, ...]]:
    arrays = load_file(folder / "classification.safetensors")
    rounds = json.loads((folder / "rounds.json").read_text(encoding="utf-8"))
    return Classification(arrays["labels"], arrays["margins"]), tuple(Round(**each) for each in rounds)
