"""What the services answer. Made of docs/openapi.json by `make client`: change that, not this."""

from typing import Any, Literal

from pydantic import AwareDatetime

from hindcast_client.answer import Answer


class Agreement(Answer):
    """How far the domains agree with the corpus's own labels."""

    nmi: float
    """Normalised mutual information."""
    purity: float
    """Share that has its domain's most frequent label."""


class AutoProbes(Answer):
    """Let the test text itself choose the words."""

    auto: int
    """
    How many words: those that tell most what their document is about (the highest tf-idf), not among the 1,000 most
    frequent of the vocabulary, and not said before in their sentence; of each document a few. Models of the same
    vocabulary are asked for the same words.
    """


class Cluster(Answer):
    """One domain."""

    id: int
    """What the parts of the text that belong to it are labelled with."""
    label: str
    """Its most telling terms."""
    top_terms: list[str]
    paragraphs: int
    """Parts of the text (of the `unit`) that belong to it."""
    confidence: float
    """Mean over them: cosine with this domain less that with the second."""


class Comparison(Answer):
    """A row's mean perplexity beside the baseline's."""

    change: float | None
    """
    -0.14 is 14 % less than the baseline's. null where the two can't be compared: their models differ in vocabulary,
    pipeline or text, as a warning says.
    """
    ci95: tuple[float, float] | None
    """
    95 % interval of `change` by a paired bootstrap over the text's sentences: all models are resampled alike. With
    one seed it covers other text of the kind and not other seeds; from two on both, by Student's t over the seeds. null
    until all models of the row and of the baseline are there.
    """
    p_value: float | None
    """Two-sided, of the same bootstrap: how likely so large a change were if there was none. At least 1/10,001."""


class CorpusReference(Answer):
    """
    What text is meant: a corpus, or parts of one or several that share a pipeline.

    Read from an id or a name, `{"corpus": …}` or `{"corpora": […]}`; kept in the last form.
    """

    corpora: list[str]
    """Ids or names; one alone may be written as `corpus`."""
    split: str | None = None
    """That split alone; without it, all of each corpus."""
    limit_tokens: int | None = None
    """At most so many tokens: a beginning of each, in proportion to their sizes, cut at the end of a sentence."""


class CoverageAnswer(Answer):
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


class DomainsSummary(Answer):
    """The domains of a text, in a list."""

    id: str
    name: str | None
    job: str | None
    """The job that found them."""
    corpus: CorpusReference
    """The text."""
    unit: Literal["sentence", "paragraph", "document"]
    """What has one domain."""
    k: int
    """How many domains."""
    unclassified: int
    """Parts of the text that have no word to tell by."""
    created_at: AwareDatetime


class EvaluationAnswer(Answer):
    """How far cosines and people's scores order pairs alike. Compare tables only at like coverage."""

    dataset: Literal["wordsim353", "simlex999"] | None
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


class EventAnswer(Answer):
    """One thing that happened to a job."""

    id: int
    """Rises from 1: what `Last-Event-ID` carries."""
    type: Literal["status", "progress", "metric", "log"]
    data: dict[str, Any]
    created_at: AwareDatetime


class EventPage(Answer):
    """Events of a job, oldest first."""

    items: list[EventAnswer]
    next_cursor: str | None
    """Send it as `cursor` for the events after these; null while there are none."""


class Example(Answer):
    """One part of the text."""

    text: str
    """
    Its words, as the corpus's pipeline split them, with blanks between them; of a long part the first 500, and `…`.
    The text as it was sent isn't kept.
    """
    words: int
    """All of them."""
    confidence: float
    """Cosine with its domain less that with the second."""
    gold: str | None
    """Its document's own label; null where it has none, or several."""
    corpus: str
    """Its id."""
    split: str
    document: int
    """
    Which document of the split, of those that have words, it is in, counted from 0: ids that documents came with
    aren't kept.
    """


class ExamplePage(Answer):
    """Parts of the text that belong to one domain, the surest first."""

    items: list[Example]
    next_cursor: str | None
    """Send it as `cursor` for the page after this one; null on the last."""
    unit: Literal["sentence", "paragraph", "document"]
    """What the parts are."""


