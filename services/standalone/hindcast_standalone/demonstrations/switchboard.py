"""`make switchboard`: do pre-trained embeddings make fewer word errors on real n-best lists?

Language models of Switchboard transcripts, with and without tables of other text, rescore the nine-best lists of a data
folder. Weights are tuned and judged by cross-validation over whole conversations; the ten-best lists, which stand in
the order in which they were said, tell what sessions change. What was trained isn't trained again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from hindcast.errors import InvalidInput
from hindcast.settings import Settings
from hindcast_standalone.demonstrations import switchboard_requests as requests
from hindcast_standalone.demonstrations.api_client import ApiClient, failures, submitted, upload_once
from hindcast_standalone.demonstrations.server import running_server
from hindcast_standalone.demonstrations.switchboard_judging import NGRAM_ALONE, SHARES, judged, told_in_sessions
from hindcast_standalone.demonstrations.switchboard_lists import nine_best, ten_best
from hindcast_standalone.demonstrations.switchboard_ngram import uploaded_ngram
from hindcast_standalone.demonstrations.switchboard_report import NGRAM, Report, Trained, terminal_tables, write
from hindcast_standalone.demonstrations.switchboard_requests import DROPOUTS, GENERAL, ROWS, SELF_NORMALIZED, Row, Study
from hindcast_standalone.demonstrations.table1_requests import corpus_name
from hindcast_standalone.demonstrations.table1_texts import PIPELINE, SourceText, select


@dataclass(frozen=True)
class Asked:
    """What the command was asked for."""

    data: Path
    """A folder with `asr/nbest`, `switchboard` and the other corpora."""
    output: Path | None = None
    """Where results are written; None: `switchboard` under HINDCAST_HOME."""
    seeds: int = 3
    epochs: int = requests.EPOCHS
    """Of each language model, at most."""
    lmplz: Path | None = None
    """KenLM's program that makes n-gram models; None: there is no n-gram to compare with."""


def run(settings: Settings, asked: Asked, *, command: str, console: Console) -> None:
    """Upload, train, tune, judge, write."""
    output = asked.output or settings.home_folder / "switchboard"
    nine, ten = nine_best(asked.data / "asr" / "nbest"), ten_best(asked.data / "asr" / "nbest")
    texts = [text for text in select(asked.data) if text.name in (*requests.OTHER, requests.SWITCHBOARD)]
    study = Study(epochs=asked.epochs, seeds=asked.seeds)
    with running_server(settings, console, side_by_side=True) as url:
        api = ApiClient(url, console)
        for text in texts:
            upload_once(api, text.body(), name=corpus_name(text.name), pipeline=PIPELINE)
        ngram = uploaded_ngram(api, asked.lmplz, _switchboard(texts), output) if asked.lmplz else None
        trained = trained_rows(api, study, (*ROWS, SELF_NORMALIZED, GENERAL))
        console.print("Rescoring the nine-best lists")
        found = {key: [judged(api, model, nine) for model in row.models] for key, row in trained.items()}
        best = min(trained, key=lambda key: trained[key].valid)
        joined = {
            f"{SELF_NORMALIZED.label}, without the sum": [
                judged(api, model, nine, sum="skipped") for model in trained[SELF_NORMALIZED.key].models
            ]
        }
        if ngram:
            first = trained["baseline"].models[0]
            joined[NGRAM] = [judged(api, first, nine, ngram=ngram, shares=NGRAM_ALONE)]
            joined["n-gram, no pre-training"] = [
                judged(api, model, nine, ngram=ngram, shares=SHARES) for model in trained["baseline"].models
            ]
            joined[f"n-gram, {trained[best].label}"] = [
                judged(api, model, nine, ngram=ngram, shares=SHARES) for model in trained[best].models
            ]
        console.print("Rescoring the ten-best lists, alone and in sessions")
        looking_back = _looking_back(api, study, trained[best])
        sessions = told_in_sessions(api, looking_back, ten)
    report = Report(command, trained, found, joined, best, sessions)
    for table in terminal_tables(report):
        console.print(table)
    page = write(output, report)
    console.print(f"Written to {page} and {page.with_suffix('.json')}")


def trained_rows(api: ApiClient, study: Study, rows: Sequence[Row]) -> dict[str, Trained]:
    """The models of each row, by its key: of one seed with each dropout, and with the best of these all other seeds."""
    submitted(api, "/v1/jobs", requests.word2vec())
    first = {(row.key, dropout): study.model(row, seed=1, dropout=dropout) for row in rows for dropout in DROPOUTS}
    submitted(api, "/v1/jobs", first[ROWS[0].key, DROPOUTS[0]])
    submitted(api, "/v1/jobs", requests.general(study.first()))
    tried = _run(api, first)
    chosen = {row.key: min(DROPOUTS, key=lambda dropout: _perplexity(tried[row.key, dropout], "valid")) for row in rows}
    seeds = {
        (row.key, seed): study.model(row, seed=seed, dropout=chosen[row.key])
        for row in rows
        for seed in range(1, study.seeds + 1)
    }
    jobs = _run(api, seeds)
    return {
        row.key: _trained(row, chosen[row.key], [jobs[row.key, seed] for seed in range(1, study.seeds + 1)])
        for row in rows
    }


def _run(api: ApiClient, specs: Mapping[Any, Mapping[str, Any]]) -> dict[Any, Mapping[str, Any]]:
    """The ended jobs. InvalidInput where one failed."""
    begun = {key: submitted(api, "/v1/jobs", spec) for key, spec in specs.items()}
    api.wait({job["id"]: " ".join(map(str, key)) for key, job in begun.items()})
    jobs = {key: api.get(f"/v1/jobs/{job['id']}") for key, job in begun.items()}
    if complaints := failures(list(jobs.values())):
        raise InvalidInput(" ".join(complaints))
    return jobs


def _looking_back(api: ApiClient, study: Study, best: Trained) -> str:
    """The best row's model of one seed, trained to look back beyond its sentence."""
    spec = replace(study, history="document").model(best.row, seed=1, dropout=best.dropout)
    job = _run(api, {(best.row.key, "looking back"): spec})[best.row.key, "looking back"]
    model: str = job["result"]["id"]
    return model


def _trained(row: Row, dropout: float, jobs: Sequence[Mapping[str, Any]]) -> Trained:
    return Trained(
        row,
        dropout,
        [job["result"]["id"] for job in jobs],
        valid=sum(_perplexity(job, "valid") for job in jobs) / len(jobs),
        test=sum(_perplexity(job, "test") for job in jobs) / len(jobs),
    )


def _perplexity(job: Mapping[str, Any], split: str) -> float:
    return float(job["metrics"][f"{split}_perplexity"])


def _switchboard(texts: Sequence[SourceText]) -> SourceText:
    (found,) = [text for text in texts if text.name == requests.SWITCHBOARD]
    return found
