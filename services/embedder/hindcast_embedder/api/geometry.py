"""What the directions of words tell: analogies, similarities, a picture, and whether people would say the same."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Query

from hindcast.errors import InvalidInput
from hindcast.nn.embedding_table import EmbeddingTable
from hindcast_embedder.neighbors import unit
from hindcast_embedder.projection import FEWEST_FOR_UMAP, METHODS, Method
from hindcast_embedder.schemas import (
    MAX_POINTS,
    SHOWN_MISSING,
    AnalogyRequest,
    EvaluationAnswer,
    EvaluationRequest,
    ExplainedVariance,
    NeighborsAnswer,
    PairSimilarity,
    Point,
    ProjectionAnswer,
    SimilarityAnswer,
    SimilarityRequest,
)
from hindcast_embedder.tables import OpenTable, Tables
from hindcast_embedder.word_pairs import JudgedPair, agreement, cosines, dataset

NO_DIRECTION = 1e-6
"""What is left of equal directions that are subtracted, for each of them: what rounding made."""


async def _turn() -> AsyncIterator[None]:
    """Held while a picture is drawn."""
    yield


def add_geometry(api: APIRouter, tables: Tables) -> None:
    """Add `…/analogy`, `…/similarity`, `…/projection` and `…/evaluate`."""
    # Seconds of work, with umap: one at a time, and who waits for a turn holds no thread.
    turn = Depends(_turn, scope="function", max_concurrency=1)

    @api.post("/{table}/analogy")
    def analogy(table: str, asked: AnalogyRequest) -> NeighborsAnswer:
        """The words nearest to the sum of the positive words' directions less the negative ones' (3CosAdd), exactly;
        the words that were given are not among them."""
        return _analogy(tables.open(table), asked)

    @api.post("/{table}/similarity")
    def similarity(table: str, asked: SimilarityRequest) -> SimilarityAnswer:
        """The cosine of each pair of words."""
        return _similarity(tables.open(table).table, asked)

    @api.get("/{table}/projection", dependencies=[turn])
    def projection(
        table: str,
        words: Annotated[str | None, Query(description="Separated by commas; none: the first of the table.")] = None,
        method: Annotated[
            Method, Query(description="umap shows who is near whom; it needs the package umap-learn on the server.")
        ] = "pca",
        limit: Annotated[int, Query(ge=1, le=MAX_POINTS, description="At most so many words.")] = 1000,
    ) -> ProjectionAnswer:
        """Words as points in a plane, by the directions of their vectors."""
        return _projection(tables.open(table).table, words, method, limit)

    @api.post("/{table}/evaluate")
    def evaluate(table: str, asked: EvaluationRequest) -> EvaluationAnswer:
        """Spearman's rank correlation of cosines with how similar people find pairs of words. A word that the table
        lacks is looked for in lower case too."""
        return _evaluation(tables.open(table).table, asked)


def _analogy(opened: OpenTable, asked: AnalogyRequest) -> NeighborsAnswer:
    positive = opened.rows_of({f"positive.{place}": word for place, word in enumerate(asked.positive)})
    negative = opened.rows_of({f"negative.{place}": word for place, word in enumerate(asked.negative)})
    directions = unit(opened.table.vectors[[*positive, *negative]]).astype(np.float64)
    signs = np.repeat([1.0, -1.0], [len(positive), len(negative)])
    direction = signs @ directions
    if np.linalg.norm(direction) < NO_DIRECTION * len(signs):
        raise InvalidInput.field("positive", "has no direction: its vectors, less the negative ones, add up to zero")
    return NeighborsAnswer.of(opened.nearest(unit(direction), k=asked.k, leave_out={*positive, *negative}))


def _similarity(table: EmbeddingTable, asked: SimilarityRequest) -> SimilarityAnswer:
    found = _cosines(table, asked.pairs)
    similarities = [
        PairSimilarity(
            words=pair, similarity=cosine, missing=[word for word in dict.fromkeys(pair) if table.row(word) is None]
        )
        for pair, cosine in zip(asked.pairs, found, strict=True)
    ]
    return SimilarityAnswer(similarities=similarities)


def _cosines(table: EmbeddingTable, pairs: Sequence[tuple[str, str]]) -> list[float | None]:
    """Of each pair; None where there is none."""
    rows = [(table.row(first), table.row(second)) for first, second in pairs]
    known = [place for place, pair in enumerate(rows) if None not in pair]
    rows_P2 = np.array([rows[place] for place in known], dtype=np.int64).reshape(-1, 2)
    found: list[float | None] = [None] * len(pairs)
    for place, cosine in zip(known, cosines(table.vectors, rows_P2[:, 0], rows_P2[:, 1]).tolist(), strict=True):
        found[place] = None if np.isnan(cosine) else cosine
    return found


def _projection(table: EmbeddingTable, words: str | None, method: Method, limit: int) -> ProjectionAnswer:
    asked = table.words[:limit] if words is None else [word for word in words.split(",") if word]
    rows = {word: table.row(word) for word in asked}
    known = {word: row for word, row in rows.items() if row is not None}
    if len(known) > limit:
        raise InvalidInput.field("words", f"has {len(known)} words, more than the limit of {limit}")
    if method == "umap" and len(known) < FEWEST_FOR_UMAP:
        raise InvalidInput.field("words", f"must have at least {FEWEST_FOR_UMAP} words of the table for umap")
    drawn = METHODS[method](table.vectors[[*known.values()]])
    variance = drawn.explained_variance
    return ProjectionAnswer(
        points=[Point(word=word, x=x, y=y) for word, (x, y) in zip(known, drawn.points_N2.tolist(), strict=True)],
        missing=[word for word, row in rows.items() if row is None],
        method=method,
        explained_variance=None if variance is None else ExplainedVariance(x=variance[0], y=variance[1]),
    )


def _evaluation(table: EmbeddingTable, asked: EvaluationRequest) -> EvaluationAnswer:
    judged = dataset(asked.dataset) if asked.dataset else [JudgedPair(*pair) for pair in asked.pairs or []]
    found = _cosines(table, [(_as_known(table, pair.first), _as_known(table, pair.second)) for pair in judged])
    both = [(cosine, pair.score) for cosine, pair in zip(found, judged, strict=True) if cosine is not None]
    cosines_P, scores_P = np.array(both, dtype=np.float64).reshape(-1, 2).T
    agreed = agreement(cosines_P, scores_P)
    missing = (word for pair in judged for word in pair[:2] if table.row(_as_known(table, word)) is None)
    return EvaluationAnswer(
        dataset=asked.dataset,
        spearman=agreed.spearman,
        p_value=agreed.p_value,
        pairs=len(judged),
        found=len(both),
        coverage=len(both) / len(judged),
        missing=[*dict.fromkeys(missing)][:SHOWN_MISSING],
    )


def _as_known(table: EmbeddingTable, word: str) -> str:
    """The word as it is written, or in lower case where the table has only that."""
    return word if table.row(word) is not None else word.lower()
