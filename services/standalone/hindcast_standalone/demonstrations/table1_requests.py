"""What `make table1` posts: the preset `table-1` at a share of the paper's size."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hindcast_standalone.demonstrations.table1_texts import CORPORA, OF_ANOTHER_KIND, WITH_DOMAINS
from hindcast_trainer.experiments import table1_rows

PAPER_LM_WORDS, PAPER_DOMAIN_SMALL, PAPER_DOMAIN_LARGE = 10_000_000, 7_000_000, 70_000_000
LARGE_VOCABULARY = 25_000
HELD_OUT_TOKENS = 100_000
"""Of valid, and of test."""
TOPICAL_WORDS = 300
"""Whose ranks tell whether a model knows what its text is about."""
FEW_WORDS = 500_000
"""With fewer to learn, small batches do better: 8 sentences instead of 32."""
PRETRAINING_EPOCHS = {"bilstm_lm": 8, "bilstm_domain": 3}
"""At most. So that one seed of the paper's rows takes hours, not a day, on two cores."""
SAMPLES = 2048
"""What the objective takes where nothing is said."""
BASELINE = "baseline"
"""What the preset compares with."""
FIRST = (BASELINE, "word2vec-superset")
"""What tells most."""
EXTERNAL = "word2vec-external"
STATES: Sequence[Mapping[str, Any]] = (
    {"normalization": "mean_variance", "compression": 128},
    {"normalization": "standardize", "compression": 128},
    {"normalization": "unit", "compression": None},
)
SIDE_BY_SIDE: Sequence[Mapping[str, Any]] = (
    {"normalization": "none", "compression": 128},  # each part is normalised before
    {"normalization": "none", "compression": None},
    {"normalization": "standardize", "compression": 128},
)
CANDIDATES: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "bilstm-lm": STATES,
    "word2vec-and-domains": SIDE_BY_SIDE,
    "word2vec-and-bilstm-lm": SIDE_BY_SIDE,
}
"""Of rows for whose input the paper names no best setting: the one with the lowest perplexity of valid is taken."""
ON_SMALL = "domain-small-paragraphs"
DOMAIN_SETTINGS: Sequence[Mapping[str, Mapping[str, Any]]] = (
    {},
    {"domains": {"k": 50}},
    {"bilstm_domain": {"clip": 1.0}},
)
"""Fields of pre-training for domains, by the kind of job, instead of the preset's 20 domains and states as they are.
The paper, which doesn't name its own, optimised them on its small text and took them to the large one (section 5):
those with which the row ON_SMALL has the lowest perplexity of valid are every row's."""
ROWS = tuple(row.key for row in table1_rows.ROWS)
"""All rows that the preset has, in its order."""
CURVE_WORDS = (100_000, 300_000, 1_000_000)

# Tokens a second on two cores, at a vocabulary of 10,000, and what to expect of patience: for the estimate alone.
LM_RATE, SAMPLED_LM_RATE, BILSTM_LM_RATE, BILSTM_DOMAIN_RATE, WORD2VEC_RATE = 7_000, 25_000, 4_900, 20_000, 300_000
EPOCHS_TO_CONVERGE = 11
SUPERSET_WORDS = 11_700_000


@dataclass(frozen=True)
class Size:
    """How much text, how it is learned, and what follows from both."""

    lm_words: int
    """With an end-of-sentence symbol each, as all limits."""
    domain_small: int
    domain_large: int
    epochs: int | None = None
    """At most, of every network; None: as many as it takes."""
    lm: Mapping[str, Any] = field(default_factory=dict)
    """Other fields of every language model, as the preset takes them."""

    @classmethod
    def of(
        cls, *, scale: float, lm_words: int | None, epochs: int | None, lm: Mapping[str, Any] | None = None
    ) -> "Size":
        """At that share of the paper's size."""
        words = round(scale * PAPER_LM_WORDS) if lm_words is None else lm_words
        return cls(words, round(scale * PAPER_DOMAIN_SMALL), round(scale * PAPER_DOMAIN_LARGE), epochs, lm or {})

    @property
    def samples(self) -> int | None:
        """From which the bi-LSTM language model learns, as the language models do; None: from the whole vocabulary."""
        objective = self.lm.get("objective")
        if not isinstance(objective, Mapping) or objective.get("type") != "sampled_softmax":
            return None
        samples: int = objective.get("samples", SAMPLES)
        return samples

    @property
    def vocabulary(self) -> int | None:
        """Words at most: what `lm` says, or else the paper's number at its size. None: no limit."""
        own = self.lm.get("vocabulary")
        if own is None:
            return LARGE_VOCABULARY if self.lm_words >= PAPER_LM_WORDS else 10_000
        limit = own.get("size") if isinstance(own, Mapping) else None
        return limit if isinstance(limit, int) and limit > 0 else None  # what is wrong with it, the service tells

    @property
    def batch_size(self) -> int:
        """Sentences side by side."""
        return 8 if self.lm_words < FEW_WORDS else 32


def corpus_name(corpus: str) -> str:
    """What an uploaded corpus is called."""
    return f"table1-{corpus}"


def part(corpora: Sequence[str], split: str, limit: int | None = None) -> dict[str, Any]:
    """A corpus reference."""
    reference: dict[str, Any] = {"corpora": [corpus_name(corpus) for corpus in corpora], "split": split}
    return reference | ({"limit_tokens": limit} if limit else {})