class ExperimentProgress(Answer):
    """How far an experiment is."""

    fraction: float
    """Of all its jobs, each counted alike, with what the running ones have done."""
    done: int
    """Jobs that have ended."""
    total: int
    unit: Literal["jobs"] = "jobs"


class ExplainedVariance(Answer):
    """How much of the variance of the drawn words' directions is seen along each axis, from 0 to 1."""

    x: float
    y: float


class Finding(Answer):
    """Something that is likely wrong with lists."""

    check: Literal[
        "ids_in_text",
        "case",
        "oov",
        "empty",
        "scores_missing",
        "scores_negated",
        "scores_base",
        "references",
        "repeated",
    ]
    severity: Literal["error", "warning"]
    message: str
    """What was seen, and what would be right."""
    utterances: list[str]
    """Some of those where it was seen."""
    share: float
    """Of the lists, from 0 to 1."""


class Interpolation(Answer):
    """How the scores of an n-gram model and of the neural one are joined."""

    ngram: str
    """Id or name of the n-gram model."""
    weight: float = 0.5
    """Of the neural model; the n-gram model has the rest."""
    mode: Literal["linear", "log_linear"] = "linear"
    """linear: probabilities are averaged word by word; log_linear: log-probabilities are."""


class JointHealth(Answer):
    """How the origin and each of its services are."""

    status: str
    services: dict[str, str]


class LikelyWord(Answer):
    """One of the words that were most probable in a token's place."""

    word: str
    probability: float


class Neighbor(Answer):
    """A word near by."""

    word: str
    similarity: float
    """Cosine, -1 to 1."""


class NeighborsAnswer(Answer):
    """The most similar first."""

    neighbors: list[Neighbor]


class NgramCard(Answer):
    """What there is to know of an n-gram model."""

    id: str
    name: str | None
    created_at: AwareDatetime
    order: int
    """Words of its longest n-grams."""
    words: int
    """1-grams: its vocabulary, with `<s>`, `</s>` and, where it has one, `<unk>`."""
    ngrams: list[int]
    """How many it has of each order, from 1."""
    format: Literal["arpa", "kenlm-binary"]
    size_bytes: int
    """Of its file, unpacked."""
    sha256: str
    """Of its file, unpacked."""
    warnings: list[str]
    """What to mind when it is used."""


class PairSimilarity(Answer):
    """One pair."""

    words: tuple[str, str]
    similarity: float | None
    """Cosine, -1 to 1; null where a word is missing, or has zeros alone, which have no direction."""
    missing: list[str]
    """Those of the two that the table lacks."""


class Point(Answer):
    """Where a word is drawn."""

    word: str
    x: float
    y: float


class Prediction(Answer):
    """A word that may come next."""

    word: str
    probability: float
    logprob: float
    rank: int
    """1 + the number of words strictly more probable: equally probable words share a rank."""


class PreparedAnswer(Answer):
    """What became of one of the experiment's `prepare`."""

    name: str
    job: str
    """Its id."""
    status: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    """Where a job stands."""


class Probe(Answer):
    """A word, and the text before it."""

    context: str
    """Raw text; its last sentence is the one that the word goes on with."""
    target: str
    """The word."""


class ProblemField(Answer):
    """What is wrong with one field, and what would be right."""

    field: str
    message: str


class ProgressAnswer(Answer):
    """How far a job is."""

    fraction: float = 0.0
    """From 0 to 1."""
    done: float = 0.0
    """In `unit`s."""
    total: float = 0.0
    """In `unit`s, as far as is known now; 0 before the job has begun."""
    unit: str = ""
    """What is counted: "tokens", "rounds"."""
    eta_seconds: float | None = None
    """null until enough was seen to say."""
    message: str = ""
    """What is going on, while the job is running."""


class ProjectionAnswer(Answer):
    """Words as points in a plane. The same question to the same table always has the same answer."""

    points: list[Point]
    """In the order asked, else in the table's, each word once."""
    missing: list[str]
    """Words that the table lacks."""
    method: Literal["pca", "umap"]
    explained_variance: ExplainedVariance | None
    """With pca; null where the words don't differ."""


class Rank(Answer):
    """Where one model puts a probe's word."""

    rank: int | None
    """1 + the number of words strictly more probable; null where the vocabulary lacks the word."""
    probability: float | None
    """null where the vocabulary lacks the word."""


