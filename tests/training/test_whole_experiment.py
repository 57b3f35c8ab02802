"""An experiment whose jobs are really run, in memory: from the request to its table with intervals."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hindcast.errors import HindcastError
from hindcast.jobs import service
from hindcast.jobs.job import JobStatus
from hindcast.registry import Resource
from hindcast.testing import MemoryDatabase, now
from hindcast.text.corpus import Corpus
from hindcast_trainer import kinds
from hindcast_trainer.experiments import lifecycle
from hindcast_trainer.experiments.answer import ExperimentAnswer
from hindcast_trainer.experiments.formats import as_markdown
from hindcast_trainer.experiments.known import all_of
from hindcast_trainer.experiments.request import ExperimentRequest
from hindcast_trainer.experiments.table import tabulate
from hindcast_trainer.held_out import FILE
from hindcast_trainer.testing import LocalWork
from hindcast_trainer.work import Produced

SMALL = {"input": {"type": "learned", "size": 8}, "hidden_size": 8}
PART = {"corpora": ["cor_1"], "limit_tokens": 800}
LM = {"train": "cor_1", "valid": PART, "test": PART, **SMALL, "optimizer": {"epochs": 1, "learning_rate": 0.01}}
UNTRAINED = {"label": "hardly trained", "lm": {"optimizer": {"learning_rate": 1e-6}}}


class World:
    """A database, and a folder for what its jobs make."""

    def __init__(self, folder: Path, corpus: Corpus) -> None:
        self._folder = folder
        self._work = LocalWork(folder)
        self._work.add("cor_1", "corpus", corpus.folder)
        self._database = MemoryDatabase()
        with self._database.transaction() as transaction:
            transaction.resources.add(Resource("cor_1", "corpus", "made", "key", {}, 0, None, now()))

    def submit(self, *rows: Mapping[str, Any], **fields: Any) -> str:
        request = ExperimentRequest.model_validate({"lm": LM, "rows": rows, **fields})
        with self._database.transaction() as transaction:
            return lifecycle.submit(transaction, request).id

    def run(self, made: Callable[[Path], None] = lambda folder: None) -> None:
        """Every job that can be run, in turn; `made` is told of each model's folder."""
        while True:
            with self._database.transaction() as transaction:
                [id] = transaction.jobs.claimable(1) or [None]
                job = id and service.claim(transaction, id, lease_seconds=600)
            if not job:
                return
            (self._folder / job.id).mkdir()
            work = replace(self._work, scratch=self._folder / job.id)
            try:
                produced = kinds.parse(job.kind, job.spec).run(work)
            except HindcastError as error:
                with self._database.transaction() as transaction:
                    service.fail(transaction, job.id, job.attempt, {"type": "/problems/x", "detail": error.detail})
                continue
            if produced.folder and job.result_id and job.result_type:
                made(produced.folder)
                self._work.add(job.result_id, job.result_type, produced.folder, facts=produced.facts)
            self._finish(job.id, job.attempt, produced, f"artifact of {job.id}")

    def _finish(self, id: str, attempt: int, produced: Produced, artifact: str) -> None:
        made = service.Made(artifact, 0, produced.facts) if produced.folder else None
        with self._database.transaction() as transaction:
            service.finish(transaction, id, attempt, made=made, metrics=produced.metrics)

    def table(self, id: str) -> ExperimentAnswer:
        with self._database.transaction() as transaction:
            experiment = lifecycle.find(transaction, id)
            return tabulate(experiment, all_of(transaction, experiment))


@pytest.fixture
def world(tmp_path: Path, made_corpus: Corpus) -> World:
    return World(tmp_path, made_corpus)


def test_from_a_request_to_a_table_with_intervals(world: World) -> None:
    id = world.submit({"label": "none"}, UNTRAINED, seeds=[1, 2], probes={"auto": 25})
    world.run()
    answer = world.table(id)
    assert answer.status == JobStatus.SUCCEEDED
    base, row = answer.rows
    assert base.perplexity is not None
    assert base.perplexity.ci95 is not None
    assert base.perplexity.mean is not None
    assert base.perplexity.ci95[0] < base.perplexity.mean < base.perplexity.ci95[1]
    change = row.relative_to_baseline
    assert change is not None
    assert change.ci95 is not None
    assert change.change is not None
    assert 0 < change.ci95[0] < change.change < change.ci95[1]
    assert change.p_value is not None
    assert change.p_value < 0.05
    assert base.ranks is not None
    assert row.ranks is not None
    assert (base.ranks.words, row.ranks.words) == (25, 25)
    assert base.ranks.median != row.ranks.median
    assert base.ranks.median != base.ranks.sentence.median
    [warning] = answer.warnings  # it is tested on what it was trained on
    assert (
        warning == "none, hardly trained: 100.0% of the held-out text's sequences of 8 words are in the train text too."
    )
    assert "[+" in as_markdown(answer)


def test_models_from_before_scores_were_kept_have_a_table_without_intervals(world: World) -> None:
    id = world.submit({"label": "none"}, UNTRAINED)
    world.run(made=lambda folder: (folder / FILE).unlink(missing_ok=True))
    answer = world.table(id)
    assert answer.status == JobStatus.SUCCEEDED
    change = answer.rows[1].relative_to_baseline
    assert change is not None
    assert change.change is not None
    assert change.ci95 is None
    assert sum("Train it again" in warning for warning in answer.warnings) == 2


def test_a_row_that_fails_leaves_the_others_their_intervals(world: World) -> None:
    broken = {"label": "broken", "lm": {"optimizer": {"batch_size": 4000}}}
    id = world.submit({"label": "none"}, broken, UNTRAINED)
    world.run()
    answer = world.table(id)
    assert [row.status for row in answer.rows] == [JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.SUCCEEDED]
    assert "too small" in (answer.rows[1].error or "")
    assert answer.rows[2].relative_to_baseline is not None
    assert answer.rows[2].relative_to_baseline.ci95 is not None


def test_a_baseline_that_fails_is_told(world: World) -> None:
    broken = {"label": "broken", "lm": {"optimizer": {"batch_size": 4000}}}
    id = world.submit(broken, UNTRAINED)
    world.run()
    answer = world.table(id)
    assert [row.status for row in answer.rows] == [JobStatus.FAILED, JobStatus.SUCCEEDED]
    assert answer.rows[1].relative_to_baseline is None
    assert any(warning.startswith("The baseline, broken, was not finished (failed)") for warning in answer.warnings)
