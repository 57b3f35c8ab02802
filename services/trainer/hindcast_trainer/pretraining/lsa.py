"""Latent semantic analysis [18, 19]: words are alike if they occur in the same paragraphs or documents.

Shapes: V words of the vocabulary, W of them that occur, U units of the text, D the vectors' size.
"""

from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy import sparse
from threadpoolctl import threadpool_limits

from hindcast.errors import InvalidInput
from hindcast.nn.embedding_table import EmbeddingTable
from hindcast.progress import Progress, relay
from hindcast_trainer.lsa import count_columns
from hindcast_trainer.pretrain import Material, pretrain
from hindcast_trainer.pretraining.base import LARGEST_SIZE, LearnedTableSpec
from hindcast_trainer.work import Produced, Work

Weighting = Literal["log_entropy", "tf_idf", "none"]

POWER_ITERATIONS = 7
"""Of the randomised decomposition: what scikit-learn takes where few of many dimensions are asked for. The last of some
hundred dimensions differ little from one another, and come out mixed with those beyond them after fewer."""
_VANISHING = 1e-5
"""A singular value below so much of the largest is rounding, in single precision."""


class Lsa(LearnedTableSpec):
    """Pre-train embeddings by latent semantic analysis: a truncated singular value decomposition of how often each word
    occurs in each unit. A word's vector is its row of left singular vectors, times the singular values. A matter of a
    minute or so: an interrupted one starts anew."""

    kind: Literal["lsa"] = "lsa"
    objective: ClassVar[str] = "LSA"

    unit: Literal["paragraph", "document"] = "paragraph"
    """In which words occur together."""
    size: int = Field(default=256, ge=1, le=LARGEST_SIZE)
    """Of a word's vector; no more than the text has words, or units, that tell each other apart."""
    weighting: Weighting = "log_entropy"
    """What a word weighs in a unit in which it occurs c times. `log_entropy`: log(1 + c) · (1 - ε), where ε is the
    entropy of the word's occurrences over all U units, divided by log U: 1 for a word that is spread evenly, 0 for one
    that is in a single unit. `tf_idf`: c · log(U / units that have it). `none`: c."""

    def run(self, work: Work) -> Produced:
        """Pre-train."""
        return pretrain(self, work)

    def pretrain(
        self, material: Material, *, checkpoint: Path | None, threads: int
    ) -> Generator[Progress, None, EmbeddingTable]:
        """See TableSpec."""
        text, words = material.text, material.vocabulary.words
        progress = partial(Progress, total=2, unit="steps")
        steps = count_columns(text, self.unit, np.arange(len(words)), columns=len(words))
        counts_UV = yield from relay(steps, lambda share: progress(share, message="counting words"))
        occurring = np.unique(counts_UV.indices)
        weighted_UW = weigh(counts_UV[:, occurring], self.weighting)
        most = min(weighted_UW.shape)
        if self.size > most:
            raise InvalidInput.field("size", self._too_large(most))
        yield progress(1, message=f"decomposing {len(occurring):,} words × {weighted_UW.shape[0]:,} {self.unit}s")
        vectors_WD, singular_D = decompose(weighted_UW, self.size, seed=self.seed)
        rank = int((singular_D > _VANISHING * singular_D[0]).sum())
        if rank < self.size:
            raise InvalidInput.field("size", self._too_large(rank))
        explained = float(np.square(singular_D, dtype=np.float64).sum() / weighted_UW.multiply(weighted_UW).sum())
        details: dict[str, Any] = {"repeatable": True, "metrics": {"explained": explained}}
        return EmbeddingTable(tuple(words[id] for id in occurring.tolist()), vectors_WD, details)

    def _too_large(self, most: int) -> str:
        return f"must be at most {most}: the {self.unit}s of this text have no more dimensions"


def weigh(counts_UW: sparse.csr_matrix, weighting: Weighting) -> sparse.csr_matrix:
    """float32; see Lsa.weighting. Every word occurs in some unit."""
    counts, words = counts_UW.data.astype(np.float64), counts_UW.indices
    if weighting == "log_entropy":
        weighted = np.log1p(counts) * (1 - _entropies(counts_UW))[words]
    elif weighting == "tf_idf":
        weighted = counts * np.log(counts_UW.shape[0] / np.bincount(words, minlength=counts_UW.shape[1]))[words]
    else:
        weighted = counts
    return sparse.csr_matrix((weighted.astype(np.float32), words, counts_UW.indptr), shape=counts_UW.shape)


def _entropies(counts_UW: sparse.csr_matrix) -> npt.NDArray[np.float64]:
    """[W] from 0 to 1; 0 where there is but one unit."""
    units, size = counts_UW.shape
    counts, words = counts_UW.data.astype(np.float64), counts_UW.indices
    shares = counts / np.bincount(words, weights=counts, minlength=size)[words]
    entropies_W = np.bincount(words, weights=-shares * np.log(shares), minlength=size) / max(np.log(units), 1e-9)
    clipped: npt.NDArray[np.float64] = entropies_W.clip(0, 1)  # an even spread is 1, not a rounding beyond
    return clipped


def decompose(
    weighted_UW: sparse.csr_matrix, size: int, *, seed: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """[W, D] left singular vectors of words by units, times the singular values, and these [D]."""
    from sklearn.utils.extmath import randomized_svd  # two seconds, as in hindcast_trainer.clusters

    with threadpool_limits(limits=1):  # several add up in whatever order they come by
        words_WD, singular_D, _ = randomized_svd(weighted_UW.T, size, n_iter=POWER_ITERATIONS, random_state=seed)
    return np.ascontiguousarray(words_WD * singular_D, dtype=np.float32), singular_D.astype(np.float32)
