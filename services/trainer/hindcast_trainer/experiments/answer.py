"""What an experiment answers: a row for each way of pre-training, beside a baseline."""

from typing import Literal

from pydantic import JsonValue

from hindcast.jobs.job import JobStatus
from hindcast.web.schemas import Schema, Timestamp
from hindcast_trainer.probe import Probe
from hindcast_trainer.topical_probe import AutoProbes

HeldOut = Literal["test", "valid"]


class ExperimentProgress(Schema):
    """How far an experiment is."""

    fraction: float
    """Of all its jobs, each counted alike, with what the running ones have done."""
    done: int
    """Jobs that have ended."""
    total: int
    unit: Literal["jobs"] = "jobs"


Interval = tuple[float, float]
"""From, to."""


class RowPretraining(Schema):
    """What a row's table was trained on, as the paper's Table 1 has it."""

    dataset: str
    """Names of the corpora, of an imported table, or of the tables that one is put together from."""
    unit: str | None
    """ "sentence", "paragraph" or "document"; null where there is none."""
    objective: str
    """ "word2vec", "LSA", "language model", "domain classifier", "concatenation"."""


class RowPerplexity(Schema):
    """Perplexities of a row's models, one for each seed."""

    on: HeldOut
    """Of which text: `test`, or `valid` where the language model has no test text."""
    mean: float | None
    """Over the seeds that have one."""
    std: float | None
    """The sample's standard deviation over the seeds, from two on."""
    ci95: Interval | None
    """95 % interval of the mean by a bootstrap over the text's sentences: what other text of its kind would give. From
    two seeds on it allows for other seeds, too, by Student's t. null until all models are there."""
    per_seed: list[float | None]
    """In the order of the seeds; null until known."""


class Comparison(Schema):
    """A row's mean perplexity beside the baseline's."""

    change: float | None
    """-0.14 is 14 % less than the baseline's. null where the two can't be compared: their models differ in vocabulary,
    pipeline or text, as a warning says."""
    ci95: Interval | None
    """95 % interval of `change` by a paired bootstrap over the text's sentences: all models are resampled alike. With
    one seed it covers other text of the kind and not other seeds; from two on both, by Student's t over the seeds. null
    until all models of the row and of the baseline are there."""
    p_value: float | None
    """Two-sided, of the same bootstrap: how likely so large a change were if there was none. At least 1/10,001."""


class Rank(Schema):
    """Where one model puts a probe's word."""

    rank: int | None
    """1 + the number of words strictly more probable; null where the vocabulary lacks the word."""
    probability: float | None
    """null where the vocabulary lacks the word."""


class RowProbe(Schema):
    """Where a row's models put a probe's word."""

    target: str
    rank: float | None
    """The median over the seeds; null until known, and where the vocabulary lacks the word."""
    probability: float | None
    """The median over the seeds."""
    per_seed: list[Rank | None]
    """In the order of the seeds; null until known."""


class RankFigures(Schema):
    """Ranks of many words in one; over several seeds the median of each figure."""

    median: float
    """Rank."""
    mrr: float
    """Mean reciprocal rank."""
    hits_at_10: float
    """Share of the words that are among the ten most probable."""
    hits_at_100: float


class RowRanks(RankFigures):
    """Where a row's models put the topical words of the test text, given the document so far."""

    words: int
    """How many were asked for: fewer than `auto` where the text has no more."""
    sentence: RankFigures
    """The same words, given their sentence alone."""


class PreparedAnswer(Schema):
    """What became of one of the experiment's `prepare`."""

    name: str
    job: str
    """Its id."""
    status: JobStatus


class RowAnswer(Schema):
    """One row of the table."""

    label: str
    status: JobStatus
    """Failed, or cancelled, as soon as one of its jobs is; succeeded when all have."""
    error: str | None
    """Which of its jobs failed, and why."""
    pretraining: RowPretraining | None
    """null where the language model learns its input."""
    jobs: list[str]
    """Pre-training first, then a language model for each seed, then the probes of each; last what takes its
    intervals: its own, then its change's to the baseline. What fails of these leaves out its interval, not the row."""
    models: list[str]
    """Those that are ready, in the order of the seeds."""
    perplexity: RowPerplexity | None
    """null where the language model has neither `test` nor `valid`."""
    paper_perplexity: float | None
    """What the paper's Table 1 says of such a row, as it was posted; of other text, so that changes compare and
    perplexities don't."""
    relative_to_baseline: Comparison | None
    """null for the baseline itself, and until both are known."""
    oov_rate: float | None
    """Share of the words of that text that the vocabulary lacks."""
    parameters: int | None
    """Trained weights of one language model."""
    seconds: float
    """From the first start of each of its language models to its end, summed over the seeds: whatever interrupted them
    counts."""
    probes: list[RowProbe]
    """None where the test text chooses the words: `ranks` has them."""
    ranks: RowRanks | None
    """null unless `probes` is `{"auto": …}`, and until known."""


class ExperimentSummary(Schema):
    """An experiment in a list."""

    id: str
    name: str | None
    status: JobStatus
    """Succeeded once all jobs have ended and at least one row has succeeded."""
    progress: ExperimentProgress
    created_at: Timestamp


class ExperimentAnswer(ExperimentSummary):
    """An experiment with its table."""

    baseline: str | None
    """Label of the row that the others are compared with: what was asked for, or else the first that learns its input;
    null where none does."""
    seeds: list[int]
    probes: list[Probe] | AutoProbes
    prepared: list[PreparedAnswer]
    """The jobs of `prepare`, in the order in which rows needed them."""
    rows: list[RowAnswer]
    warnings: list[str]
    """What makes rows hard to compare."""
    spec: dict[str, JsonValue]
    """What was posted."""
