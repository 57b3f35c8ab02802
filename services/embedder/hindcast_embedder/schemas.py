"""What the embedder is sent and what it answers, as JSON."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from hindcast.nn.embedding_table import Normalization
from hindcast.registry import Resource
from hindcast.text.corpus import CorpusReference
from hindcast.web.schemas import RequestSchema, Schema, Timestamp
from hindcast_embedder.projection import Method
from hindcast_embedder.word_pairs import DatasetName

MAX_WORDS = 50_000  # whose vectors one answer holds
MAX_COVERED = 5_000_000
MAX_NEIGHBORS = 1_000
MAX_PAIRS = 50_000
MAX_POINTS = 5_000
SHOWN_MISSING = 20

Word = Annotated[str, Field(min_length=1)]

_OWN_FIELDS = frozenset({"words", "size", "dtype", "source", "skipped"})


class TableCard(Schema):
    """What is known of a table."""

    id: str
    name: str | None
    label: str | None = None
    """What it may be called where it has no name: an experiment's row."""
    words: int
    size: int
    """Of each vector."""
    dtype: Literal["float32"] = "float32"
    source: str
    """The format of the file, or the kind of the job, that it came from."""
    skipped: int
    """Rows of the file that were left out."""
    skipped_because: dict[str, int]
    """By reason: `duplicate` (a word's first row stays), `not_utf8`, `unusable`."""
    job: str | None
    """The job that made it; null for an upload."""
    uses: list[str]
    """Ids of what it was made from."""
    size_bytes: int
    created_at: Timestamp
    details: Mapping[str, Any]
    """What else was noted when it was made."""

    @classmethod
    def of(cls, resource: Resource) -> "TableCard":
        """What a reader is told of a resource, whose facts are an `EmbeddingTable`'s."""
        facts = resource.facts
        skipped = facts.get("skipped", {})
        return cls(
            id=resource.id,
            name=resource.name,
            label=resource.label,
            words=facts["words"],
            size=facts["size"],
            source=facts.get("source", facts.get("kind", "job")),
            skipped=sum(skipped.values()),
            skipped_because=skipped,
            job=resource.job_id,
            uses=list(resource.uses),
            size_bytes=resource.size_bytes,
            created_at=resource.created_at,
            details={name: value for name, value in facts.items() if name not in _OWN_FIELDS},
        )


class VectorsRequest(RequestSchema):
    """Ask for the vectors of words."""

    words: Annotated[list[str], Field(max_length=MAX_WORDS)]
    """Whose vectors are asked for."""
    normalization: Normalization = "none"
    """`unit`: length 1. `mean_variance`: (x - mean) / variance of each dimension. `standardize`: (x - mean) /
    deviation. Statistics are those of the whole table."""


class VectorsAnswer(Schema):
    """In the order asked."""

    vectors: list[list[float] | None]
    """Null for a word that the table lacks."""
    found: list[bool]


class CoverageRequest(RequestSchema):
    """Ask how many words the table has."""

    words: Annotated[list[Word] | dict[Word, Annotated[int, Field(ge=1)]], Field(max_length=MAX_COVERED)] | None = None
    """A list, or an object that gives each word's number of occurrences."""
    vocabulary_of: str | None = None
    """A language model (id or name), instead of words: all words of its vocabulary."""
    corpus: CorpusReference | None = None
    """A text, instead of words: each of its words with its number of occurrences, `</s>` not among them. An id or a
    name, or an object with `corpus` or `corpora`, and perhaps a `split`."""

    @model_validator(mode="after")
    def _one(self) -> "CoverageRequest":
        if [self.words, self.vocabulary_of, self.corpus].count(None) != 2:
            raise ValueError("send one of words, vocabulary_of and corpus")
        return self


class CoverageAnswer(Schema):
    """Types are distinct words; tokens, where numbers of occurrences were sent or counted in a corpus, are those."""

    types: int
    found: int
    coverage: float | None
    """`found` of `types`; null where there are none."""
    tokens: int | None
    found_tokens: int | None
    """Occurrences of words that the table has."""
    token_coverage: float | None
    """`found_tokens` of `tokens`."""
    missing: list[str]
    """The first 20 that the table lacks: those that occur most, else in the order sent."""