class RankFigures(Answer):
    """Ranks of many words in one; over several seeds the median of each figure."""

    median: float
    """Rank."""
    mrr: float
    """Mean reciprocal rank."""
    hits_at_10: float
    """Share of the words that are among the ten most probable."""
    hits_at_100: float


class RankedWord(Answer):
    """Where one word stands."""

    word: str
    """As it was asked for."""
    token: str
    """As the model's pipeline writes it: lower case in `asr`."""
    in_vocabulary: bool
    rank: int | None
    """
    1 + the number of words strictly more probable, of `vocabulary_size`. A word that isn't in the vocabulary has
    neither a rank nor a probability of its own: null.
    """
    probability: float | None
    logprob: float | None


class ResultAnswer(Answer):
    """What a job has made."""

    type: Literal["corpus", "domains", "table", "model", "ngram"]
    id: str


class Round(Answer):
    """One adjustment of the clusters."""

    kept: int
    """Parts of the text that were classified with confidence, from which space and clusters were recomputed."""
    moved: int
    """Parts that have another domain since."""
    silhouette: float | None
    """From -1 to 1, by cosine; null where all are in one domain."""


class RowPerplexity(Answer):
    """Perplexities of a row's models, one for each seed."""

    on: Literal["test", "valid"]
    """Of which text: `test`, or `valid` where the language model has no test text."""
    mean: float | None
    """Over the seeds that have one."""
    std: float | None
    """The sample's standard deviation over the seeds, from two on."""
    ci95: tuple[float, float] | None
    """
    95 % interval of the mean by a bootstrap over the text's sentences: what other text of its kind would give. From
    two seeds on it allows for other seeds, too, by Student's t. null until all models are there.
    """
    per_seed: list[float | None]
    """In the order of the seeds; null until known."""


class RowPretraining(Answer):
    """What a row's table was trained on, as the paper's Table 1 has it."""

    dataset: str
    """Names of the corpora, of an imported table, or of the tables that one is put together from."""
    unit: str | None
    """"sentence", "paragraph" or "document"; null where there is none."""
    objective: str
    """"word2vec", "LSA", "language model", "domain classifier", "concatenation"."""


class RowProbe(Answer):
    """Where a row's models put a probe's word."""

    target: str
    rank: float | None
    """The median over the seeds; null until known, and where the vocabulary lacks the word."""
    probability: float | None
    """The median over the seeds."""
    per_seed: list[Rank | None]
    """In the order of the seeds; null until known."""


class RowRanks(Answer):
    """Where a row's models put the topical words of the test text, given the document so far."""

    median: float
    """Rank."""
    mrr: float
    """Mean reciprocal rank."""
    hits_at_10: float
    """Share of the words that are among the ten most probable."""
    hits_at_100: float
    words: int
    """How many were asked for: fewer than `auto` where the text has no more."""
    sentence: RankFigures
    """The same words, given their sentence alone."""


class ScoredSentence(Answer):
    """One sentence, with its `</s>`."""

    logprob: float
    tokens: int
    oov: int
    perplexity: float


class ScoredToken(Answer):
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


class SeriesAnswer(Answer):
    """
    One metric of a job, in the order in which it was told. Where an attempt died, the next goes on from a
    checkpoint: what came after that is told twice.
    """

    name: str
    unit: str
    """What is counted on the x-axis: "tokens"; empty where no point says it."""
    points: list[tuple[float | None, float]]
    """
    `[done, value]`: how far the job was, in `unit`s, and the metric. `done` is null for figures of the whole job,
    told at its end.
    """
    times: list[AwareDatetime]
    """When each of the points was told: another x-axis."""
    total: int
    """Values that were told, of which `points` are some."""


class SessionAnswer(Answer):
    """A conversation with a model."""

    id: str
    model: str
    utterances: int
    """Heard so far."""
    words: int
    expires_at: AwareDatetime
    """When it ends if nobody uses it before."""
    warnings: list[str] = []


class SetFigures(Answer):
    """What weights are worth on a set of lists."""

    wer_before: float
    """In percent."""
    wer_after: float
    wer_oracle: float
    """Of the hypotheses with the fewest errors."""
    substitutions: int
    insertions: int
    deletions: int
    """After."""
    substitutions_before: int
    insertions_before: int
    deletions_before: int
    words: int
    """Of the references."""
    ci95: tuple[float, float]
    """Of `wer_after - wer_before`, in percentage points: bootstrap over utterances (Bisani and Ney, 2004)."""
    p_value: float
    """Two-sided, matched pairs of utterances (Gillick and Cox, 1989)."""
    verdict: Literal["improves", "no significant gain", "worse"]


