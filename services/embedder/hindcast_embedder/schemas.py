"""What the embedder is sent and what it answers, as JSON."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from hindcast.nn.embedding_table import Normalization
from hindcast.registry import Resource
from hindcast.text.corpus import CorpusReference
from hindcast.web.schemas import RequestSchema, Schema, Timestamp

MAX_WORDS = 50_000  # whose vectors one answer holds
MAX_COVERED = 5_000_000
MAX_NEIGHBORS = 1_000
SHOWN_MISSING = 20

Word = Annotated[str, Field(min_length=1)]

_OWN_FIELDS = frozenset({"words", "size", "dtype", "source", "skipped"})


class TableCard(Schema):
    """What is known of a table."""

    id: str
    name: str | None
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
