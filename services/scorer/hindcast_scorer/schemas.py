"""What the scorer is sent and what it answers, as JSON. Log values are natural logs, and `log_base` says so."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, JsonValue

from hindcast.lm.base import History
from hindcast.registry import Resource
from hindcast.text.corpus import CorpusReference
from hindcast.text.pipeline import PipelineName
from hindcast.web.schemas import RequestSchema, Schema, Timestamp
from hindcast_scorer.ngrams.upload import NgramFormat

Detail = Literal["none", "sentence", "token"]

MAX_CHARACTERS = 1_000_000  # of a context, or of all texts of a request: a file of that size is better a corpus
MAX_TEXTS = 10_000
MAX_WORDS = 1_000
MAX_MODELS = 20
MAX_TOP = 20
MAX_CORPUS_TOKENS = 1_000_000  # minutes of work for one core

WITHOUT_UNKNOWN = (
    "It has no <unk>: a word that it doesn't know scores log10 -100, KenLM's stand-in. In linear interpolation the "
    "neural model then decides alone; log_linear charges such a word beyond all others."
)

RawText = Annotated[str, Field(max_length=MAX_CHARACTERS)]
Word = Annotated[str, Field(min_length=1, max_length=1_000)]


class VocabularyFacts(Schema):
    """Which words a model knows."""

    size: int
    """With `<unk>` and `</s>`."""
    sha256: str
    """Of all words in the order of their ids, joined by line feeds: the same hash means the same words."""


class ModelCard(Schema):
    """What people should know of a model. Its trainer may have recorded more than is named here."""

    model_config = ConfigDict(extra="allow")

    id: str
    name: str | None
    label: str | None = None
    """What it may be called where it has no name: an experiment's row and seed."""
    created_at: Timestamp
    job: str | None
    """The job that trained it; null for an import."""
    size_bytes: int
    """Of its files."""
    spec: dict[str, JsonValue] = Field(default_factory=dict)
    """What was asked for, defaults filled in."""
    network: dict[str, JsonValue]
    """The sizes of its layers."""
    data: dict[str, JsonValue] = Field(default_factory=dict)
    """What it was trained and evaluated on."""
    lineage: dict[str, JsonValue] = Field(default_factory=dict)
    """Where its input vectors come from."""
    vocabulary: VocabularyFacts
    pipeline: PipelineName
    """What splits text into words, for training as for what it is sent."""
    history: History
    """Where its state was reset in training."""
    parameters: int
    """Numbers in its weights, those that stayed fixed among them."""
    metrics: dict[str, float | None] = Field(default_factory=dict)
    """`valid_perplexity`, `test_perplexity` and other figures of its training."""
    table: dict[str, JsonValue] | None = None
    """How much of the vocabulary its table of vectors had rows for; null where the input was learned."""
    warnings: list[str] = Field(default_factory=list)
    """What to mind when its figures are read."""

    @classmethod
    def of(cls, model: Resource) -> "ModelCard":
        """The card of a registered model. pydantic's ValidationError where its facts are of another shape."""
        known = {
            "id": model.id,
            "name": model.name,
            "label": model.label,
            "created_at": model.created_at,
            "job": model.job_id,
            "size_bytes": model.size_bytes,
        }
        return cls.model_validate({**model.facts, **known})


class NgramCard(Schema):
    """What there is to know of an n-gram model."""

    id: str
    name: str | None
    created_at: Timestamp
    order: int
    """Words of its longest n-grams."""
    words: int
    """1-grams: its vocabulary, with `<s>`, `</s>` and, where it has one, `<unk>`."""
    ngrams: list[int]
    """How many it has of each order, from 1."""
    format: NgramFormat
    size_bytes: int
    """Of its file, unpacked."""
    sha256: str
    """Of its file, unpacked."""
    warnings: list[str]
    """What to mind when it is used."""

    @classmethod
    def of(cls, ngram: Resource) -> "NgramCard":
        """The card of a registered n-gram model."""
        known = {name: getattr(ngram, name) for name in ("id", "name", "created_at", "size_bytes")}
        told = {name: fact for name, fact in ngram.facts.items() if name in cls.model_fields}
        return cls(**told, **known, warnings=[] if ngram.facts["has_unknown"] else [WITHOUT_UNKNOWN])


class PerplexityRequest(RequestSchema):
    """Score texts, or a stored corpus."""

    texts: Annotated[list[RawText], Field(min_length=1, max_length=MAX_TEXTS)] | None = None
    """Raw texts, each a document whose lines are paragraphs; the model's own pipeline splits them."""
    corpus: CorpusReference | None = None
    """A corpus of the model's pipeline, instead of texts."""
    history: History | None = None
    """Where the model forgets: before each sentence, or before each document. Default: as it was trained."""
    detail: Detail = "none"
    """How much is told of each text: nothing but its figures, its sentences, or its tokens too."""
    top: Annotated[int, Field(ge=0, le=MAX_TOP)] = 0
    """With `detail` token: how many of the most probable words are told for each token."""