class SimilarityAnswer(Answer):
    """In the order asked."""

    similarities: list[PairSimilarity]


class SplitAnswer(Answer):
    """How much text is in a part of a corpus."""

    documents: int
    paragraphs: int
    sentences: int
    tokens: int
    """Words, and one `</s>` for each sentence."""
    words: int


class TableCard(Answer):
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
    created_at: AwareDatetime
    details: dict[str, Any]
    """What else was noted when it was made."""


class TokenOut(Answer):
    """One word of a hypothesis, or the `</s>` after the last."""

    token: str
    neural_logprob: float
    ngram_logprob: float | None
    oov: bool


class TunedWeights(Answer):
    """To be sent as options of a rescoring."""

    am_scale: float
    lm_weight: float
    word_insertion_penalty: float
    interpolation: Interpolation | None = None
    """With the weight that was found for the neural model; null where there is no n-gram model."""


class VocabularyFacts(Answer):
    """Which words a model knows."""

    size: int
    """With `<unk>` and `</s>`."""
    sha256: str
    """Of all words in the order of their ids, joined by line feeds: the same hash means the same words."""


class CheckAnswer(Answer):
    """The gravest first; none where all looks well."""

    findings: list[Finding]
    lists: int
    hypotheses: int
    words: int | None
    """That were looked up."""
    oov_rate: float | None


class DomainsAnswer(Answer):
    """The domains of a text."""

    id: str
    name: str | None
    job: str | None
    """The job that found them."""
    corpus: CorpusReference
    """The text."""
    unit: Literal["sentence", "paragraph", "document"]
    """What has one domain."""
    k: int
    """How many domains."""
    unclassified: int
    """Parts of the text that have no word to tell by."""
    created_at: AwareDatetime
    clusters: list[Cluster]
    rounds: list[Round]
    agreement: Agreement | None
    """Of the final domains with the labels that documents brought along; null where there are none."""


class ExperimentSummary(Answer):
    """An experiment in a list."""

    id: str
    name: str | None
    status: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    """Succeeded once all jobs have ended and at least one row has succeeded."""
    progress: ExperimentProgress
    created_at: AwareDatetime


class FoldWeights(Answer):
    """What the lists of some groups were ordered by."""

    am_scale: float
    lm_weight: float
    word_insertion_penalty: float
    interpolation: Interpolation | None = None
    """With the weight that was found for the neural model; null where there is no n-gram model."""
    groups: list[str]
    """Whose lists these weights haven't seen."""


class HypothesisOut(Answer):
    """
    A hypothesis and what it got. `total` = am_scale · am_score + lm_weight · lm_logprob + word_insertion_penalty ·
    words.
    """

    text: str
    am_score: float | None
    lm_score: float | None
    ngram_logprob: float | None
    """Null where no n-gram model was asked for."""
    neural_logprob: float
    """Sum over its words and `</s>`."""
    lm_logprob: float
    """What counts of the two: the neural model's, or both interpolated word by word."""
    words: int
    oov: int
    total: float
    rank_before: int
    """
    From 1: with the recogniser's own language model in the place of ours; its place in the list where no scores
    came.
    """
    rank_after: int
    """From 1: by `total`; equal ones keep their order."""
    tokens: list[TokenOut] | None = None
    """With the option `tokens`."""


class ListOut(Answer):
    """A list and what its hypotheses got."""

    utterance: str
    best: int
    """Index of the hypothesis with `rank_after` 1, in `hypotheses` as they stand here."""
    hypotheses: list[HypothesisOut]
    reference: str | None = None


class MetricsAnswer(Answer):
    """What a job told of its metrics."""

    series: list[SeriesAnswer]
    """By name."""


