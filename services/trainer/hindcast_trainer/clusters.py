"""Units of a text and the clusters that they are nearest to.

Shapes: U units (sentences, paragraphs or documents), M terms, D latent dimensions, K domains, I clusters at first.

scikit-learn takes two seconds to import, and every process that does a job knows this module: those that cluster pay.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from hindcast_trainer.lsa import Floats, LatentSpace, TermCounts, to_unit_length, weigh

UNCLASSIFIED = -1
"""The label of a unit that no term tells anything about."""

Labels = npt.NDArray[np.int32]
Indices = npt.NDArray[np.int64]

_KMEANS_STARTS = 3
_KMEANS_UNITS = 100_000
_SILHOUETTE_UNITS = 2_000
_SMALLEST_SHARE = 0.75
_TOP_TERMS = 10
_LABEL_TERMS = 3


@dataclass(frozen=True)
class Classification:
    """The nearest domain of each unit."""

    labels_U: Labels
    """UNCLASSIFIED where no term of the unit tells anything."""
    margins_U: Floats
    """Cosine with the nearest domain less that with the second; 0 where there is no label."""


def kmeans(space: LatentSpace, counts: TermCounts, *, clusters: int, seed: int) -> tuple[Floats, Indices]:
    """[I, D] unit-length centroids and [I] sizes of clusters of the units, or of a sample of a hundred thousand."""
    from sklearn.cluster import KMeans

    chosen_U = _sample(np.flatnonzero(counts.described), _KMEANS_UNITS, seed)
    fitted = KMeans(clusters, n_init=_KMEANS_STARTS, random_state=seed).fit(space.project(counts.counts_UM[chosen_U]))
    return to_unit_length(fitted.cluster_centers_), np.bincount(fitted.labels_, minlength=clusters)


def most_dissimilar(centroids_ID: Floats, sizes_I: Indices, k: int) -> list[int]:
    """Pick k clusters: the two with the lowest cosine, then again and again the one whose nearest picked is farthest.

    A handful of odd units makes the most dissimilar cluster of all, and no domain: clusters of less than three
    quarters of the mean size are passed over, smallest first, while k are left.
    """
    by_size = [int(index) for index in np.argsort(-sizes_I, kind="stable")]
    large = int((sizes_I >= _SMALLEST_SHARE * sizes_I.mean()).sum())
    candidates = by_size[: max(k, large)]
    cosines_II = centroids_ID @ centroids_ID.T
    _, *picked = min((float(cosines_II[one, other]), one, other) for one, other in combinations(candidates, 2))
    while len(picked) < k:
        left = [index for index in candidates if index not in picked]
        picked.append(min(left, key=lambda index: float(cosines_II[index, picked].max())))
    return picked


def surest(classification: Classification, confidence: float) -> Indices:
    """Rising indices of the units whose margin is at or above the quantile of their own cluster's."""
    labels_U, margins_U = classification.labels_U, classification.margins_U
    kept_U = np.zeros(len(labels_U), dtype=np.bool_)
    for label in np.unique(labels_U[labels_U != UNCLASSIFIED]):
        members_U = labels_U == label
        kept_U |= members_U & (margins_U >= np.quantile(margins_U[members_U], confidence))
    return np.flatnonzero(kept_U)


def centroids(space: LatentSpace, counts_UM: sparse.csr_matrix, labels_U: Labels, k: int) -> Floats:
    """[K, D] unit-length means of each domain's units."""
    sums_KD = np.zeros((k, space.axes_MD.shape[1]), dtype=np.float64)
    for units, rows_UD in space.project_by_chunks(counts_UM):
        np.add.at(sums_KD, labels_U[units], rows_UD)
    return to_unit_length(sums_KD.astype(np.float32))


def classify(space: LatentSpace, counts: TermCounts, centroids_KD: Floats) -> Classification:
    """The nearest centroid of every unit of the text."""
    labels_U = np.full(counts.counts_UM.shape[0], UNCLASSIFIED, dtype=np.int32)
    margins_U = np.zeros(len(labels_U), dtype=np.float32)
    for units, rows_UD in space.project_by_chunks(counts.counts_UM):
        cosines_UK = rows_UD @ centroids_KD.T
        second_U, best_U = np.partition(cosines_UK, -2, axis=1)[:, -2:].T
        known_U = rows_UD.any(axis=1)
        labels_U[units] = np.where(known_U, cosines_UK.argmax(axis=1), UNCLASSIFIED)
        margins_U[units] = np.where(known_U, best_U - second_U, 0.0)
    return Classification(labels_U, margins_U)


def silhouette(space: LatentSpace, counts: TermCounts, classification: Classification, *, seed: int) -> float | None:
    """Mean silhouette by cosine of a sample of the classified units, from -1 to 1; None where all are in one domain."""
    from sklearn.metrics import silhouette_score

    chosen_U = _sample(np.flatnonzero(classification.labels_U != UNCLASSIFIED), _SILHOUETTE_UNITS, seed)
    labels_U = classification.labels_U[chosen_U]
    if not 2 <= len(np.unique(labels_U)) < len(labels_U):
        return None
    return float(silhouette_score(space.project(counts.counts_UM[chosen_U]), labels_U, metric="cosine"))


def describe(space: LatentSpace, counts: TermCounts, classification: Classification, *, k: int) -> list[dict[str, Any]]:
    """Each domain's most telling terms (mean weight in it less that in the whole text), its size and mean margin."""
    known_U = np.flatnonzero(classification.labels_U != UNCLASSIFIED)
    labels_U = classification.labels_U[known_U]
    sizes_K = np.bincount(labels_U, minlength=k)
    margins_K = np.bincount(labels_U, weights=classification.margins_U[known_U], minlength=k) / np.maximum(sizes_K, 1)
    weighted_UM = weigh(counts.counts_UM, space.weights_M)
    members_KU = sparse.csr_matrix((np.ones(len(known_U)), (labels_U, known_U)), shape=(k, weighted_UM.shape[0]))
    means_KM = (members_KU @ weighted_UM).toarray() / np.maximum(sizes_K, 1)[:, None]
    order_KM = np.argsort(np.asarray(weighted_UM.mean(axis=0)) - means_KM, axis=1, kind="stable")[:, :_TOP_TERMS]
    return [
        _described(id, [counts.terms[index] for index in order_KM[id]], int(sizes_K[id]), float(margins_K[id]))
        for id in range(k)
    ]


def _described(id: int, top_terms: Sequence[str], units: int, margin: float) -> dict[str, Any]:
    label = " ".join(top_terms[:_LABEL_TERMS])
    return {"id": id, "label": label, "top_terms": list(top_terms), "paragraphs": units, "confidence": margin}


def agreement(labels_U: Labels, gold_U: Indices) -> dict[str, float] | None:
    """Normalised mutual information and purity over the units that have both labels (0 or more); None if none has."""
    from sklearn.metrics import normalized_mutual_info_score

    both_U = (labels_U >= 0) & (gold_U >= 0)
    found, gold = labels_U[both_U], gold_U[both_U]
    if not len(found):
        return None
    together = np.zeros((int(found.max()) + 1, int(gold.max()) + 1), dtype=np.int64)
    np.add.at(together, (found, gold), 1)
    purity = float(together.max(axis=1).sum() / len(found))
    return {"nmi": float(normalized_mutual_info_score(gold, found)), "purity": purity}


def _sample(indices: Indices, most: int, seed: int) -> Indices:
    if len(indices) <= most:
        return indices
    return np.sort(np.random.default_rng(seed).choice(indices, most, replace=False))