class Figures(Schema):
    """What one piece of text scores."""

    logprob: float
    """Sum over all tokens, words that the model doesn't know scored as `<unk>`."""
    perplexity: float
    """exp(-logprob / tokens)."""
    perplexity_excluding_oov: float | None
    """Without the tokens that the model only knows as `<unk>`: SRILM's ppl. Null where nothing is left."""
    perplexity_without_eos: float | None
    """SRILM's ppl1: its ppl's sum over the words that are known, `</s>` in the sum but not in the count."""
    words: int
    """Tokens without `</s>`."""
    oov: int
    """Words that the model only knows as `<unk>`."""
    oov_rate: float | None
    """`oov` of `words`; null where there are no words."""


class ScoredSentence(Schema):
    """One sentence, with its `</s>`."""

    logprob: float
    tokens: int
    oov: int
    perplexity: float


class LikelyWord(Schema):
    """One of the words that were most probable in a token's place."""

    word: str
    probability: float


class ScoredToken(Schema):
    """One word or `</s>`, given what came before it."""

    token: str
    """As the pipeline wrote it."""
    logprob: float
    """Of `<unk>` if `oov`."""
    rank: int
    """1 + the number of words in the vocabulary that are strictly more probable."""
    oov: bool
    top: list[LikelyWord] | None = None
    """The most probable first, equals in the vocabulary's order; null unless asked for."""


class ScoredText(Figures):
    """One of the texts that were sent, in the order sent."""

    token_count: int
    """Words and one `</s>` for each sentence."""
    sentence_count: int
    sentences: list[ScoredSentence] | None = None
    """With `detail` sentence or token."""
    tokens: list[ScoredToken] | None = None
    """With `detail` token."""


class PerplexityAnswer(Figures):
    """What all of it scores."""

    tokens: int
    """Words and one `</s>` for each sentence."""
    sentences: int
    vocabulary: VocabularyFacts
    history: History
    """Where the model forgot while it scored."""
    log_base: Literal["e"] = "e"
    texts: list[ScoredText]
    """One for each text that was sent; none for a corpus."""


class ContextRequest(RequestSchema):
    """The text before a word."""

    context: RawText
    """Raw text. Its last sentence is open, even after a full stop, unless `complete`. Empty: a sentence starts."""
    history: History | None = None
    """sentence: only the last sentence counts; document: all of it. Default: as the model was trained."""
    complete: bool = False
    """The last sentence has ended: what follows starts a new one."""


class NextRequest(ContextRequest):
    """Ask for the most probable next words."""

    k: Annotated[int, Field(ge=1)] = 10
    """How many: at most the vocabulary's size."""


class Prediction(Schema):
    """A word that may come next."""

    word: str
    probability: float
    logprob: float
    rank: int
    """1 + the number of words strictly more probable: equally probable words share a rank."""


class NextAnswer(Schema):
    """The most probable first."""

    predictions: list[Prediction]
    vocabulary_size: int
    log_base: Literal["e"] = "e"


class RankRequest(ContextRequest):
    """Ask where words stand among all that could come next."""

    words: Annotated[list[Word], Field(min_length=1, max_length=MAX_WORDS)]
    """Words of the vocabulary, `<unk>` and `</s>` among them; others are brought into the pipeline's form first."""


class RankManyRequest(RankRequest):
    """The same question to several models."""

    models: Annotated[list[Word], Field(min_length=1, max_length=MAX_MODELS)]
    """Ids or names."""


class RankedWord(Schema):
    """Where one word stands."""

    word: str
    """As it was asked for."""
    token: str
    """As the model's pipeline writes it: lower case in `asr`."""
    in_vocabulary: bool
    rank: int | None
    """1 + the number of words strictly more probable, of `vocabulary_size`. A word that isn't in the vocabulary has
    neither a rank nor a probability of its own: null."""
    probability: float | None
    logprob: float | None


class RankAnswer(Schema):
    """In the order asked."""

    ranks: list[RankedWord]
    vocabulary_size: int
    log_base: Literal["e"] = "e"


class ModelRanks(Schema):
    """What one of several models says."""

    model: str
    """Its id."""
    name: str | None
    label: str | None = None
    """What it may be called where it has no name."""
    ranks: list[RankedWord]
    vocabulary_size: int
    history: History


class RankManyAnswer(Schema):
    """In the order of the models asked."""

    models: list[ModelRanks]
    warnings: list[str]
    """Why the ranks shouldn't be compared, where they shouldn't."""
    log_base: Literal["e"] = "e"