class ModelCard(Answer):
    """What people should know of a model. Its trainer may have recorded more than is named here."""

    id: str
    name: str | None
    label: str | None = None
    """What it may be called where it has no name: an experiment's row and seed."""
    created_at: AwareDatetime
    job: str | None
    """The job that trained it; null for an import."""
    size_bytes: int
    """Of its files."""
    spec: dict[str, Any] = {}
    """What was asked for, defaults filled in."""
    network: dict[str, Any]
    """The sizes of its layers."""
    data: dict[str, Any] = {}
    """What it was trained and evaluated on."""
    lineage: dict[str, Any] = {}
    """Where its input vectors come from."""
    vocabulary: VocabularyFacts
    pipeline: Literal["plain", "wikitext", "asr"]
    """What splits text into words, for training as for what it is sent."""
    history: Literal["sentence", "document"]
    """Where its state was reset in training."""
    parameters: int
    """Numbers in its weights, those that stayed fixed among them."""
    metrics: dict[str, float | None] = {}
    """`valid_perplexity`, `test_perplexity` and other figures of its training."""
    table: dict[str, Any] | None = None
    """How much of the vocabulary its table of vectors had rows for; null where the input was learned."""
    warnings: list[str] = []
    """What to mind when its figures are read."""


class ModelRanks(Answer):
    """What one of several models says."""

    model: str
    """Its id."""
    name: str | None
    label: str | None = None
    """What it may be called where it has no name."""
    ranks: list[RankedWord]
    vocabulary_size: int
    history: Literal["sentence", "document"]


class NextAnswer(Answer):
    """The most probable first."""

    predictions: list[Prediction]
    vocabulary_size: int
    log_base: Literal["e"] = "e"


class Problem(Answer):
    """What went wrong, as RFC 9457 has it."""

    type: str = "about:blank"
    """A stable name for this sort of problem, such as `/problems/name-taken`."""
    title: str
    status: int
    detail: str
    errors: list[ProblemField] | None = None
    """The fields that are wrong, where that is the matter."""
    request_id: str | None = None
    """What to look for in the server's log."""


class RankAnswer(Answer):
    """In the order asked."""

    ranks: list[RankedWord]
    vocabulary_size: int
    log_base: Literal["e"] = "e"


class RankManyAnswer(Answer):
    """In the order of the models asked."""

    models: list[ModelRanks]
    warnings: list[str]
    """Why the ranks shouldn't be compared, where they shouldn't."""
    log_base: Literal["e"] = "e"


class RescoreAnswer(Answer):
    """In the order of the lists sent."""

    lists: list[ListOut]
    log_base: Literal["e"] = "e"
    warnings: list[str] = []
    """What to mind when the scores are read."""


class RowAnswer(Answer):
    """One row of the table."""

    label: str
    status: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    """Failed, or cancelled, as soon as one of its jobs is; succeeded when all have."""
    error: str | None
    """Which of its jobs failed, and why."""
    pretraining: RowPretraining | None
    """null where the language model learns its input."""
    jobs: list[str]
    """
    Pre-training first, then a language model for each seed, then the probes of each; last what takes its
    intervals: its own, then its change's to the baseline. What fails of these leaves out its interval, not the row.
    """
    models: list[str]
    """Those that are ready, in the order of the seeds."""
    perplexity: RowPerplexity | None
    """null where the language model has neither `test` nor `valid`."""
    paper_perplexity: float | None
    """
    What the paper's Table 1 says of such a row, as it was posted; of other text, so that changes compare and
    perplexities don't.
    """
    relative_to_baseline: Comparison | None
    """null for the baseline itself, and until both are known."""
    oov_rate: float | None
    """Share of the words of that text that the vocabulary lacks."""
    parameters: int | None
    """Trained weights of one language model."""
    seconds: float
    """
    From the first start of each of its language models to its end, summed over the seeds: whatever interrupted them
    counts.
    """
    probes: list[RowProbe]
    """None where the test text chooses the words: `ranks` has them."""
    ranks: RowRanks | None
    """null unless `probes` is `{"auto": …}`, and until known."""


class ScoredText(Answer):
    """One of the texts that were sent, in the order sent."""

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
    token_count: int
    """Words and one `</s>` for each sentence."""
    sentence_count: int
    sentences: list[ScoredSentence] | None = None
    """With `detail` sentence or token."""
    tokens: list[ScoredToken] | None = None
    """With `detail` token."""