def preset(
    size: Size,
    *,
    rows: Sequence[str],
    seeds: Sequence[int],
    inputs: Mapping[str, Mapping[str, Any]] | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    external_table: str | None = None,
    baseline: str = BASELINE,
) -> dict[str, Any]:
    """The experiment as it is posted, under a name that tells it from others. `settings` are fields of pre-training, by
    the kind of job; those of kinds that no row needs are left out."""
    optimizer = {"batch_size": size.batch_size} | ({"epochs": size.epochs} if size.epochs else {})
    optimizer |= size.lm.get("optimizer", {})
    kinds = _kinds(rows)
    pretrain: dict[str, Any] = {
        kind: {"epochs": min(epochs, size.epochs or epochs)}
        for kind, epochs in PRETRAINING_EPOCHS.items()
        if kind in kinds
    }
    if size.samples and "bilstm_lm" in pretrain:
        pretrain["bilstm_lm"]["samples"] = size.samples
    for kind, fields in used(settings or {}, rows).items():
        pretrain[kind] = {**pretrain.get(kind, {}), **fields}
    chosen = {key: dict(fields) for key, fields in (inputs or {}).items() if key in rows}
    request: dict[str, Any] = {
        "preset": "table-1",
        "corpora": {
            "lm": {
                "train": part(CORPORA, "train", size.lm_words),
                "valid": part(CORPORA, "valid", HELD_OUT_TOKENS),
                "test": part(CORPORA, "test", HELD_OUT_TOKENS),
            },
            "superset": part(CORPORA, "train"),
            "domain_small": part(WITH_DOMAINS, "train", size.domain_small),
            "domain_large": part(WITH_DOMAINS, "train", size.domain_large),
        },
        "rows": list(rows),
        "lm": {"vocabulary": {"size": size.vocabulary}, **size.lm, "optimizer": optimizer},
        "pretrain": pretrain,
        "inputs": chosen,
        "seeds": list(seeds),
        "probes": {"auto": TOPICAL_WORDS},
    }
    if EXTERNAL in rows:
        request["external_table"] = external_table
    if baseline != BASELINE:
        request["baseline"] = baseline
    return named("table-1", request)


def external_word2vec() -> dict[str, Any]:
    """The job that makes the table of text of another kind."""
    return named("table-1-external", {"kind": "word2vec", "corpus": part(OF_ANOTHER_KIND, "train")})


def candidates(size: Size, row: str, settings: Mapping[str, Mapping[str, Any]] | None = None) -> list[dict[str, Any]]:
    """An experiment for each input that is tried for a row whose best one is to be found."""
    inputs = CANDIDATES[row]
    return [preset(size, rows=[row], seeds=[1], inputs={row: fields}, settings=settings) for fields in inputs]


def domain_settings(size: Size) -> list[dict[str, Any]]:
    """An experiment on the small text of domains for each of DOMAIN_SETTINGS."""
    return [preset(size, rows=[ON_SMALL], seeds=[1], settings=settings) for settings in DOMAIN_SETTINGS]


def by_domains(row: str) -> bool:
    """Whether DOMAIN_SETTINGS change what the row is made of."""
    return not _kinds([row]).isdisjoint(kind for settings in DOMAIN_SETTINGS for kind in settings)


def used(settings: Mapping[str, Mapping[str, Any]], rows: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """Those of kinds of jobs that the rows need."""
    kinds = _kinds(rows)
    return {kind: fields for kind, fields in settings.items() if kind in kinds}


def _kinds(rows: Sequence[str]) -> set[str]:
    """Of all jobs that pre-train for these rows."""
    return {job.kind for job in table1_rows.jobs_of([row for row in table1_rows.ROWS if row.key in rows]).values()}


def named(prefix: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """The request with a name that follows from it: asked again, it is found."""
    digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:12]
    return {**request, "name": f"{prefix}-{digest}"}


def estimated_hours(size: Size, rows: Sequence[str], seeds: int, *, tuned: bool = True) -> float:
    """About how long it takes on two cores; the processor decides."""
    epochs = min(EPOCHS_TO_CONVERGE, size.epochs or EPOCHS_TO_CONVERGE)
    searches = sum(len(CANDIDATES[row]) - 1 for row in rows if row in CANDIDATES) if tuned else 0
    on_small = len(DOMAIN_SETTINGS) - (ON_SMALL in rows) if tuned and any(map(by_domains, rows)) else 0
    speed_of_vocabulary = 10_000 / (size.vocabulary or LARGE_VOCABULARY)
    rate = SAMPLED_LM_RATE if size.samples else LM_RATE * speed_of_vocabulary
    seconds = (len(rows) * seeds + searches + on_small) * epochs * size.lm_words / rate
    learned = {
        "domain-small-paragraphs": (size.domain_small, "bilstm_domain", BILSTM_DOMAIN_RATE),
        "domain-small-sentences": (size.domain_small, "bilstm_domain", BILSTM_DOMAIN_RATE),
        "domain-large-paragraphs": (min(size.domain_large, SUPERSET_WORDS), "bilstm_domain", BILSTM_DOMAIN_RATE),
        "bilstm-lm": (size.lm_words, "bilstm_lm", BILSTM_LM_RATE * speed_of_vocabulary),
    }
    for words, kind, speed in (learned[row] for row in (*rows, *[ON_SMALL] * on_small) if row in learned):
        seconds += words * min(PRETRAINING_EPOCHS[kind], size.epochs or PRETRAINING_EPOCHS[kind]) / speed
    word2vec = {"word2vec-superset": SUPERSET_WORDS, EXTERNAL: SUPERSET_WORDS / 4}
    word2vec["word2vec-domain-large"] = min(size.domain_large, SUPERSET_WORDS)
    seconds += sum(5 * words / WORD2VEC_RATE for row, words in word2vec.items() if row in rows)
    return seconds / 3600
