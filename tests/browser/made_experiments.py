"""Experiments in a database, their jobs told to have ended as workers would have told it, without any training."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import product
from typing import Any

from browser.filling import CORPUS_FACTS

from hindcast.adapters.database import PostgresDatabase, PostgresTransaction
from hindcast.jobs import service
from hindcast.jobs.job import Job, JobStatus
from hindcast.registry import Resource
from hindcast_trainer.experiments import lifecycle
from hindcast_trainer.experiments.document import Experiment
from hindcast_trainer.experiments.request import ExperimentRequest
from hindcast_trainer.topical_probe import CONTEXTS, FIGURES

TABLE, RUNNING, UNSURE = "table", "running", "unsure"
"""One that has ended, a row of it failed; one whose second row has only begun; and one that lacks but its intervals."""
FAILED_BECAUSE = "The text has 4 sentences, fewer than lanes."
OVERLAP = "2.5% of the held-out text's sequences of 8 words are in the pre-training text too."
PERPLEXITIES: Mapping[str, list[float]] = {
    "no pre-training": [100.0, 101.0, 102.0],
    "word2vec": [87.5, 88.5, 89.1],
    "latent semantic analysis of the whole text": [104.0, 105.5, 106.0],
}
CHANGES: Mapping[str, tuple[float, float, float]] = {
    "word2vec": (-0.14, -0.11, 0.0001),
    "latent semantic analysis of the whole text": (-0.004, 0.083, 0.071),
}
"""From, to, p."""
RANKS: Mapping[str, float] = {
    "no pre-training": 1252,
    "word2vec": 800,
    "latent semantic analysis of the whole text": 1300,
}

_NEWS = [f"news-{number}" for number in range(5)]
_LEARNED = {"label": "no pre-training", "paper_perplexity": 189.0}
_WORD2VEC = {
    "label": "word2vec",
    "pretrain": {"kind": "word2vec", "corpus": {"corpora": _NEWS}},
    "input": {"normalization": "unit", "compression": None},
    "paper_perplexity": 162.0,
}
_LSA = {
    "label": "latent semantic analysis of the whole text",
    "pretrain": {"kind": "lsa", "corpus": _NEWS[0], "vocabulary": {"min_count": 2}},
}
_BROKEN = {
    "label": "bi-LSTM",
    "pretrain": {"kind": "bilstm_lm", "corpus": _NEWS[0], "vocabulary": {"min_count": 2}},
    "paper_perplexity": 185.0,
}


def make_experiments(database_url: str) -> None:
    """TABLE, RUNNING and UNSURE, in a database with nothing in it."""
    database = PostgresDatabase(database_url, pool_size=1)
    with database.transaction() as transaction:
        for name in _NEWS:
            corpus = Resource(f"cor_{name}", "corpus", name, "key", CORPUS_FACTS, 0, None, datetime.now(UTC))
            transaction.resources.add(corpus)
        small = {"hidden_size": 32}
        unsure = _submitted(transaction, UNSURE, [{**_LEARNED, "lm": small}, {**_WORD2VEC, "lm": small}], probes=[])
        _run(transaction, unsure, fails=lambda job: job.kind == "comparison" and bool(job.spec["baseline"]))
        whole = _submitted(transaction, TABLE, [_LEARNED, _WORD2VEC, _LSA, _BROKEN], probes={"auto": 300})
        _run(transaction, whole, fails=lambda job: job.kind == "bilstm_lm")
        probes = [{"context": "The navy was placed on standby for", "target": "hurricane"}]
        begun = _submitted(transaction, RUNNING, [_LEARNED, {**_WORD2VEC, "lm": {"hidden_size": 64}}], probes=probes)
        _run(transaction, begun, only=[*begun.rows[0].own_jobs, begun.rows[1].pretrain])
        service.claim(transaction, begun.rows[1].language_models[0], lease_seconds=3600)


def _submitted(transaction: PostgresTransaction, name: str, rows: list[Any], *, probes: Any) -> Experiment:
    lm = {"train": {"corpus": _NEWS[0], "split": "train"}, "test": {"corpus": _NEWS[0], "split": "test"}}
    request = {"name": name, "lm": {**lm, "hidden_size": 128}, "rows": rows, "seeds": [1, 2, 3], "probes": probes}
    return lifecycle.submit(transaction, ExperimentRequest.model_validate(request))


def _run(
    transaction: PostgresTransaction,
    experiment: Experiment,
    *,
    fails: Callable[[Job], bool] = lambda job: False,
    only: list[str | None] | None = None,
) -> None:
    """End the experiment's jobs, in the order in which they need each other."""
    rows = {id: row.label for row in experiment.rows for id in row.jobs}
    for id in experiment.jobs:
        if only is not None and id not in only:
            continue
        if transaction.jobs.get(id).status is not JobStatus.QUEUED:
            continue
        job = service.claim(transaction, id, lease_seconds=3600)
        assert job is not None
        if fails(job):
            problem = {"type": "/problems/invalid", "title": "Can't be done", "status": 422, "detail": FAILED_BECAUSE}
            service.fail(transaction, id, job.attempt, problem)
            continue
        facts = {"vocabulary": {"size": 10_000, "sha256": "ab" * 32}, "pipeline": "plain", "network": {}}
        facts |= {"history": "sentence", "parameters": 4_047_632}
        if job.kind != "language_model":
            facts = {"words": 10_000, "size": 300}
        made = service.Made(service.artifact_key(job), 0, facts) if job.result_id else None
        service.finish(transaction, id, job.attempt, made=made, metrics=_metrics(job, rows[id]))


def _metrics(job: Job, row: str) -> dict[str, float]:
    match job.kind:
        case "language_model":
            perplexity = PERPLEXITIES[row][job.spec["seed"] - 1]
            return {"test_perplexity": perplexity, "oov_rate": 0.085, "parameters": 4_047_632.0}
        case "topical_probe":
            shares = {f"{context}_{figure}": 0.125 for context, figure in product(CONTEXTS, FIGURES)}
            medians = {f"{context}_median": RANKS[row] + 92 * place for place, context in enumerate(CONTEXTS)}
            return {**shares, **medians, "words": 300.0}
        case "probe":
            return {"probe_0_rank": 28_553.0, "probe_0_probability": 1e-6}
        case "comparison" if not job.spec["baseline"]:
            seen = {"pretraining_overlap": 0.025} if job.spec["pretraining"] else {}
            return seen | {"perplexity_low": 80.0, "perplexity_high": 95.0}
        case "comparison":
            low, high, p_value = CHANGES[row]
            return {"change_low": low, "change_high": high, "p_value": p_value}
    return {}
