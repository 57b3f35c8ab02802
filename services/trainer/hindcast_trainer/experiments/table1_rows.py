"""The rows of the preset `table-1`: the eight of the paper's Table 1, and some of our own.

Section 4 says what is the same in all of them: one LSTM layer of 128, a vocabulary of 25,000, input embeddings of 256
that training leaves as they are, word2vec to unit length and without compression, domain embeddings normalised by mean
and variance and with compression. Where it is silent (dropout, learning rate, the number of domains), the values here
are ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from pydantic import JsonValue

from hindcast_trainer.experiments.document import MARK

CorpusName = Literal["lm.train", "superset", "domain_small", "domain_large"]

WORD2VEC_INPUT: Mapping[str, JsonValue] = {"normalization": "unit", "compression": None}
STATES_INPUT: Mapping[str, JsonValue] = {"normalization": "mean_variance", "compression": 128}
MIXED_INPUT: Mapping[str, JsonValue] = {"normalization": "none", "compression": 128}
"""Of tables side by side, each of which is normalised in its own best way before."""

LANGUAGE_MODEL: Mapping[str, JsonValue] = {
    "vocabulary": {"size": 25_000},
    "history": "sentence",
    "hidden_size": 128,
    "layers": 1,
    "dropout": 0.2,
    "optimizer": {"learning_rate": 2e-3, "batch_size": 32, "bptt": 35, "epochs": 30, "patience": 2},
}
"""Of every row. So many epochs that patience ends the training: rows converge at different speeds."""
DOMAINS: Mapping[str, JsonValue] = {"unit": "paragraph", "k": 20}


@dataclass(frozen=True)
class PresetJob:
    """A job that rows refer to."""

    kind: str
    corpus: CorpusName | None = None
    """The part of the request's `corpora` that it reads."""
    fields: Mapping[str, JsonValue] = field(default_factory=dict)

    @property
    def needs(self) -> list[str]:
        """Other jobs whose results its fields name."""
        return marked(self.fields)


@dataclass(frozen=True)
class PresetRow:
    """One row. One without a table learns its input."""

    key: str
    """What `rows` calls it."""
    label: str
    paper_perplexity: float | None = None
    table: str | None = None
    """A job of JOBS, or EXTERNAL."""
    input: Mapping[str, JsonValue] = field(default_factory=dict)
    lm: Mapping[str, JsonValue] = field(default_factory=dict)

    @property
    def needs(self) -> list[str]:
        """The jobs whose results it uses."""
        return [*(name for name in JOBS if name == self.table), *marked(self.lm)]


def marked(value: JsonValue | Mapping[str, JsonValue]) -> list[str]:
    """The names that stand in a document as `@name`."""
    if isinstance(value, str):
        return [value.removeprefix(MARK)] if value.startswith(MARK) else []
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return [name for each in inner for name in marked(each)]


EXTERNAL = "external"
JOBS: Mapping[str, PresetJob] = {
    "domains_small": PresetJob("domains", "domain_small", DOMAINS),
    "domains_large": PresetJob("domains", "domain_large", DOMAINS),
    "domains_lm": PresetJob("domains", "lm.train", DOMAINS),
    "word2vec_superset": PresetJob("word2vec", "superset", {"unit": "sentence"}),
    "word2vec_domain_large": PresetJob("word2vec", "domain_large", {"unit": "paragraph"}),
    "bilstm_lm": PresetJob("bilstm_lm", "lm.train", {"unit": "sentence"}),
    "domain_small_paragraphs": PresetJob(
        "bilstm_domain", "domain_small", {"unit": "paragraph", "domains": "@domains_small"}
    ),
    "domain_small_sentences": PresetJob(
        "bilstm_domain", "domain_small", {"unit": "sentence", "domains": "@domains_small"}
    ),
    "domain_large_paragraphs": PresetJob(
        "bilstm_domain", "domain_large", {"unit": "paragraph", "domains": "@domains_large"}
    ),
    "word2vec_and_domains": PresetJob(
        "concatenation",
        fields={
            "tables": ["@word2vec_superset", "@domain_large_paragraphs"],
            "normalization": ["unit", "mean_variance"],
        },
    ),
    "word2vec_and_bilstm_lm": PresetJob(
        "concatenation",
        fields={"tables": ["@word2vec_superset", "@bilstm_lm"], "normalization": ["unit", "mean_variance"]},
    ),
}
"""What rows need, each after what it needs itself."""