class NeighborsRequest(RequestSchema):
    """Ask for the words nearest to a word, to several words' mean direction, or to a vector."""

    word: Word | None = None
    words: Annotated[list[Word], Field(min_length=1, max_length=MAX_NEIGHBORS)] | None = None
    vector: list[float] | None = None
    k: Annotated[int, Field(ge=1, le=MAX_NEIGHBORS)] = 10
    exclude: Annotated[tuple[str, ...], Field(max_length=MAX_WORDS)] = ()
    """Words to leave out, besides those asked about."""

    @model_validator(mode="after")
    def _one(self) -> "NeighborsRequest":
        if [self.word, self.words, self.vector].count(None) != 2:
            raise ValueError("send one of word, words and vector")
        return self


class Neighbor(Schema):
    """A word near by."""

    word: str
    similarity: float
    """Cosine, -1 to 1."""


class NeighborsAnswer(Schema):
    """The most similar first."""

    neighbors: list[Neighbor]

    @classmethod
    def of(cls, found: Sequence[tuple[str, float]]) -> "NeighborsAnswer":
        """Of words and their cosines."""
        return cls(neighbors=[Neighbor(word=word, similarity=cosine) for word, cosine in found])


class AnalogyRequest(RequestSchema):
    """Ask for words that are to some as others are to them: `{"positive": ["king", "woman"], "negative": ["man"]}`."""

    positive: Annotated[list[Word], Field(min_length=1, max_length=MAX_NEIGHBORS)]
    """Whose directions are added."""
    negative: Annotated[tuple[Word, ...], Field(max_length=MAX_NEIGHBORS)] = ()
    """Whose directions are subtracted."""
    k: Annotated[int, Field(ge=1, le=MAX_NEIGHBORS)] = 10


class SimilarityRequest(RequestSchema):
    """Ask how similar the words of pairs are."""

    pairs: Annotated[list[tuple[Word, Word]], Field(min_length=1, max_length=MAX_PAIRS)]


class PairSimilarity(Schema):
    """One pair."""

    words: tuple[str, str]
    similarity: float | None
    """Cosine, -1 to 1; null where a word is missing, or has zeros alone, which have no direction."""
    missing: list[str]
    """Those of the two that the table lacks."""


class SimilarityAnswer(Schema):
    """In the order asked."""

    similarities: list[PairSimilarity]


class Point(Schema):
    """Where a word is drawn."""

    word: str
    x: float
    y: float


class ExplainedVariance(Schema):
    """How much of the variance of the drawn words' directions is seen along each axis, from 0 to 1."""

    x: float
    y: float


class ProjectionAnswer(Schema):
    """Words as points in a plane. The same question to the same table always has the same answer."""

    points: list[Point]
    """In the order asked, else in the table's, each word once."""
    missing: list[str]
    """Words that the table lacks."""
    method: Method
    explained_variance: ExplainedVariance | None
    """With pca; null where the words don't differ."""


class EvaluationRequest(RequestSchema):
    """Ask how far the table agrees with what people say of pairs of words."""

    dataset: DatasetName | None = None
    """`wordsim353`: relatedness (coffee, cup). `simlex999`: similarity proper (cup, mug)."""
    pairs: Annotated[list[tuple[Word, Word, float]], Field(min_length=1, max_length=MAX_PAIRS)] | None = None
    """Pairs of one's own, instead: two words and a score, on any scale."""

    @model_validator(mode="after")
    def _one(self) -> "EvaluationRequest":
        if [self.dataset, self.pairs].count(None) != 1:
            raise ValueError("send one of dataset and pairs")
        return self


class EvaluationAnswer(Schema):
    """How far cosines and people's scores order pairs alike. Compare tables only at like coverage."""

    dataset: DatasetName | None
    """Null for pairs of one's own."""
    spearman: float | None
    """Rank correlation over the pairs that were found, -1 to 1; null for fewer than three, or where all are equal."""
    p_value: float | None
    """Of a correlation as strong or stronger where there is none."""
    pairs: int
    found: int
    """Pairs of which the table has both words, as they are written or in lower case, with other than zeros."""
    coverage: float
    """`found` of `pairs`."""
    missing: list[str]
    """The first 20 words that the table lacks."""