class CorpusAnswer(Answer):
    """A corpus; when it is ready, with what is in it."""

    id: str
    name: str | None
    status: Literal["ingesting", "ready", "failed"]
    job: str | None
    """The job that reads its text."""
    error: Problem | None = None
    """Why it failed."""
    created_at: AwareDatetime
    size_bytes: int | None = None
    """On disk."""
    documents: int | None = None
    paragraphs: int | None = None
    sentences: int | None = None
    tokens: int | None = None
    """Words, and one `</s>` for each sentence."""
    words: int | None = None
    types: int | None = None
    """Different words, without `</s>`."""
    splits: dict[str, SplitAnswer] | None = None
    domains: dict[str, int] | None = None
    """Documents with each label."""
    pipeline: Literal["plain", "wikitext", "asr"] | None = None
    """What splits its text into words; models and tables made of it inherit it."""
    sha256: str | None = None
    """Of the file as it was sent, in hexadecimal."""
    split_by: Literal["document", "paragraph_blocks", "given"] | None = None
    """
    `given` by the documents, drawn for each `document` by its id, or drawn for blocks of paragraphs
    (`paragraph_blocks`) where there are fewer than 20 documents.
    """


class CrossValidation(Answer):
    """Over all development lists, each ordered by weights that the lists of other groups gave."""

    wer_before: float
    """In percent."""
    wer_after: float
    wer_oracle: float
    """Of the hypotheses with the fewest errors."""
    substitutions: int
    insertions: int
    deletions: int
    """After."""
    substitutions_before: int
    insertions_before: int
    deletions_before: int
    words: int
    """Of the references."""
    ci95: tuple[float, float]
    """Of `wer_after - wer_before`, in percentage points: bootstrap over utterances (Bisani and Ney, 2004)."""
    p_value: float
    """Two-sided, matched pairs of utterances (Gillick and Cox, 1989)."""
    verdict: Literal["improves", "no significant gain", "worse"]
    folds: list[FoldWeights]


class ExperimentAnswer(Answer):
    """An experiment with its table."""

    id: str
    name: str | None
    status: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    """Succeeded once all jobs have ended and at least one row has succeeded."""
    progress: ExperimentProgress
    created_at: AwareDatetime
    baseline: str | None
    """
    Label of the row that the others are compared with: what was asked for, or else the first that learns its input;
    null where none does.
    """
    seeds: list[int]
    probes: list[Probe] | AutoProbes
    prepared: list[PreparedAnswer]
    """The jobs of `prepare`, in the order in which rows needed them."""
    rows: list[RowAnswer]
    warnings: list[str]
    """What makes rows hard to compare."""
    spec: dict[str, Any]
    """What was posted."""


class JobAnswer(Answer):
    """One queued piece of work."""

    id: str
    kind: str
    name: str | None
    label: str | None = None
    """What it may be called where it has no name: an upload's corpus, an experiment's row and seed."""
    status: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    """Where a job stands."""
    spec: dict[str, Any]
    """With every default, and ids instead of names."""
    progress: ProgressAnswer
    metrics: dict[str, float]
    """The latest of each."""
    result: ResultAnswer | None
    """null until the job has succeeded, and for kinds that make nothing."""
    error: Problem | None
    """What ended it, if it failed."""
    attempt: int
    """Rises each time a worker takes it up."""
    cancel_requested: bool
    """It was asked to stop and still runs."""
    needs: list[str]
    """Jobs that must succeed before it starts."""
    uses: list[str]
    """Corpora, domains, tables and models that it refers to."""
    created_at: AwareDatetime
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None


class PerplexityAnswer(Answer):
    """What all of it scores."""

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
    tokens: int
    """Words and one `</s>` for each sentence."""
    sentences: int
    vocabulary: VocabularyFacts
    history: Literal["sentence", "document"]
    """Where the model forgot while it scored."""
    log_base: Literal["e"] = "e"
    texts: list[ScoredText]
    """One for each text that was sent; none for a corpus."""


class TuneAnswer(Answer):
    """Weights and an honest account of what they are worth."""

    weights: TunedWeights
    development: SetFigures
    report: SetFigures | None
    cross_validation: CrossValidation | None
    verdict: Literal["improves", "no significant gain", "worse"]
    """On the report lists; else by cross-validation; else on the development lists."""
    warnings: list[str]
    log_base: Literal["e"] = "e"
