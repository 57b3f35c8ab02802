"""What an experiment answers: a row for each way of pre-training, beside a baseline."""

from typing import Literal

from pydantic import JsonValue

from hindcast.jobs.job import JobStatus
from hindcast.web.schemas import Schema, Timestamp
from hindcast_trainer.probe import Probe

HeldOut = Literal["test", "valid"]


class ExperimentProgress(Schema):
    """How far an experiment is."""

    fraction: float
    """Of all its jobs, each counted alike, with what the running ones have done."""
    done: int
    """Jobs that have ended."""
    total: int
    unit: Literal["jobs"] = "jobs"


class RowPretraining(Schema):
    """What a row's table was trained on, as the paper's Table 1 has it."""

    dataset: str
    """Names of the corpora, or of an imported table."""
    unit: str | None
    """ "sentence", "paragraph" or "document"."""
    objective: str
    """ "word2vec", "language model", "domain classifier"."""


class RowPerplexity(Schema):
    """Perplexities of a row's models, one for each seed."""

    on: HeldOut
    """Of which text: `test`, or `valid` where the language model has no test text."""
    mean: float | None
    """Over the seeds that have one."""
    std: float | None
    """The sample's standard deviation, from two seeds on."""
    per_seed: list[float | None]
    """In the order of the seeds; null until known."""


class Comparison(Schema):
    """A row's mean perplexity beside the baseline's."""

    change: float
    """-0.14 is 14 % less than the baseline's."""


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
    """Pre-training first, then a language model for each seed, then the probes of each."""
    models: list[str]
    """Those that are ready, in the order of the seeds."""
    perplexity: RowPerplexity | None
    """null where the language model has neither `test` nor `valid`."""
    relative_to_baseline: Comparison | None
    """null for the baseline itself, and until both are known."""
    oov_rate: float | None
    """Share of the words of that text that the vocabulary lacks."""
    parameters: int | None
    """Trained weights of one language model."""
    seconds: float
    """That its language models took, summed over the seeds."""
    probes: list[RowProbe]


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
    """Label of the row that the others are compared with: the first that learns its input."""
    seeds: list[int]
    probes: list[Probe]
    rows: list[RowAnswer]
    warnings: list[str]
    """What makes rows hard to compare."""
    spec: dict[str, JsonValue]
    """What was posted."""