def jobs_of(
    rows: Sequence["PresetRow"], replaced: Mapping[str, Mapping[str, JsonValue]] | None = None
) -> Mapping[str, PresetJob]:
    """The jobs of JOBS that these rows need, each after what it needs itself. Fields may be `replaced`, by the kind of
    job: with gold domains, say, no job that finds domains is needed."""
    own = replaced or {}
    needed = {name for row in rows for name in row.needs}
    for name, job in reversed(list(JOBS.items())):
        if name in needed:
            needed.update(replace(job, fields={**job.fields, **own.get(job.kind, {})}).needs)
    return {name: job for name, job in JOBS.items() if name in needed}


PAPER_ROWS: Sequence[PresetRow] = (
    PresetRow("baseline", "no pre-training", 189, input={"type": "learned", "size": 256}),
    PresetRow("word2vec-superset", "word2vec, LM superset", 162, "word2vec_superset", WORD2VEC_INPUT),
    PresetRow("word2vec-external", "word2vec, other text", 195, EXTERNAL, WORD2VEC_INPUT),
    PresetRow("domain-small-paragraphs", "domains, small, paragraphs", 255, "domain_small_paragraphs", STATES_INPUT),
    PresetRow("domain-small-sentences", "domains, small, sentences", 239, "domain_small_sentences", STATES_INPUT),
    PresetRow("word2vec-domain-large", "word2vec, domain large", 179, "word2vec_domain_large", WORD2VEC_INPUT),
    PresetRow("domain-large-paragraphs", "domains, large, paragraphs", 245, "domain_large_paragraphs", STATES_INPUT),
    PresetRow("bilstm-lm", "bi-LSTM LM, LM data", 185, "bilstm_lm", STATES_INPUT),
)
"""In the order of the paper's Table 1, with its perplexities."""

TRAINABLE = PresetRow(
    "word2vec-trainable", "word2vec, trained on", table="word2vec_superset", input={**WORD2VEC_INPUT, "trainable": True}
)
WITH_DOMAINS = PresetRow("word2vec-and-domains", "word2vec + domains", table="word2vec_and_domains", input=MIXED_INPUT)
WITH_BILSTM_LM = PresetRow(
    "word2vec-and-bilstm-lm", "word2vec + bi-LSTM LM", table="word2vec_and_bilstm_lm", input=MIXED_INPUT
)
AUXILIARY = PresetRow(
    "auxiliary",
    "word2vec, predicts domains too",
    table="word2vec_superset",
    input=WORD2VEC_INPUT,
    lm={"auxiliary": {"domains": "@domains_lm", "weight": 0.1}},
)
TIED = PresetRow("tied", "no pre-training, tied", input={"type": "learned", "size": 128}, lm={"tied": True})
WORD2VEC_TIED = PresetRow(
    "word2vec-tied",
    "word2vec, trained on, tied",
    table="word2vec_superset",
    input={**WORD2VEC_INPUT, "trainable": True},
    lm={"tied": True},
)
"""What is pre-trained begins both where words are read and where they are predicted."""
DOCUMENTS = PresetRow(
    "documents",
    "no pre-training, documents",
    input={"type": "learned", "size": 256},
    lm={"history": "document"},
)
WORD2VEC_DOCUMENTS = PresetRow(
    "word2vec-documents",
    "word2vec, documents",
    table="word2vec_superset",
    input=WORD2VEC_INPUT,
    lm={"history": "document"},
)
"""The state goes on from one sentence of a document to the next: what the text is about is told by the text itself."""

OWN_ROWS: Sequence[PresetRow] = (
    TRAINABLE,
    WITH_DOMAINS,
    WITH_BILSTM_LM,
    AUXILIARY,
    TIED,
    WORD2VEC_TIED,
    DOCUMENTS,
    WORD2VEC_DOCUMENTS,
)
"""What the paper didn't try, or proposes."""
ROWS: Sequence[PresetRow] = (*PAPER_ROWS, *OWN_ROWS)
