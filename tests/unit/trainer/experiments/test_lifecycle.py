from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from hindcast.errors import Conflict, IllegalMove, InvalidInput, NameTaken, NotFound
from hindcast.jobs import service
from hindcast.jobs.job import Job, JobStatus
from hindcast.registry import Page, Resource
from hindcast.testing import MemoryDatabase
from hindcast_trainer.experiments import lifecycle
from hindcast_trainer.experiments.answer import RowPretraining
from hindcast_trainer.experiments.document import Experiment
from hindcast_trainer.experiments.known import all_of, jobs_of
from hindcast_trainer.experiments.pretraining import pretraining_of
from hindcast_trainer.experiments.request import ExperimentRequest
from hindcast_trainer.experiments.table import status
from hindcast_trainer.references import Reference

LEARNED = {"label": "none"}
WORD2VEC = {"label": "word2vec", "pretrain": {"kind": "word2vec", "corpus": "news"}}
WHERE = "rows.0.pretrain.corpus"
PROBES = [{"context": "on standby for", "target": "hurricane"}]


@pytest.fixture
def database() -> MemoryDatabase:
    database = MemoryDatabase()
    corpus = Resource("cor_1", "corpus", "news", "key", {}, 0, None, datetime.now(UTC))
    with database.transaction() as transaction:
        transaction.resources.add(corpus)
    return database


def submit(database: MemoryDatabase, *rows: Mapping[str, Any], **fields: Any) -> Experiment:
    lm = {"train": "news", "test": "news"}
    request = ExperimentRequest.model_validate({"lm": lm, "rows": rows, **fields})
    with database.transaction() as transaction:
        return lifecycle.submit(transaction, request)


def job(database: MemoryDatabase, id: str | None) -> Job:
    assert id is not None
    with database.transaction() as transaction:
        return transaction.jobs.get(id)


def run(database: MemoryDatabase, id: str | None, *, error: Mapping[str, Any] | None = None) -> None:
    """The job succeeds, or fails with an error."""
    assert id is not None
    with database.transaction() as transaction:
        claimed = service.claim(transaction, id, lease_seconds=60)
        assert claimed is not None
        if error is not None:
            service.fail(transaction, id, claimed.attempt, error)
            return
        made = service.Made(service.artifact_key(claimed), 0) if claimed.result_id else None
        service.finish(transaction, id, claimed.attempt, made=made)


def status_of(database: MemoryDatabase, experiment: Experiment) -> JobStatus:
    with database.transaction() as transaction:
        found = lifecycle.find(transaction, experiment.id)
        return status(found, jobs_of(transaction, found))


def test_jobs_wait_for_what_they_need(database: MemoryDatabase) -> None:
    [row] = submit(database, WORD2VEC, probes=PROBES).rows
    model, probe = job(database, row.language_models[0]), job(database, row.probes[0])
    assert model.needs == (row.pretrain,)
    assert model.spec["input"]["table"] == job(database, row.pretrain).result_id
    assert probe.needs == (model.id,)
    assert probe.spec["model"] == model.result_id


def test_a_comparison_needs_the_rows_models_and_the_baselines(database: MemoryDatabase) -> None:
    baseline, row = submit(database, LEARNED, WORD2VEC, seeds=[1, 2]).rows
    compared = job(database, row.comparison)
    assert set(compared.needs) == {*row.language_models, *baseline.language_models}
    assert compared.spec["models"] == [job(database, id).result_id for id in row.language_models]
    assert compared.spec["baseline"] == [job(database, id).result_id for id in baseline.language_models]
    assert baseline.comparison is None


def test_the_intervals_of_a_rows_own_perplexity_need_its_models_alone(database: MemoryDatabase) -> None:
    rows = submit(database, LEARNED, WORD2VEC, seeds=[1, 2]).rows
    own = [job(database, row.intervals) for row in rows]
    assert [set(each.needs) for each in own] == [set(row.language_models) for row in rows]
    assert [each.spec["baseline"] for each in own] == [[], []]
    assert [[text["corpora"] for text in each.spec["pretraining"]] for each in own] == [[], [["cor_1"]]]


def test_a_comparison_is_with_the_row_that_was_asked_for(database: MemoryDatabase) -> None:
    learned, row = submit(database, LEARNED, WORD2VEC, baseline="word2vec").rows
    assert job(database, learned.comparison).spec["baseline"] == [job(database, row.language_models[0]).result_id]
    assert row.comparison is None


def test_a_row_over_another_text_is_not_compared_with_the_baseline(database: MemoryDatabase) -> None:
    other = {**WORD2VEC, "lm": {"test": {"corpus": "news", "limit_tokens": 5}}}
    [_, row] = submit(database, LEARNED, other).rows
    assert row.comparison is None
    assert job(database, row.intervals).spec["text"]["limit_tokens"] == 5


def test_without_held_out_text_nothing_is_compared(database: MemoryDatabase) -> None:
    assert [row.statistics for row in submit(database, LEARNED, WORD2VEC, lm={"train": "news"}).rows] == [[], []]


def test_what_a_table_at_hand_was_trained_on_is_known_of_the_job_that_made_it(database: MemoryDatabase) -> None:
    [first] = submit(database, WORD2VEC).rows
    table = job(database, first.pretrain).result_id
    [row] = submit(database, {"label": "at hand", "table": table}).rows
    assert job(database, row.intervals).spec["pretraining"] == job(database, first.intervals).spec["pretraining"]


def test_what_a_row_was_trained_on_is_told_though_its_table_is_deleted(database: MemoryDatabase) -> None:
    [first] = submit(database, WORD2VEC).rows
    table = job(database, first.pretrain).result_id
    assert table is not None
    experiment = submit(database, {"label": "at hand", "table": table})
    told = {"dataset": "news", "unit": "sentence", "objective": "word2vec"}
    assert experiment.rows[0].pretraining == told
    with database.transaction() as transaction:
        known = all_of(transaction, experiment)
        without = replace(known, jobs={}, resources={})
        assert pretraining_of(experiment.rows[0], without) == RowPretraining.model_validate(told)


def test_a_model_that_goes_on_from_another_is_no_baseline_and_has_learned_what_that_one_had(
    database: MemoryDatabase,
) -> None:
    [first] = submit(database, WORD2VEC).rows
    source = job(database, first.language_models[0]).result_id
    learned = {"corpus": "news", "limit_tokens": 9}
    adapted = {"label": "adapted", "lm": {"init_from": source, "train": learned}}
    experiment = submit(database, adapted, LEARNED, lm={"test": "news", "train": learned})
    assert experiment.baseline is not None
    assert experiment.baseline.label == "none"
    texts = [job(database, row.intervals).spec["pretraining"] for row in experiment.rows]
    whole = {"corpora": ["cor_1"], "split": None, "limit_tokens": None}
    assert [{**whole, **text} for text in texts[0]] == [whole]
    assert texts[1] == []


def test_the_test_text_chooses_the_same_words_for_every_model(database: MemoryDatabase) -> None:
    experiment = submit(database, LEARNED, WORD2VEC, probes={"auto": 7})
    probes = [job(database, id) for row in experiment.rows for id in row.probes]
    assert [probe.kind for probe in probes] == ["topical_probe", "topical_probe"]
    assert probes[0].spec["text"] == probes[1].spec["text"]
    assert probes[0].needs == tuple(experiment.rows[0].language_models)


def test_a_baseline_that_fails_fails_no_other_row(database: MemoryDatabase) -> None:
    experiment = submit(database, LEARNED, WORD2VEC)
    baseline, row = experiment.rows
    run(database, baseline.language_models[0], error={"detail": "no"})
    for id in (*row.own_jobs, row.intervals):
        run(database, id)
    assert job(database, row.comparison).status == JobStatus.FAILED
    assert job(database, row.intervals).status == JobStatus.SUCCEEDED
    assert status_of(database, experiment) == JobStatus.SUCCEEDED
    with database.transaction() as transaction:
        lifecycle.retry(transaction, experiment.id)
    for id in (*baseline.jobs, row.comparison):
        run(database, id)
    assert {job(database, id).status for id in experiment.jobs} == {JobStatus.SUCCEEDED}


def test_a_table_is_pre_trained_once_for_all_seeds(database: MemoryDatabase) -> None:
    experiment = submit(database, WORD2VEC, seeds=[1, 2, 3])
    assert len(experiment.jobs) == 5
    assert len(experiment.made) == 5


def test_equal_jobs_of_two_experiments_are_one(database: MemoryDatabase) -> None:
    first = submit(database, LEARNED, WORD2VEC, name="first")
    second = submit(database, {**WORD2VEC, "label": "other"}, name="second")
    assert second.rows[0].language_models == first.rows[1].language_models
    assert second.made == frozenset()
    third = submit(database, LEARNED, {**WORD2VEC, "label": "third"})
    assert third.made == frozenset()


def test_the_name_is_unique(database: MemoryDatabase) -> None:
    submit(database, LEARNED, name="mine")
    with pytest.raises(NameTaken):
        submit(database, WORD2VEC, name="mine")


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"label": "a", "pretrain": {"kind": "word2vec", "corpus": "x"}}, WHERE),
        ({"label": "a", "pretrain": {"kind": "word2vec", "corpus": {"corpora": ["x"]}}}, f"{WHERE}.corpora.0"),
        ({"label": "a", "table": "nowhere"}, "rows.0.table"),
        ({"label": "a", "lm": {"test": {"corpus": "nowhere"}}}, "rows.0.lm.test.corpus"),
    ],
)
def test_what_is_not_there_is_named_where_it_was_written(
    database: MemoryDatabase, row: Mapping[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        submit(database, row)
    assert caught.value.errors[0].field == field
    with database.transaction() as transaction:
        assert transaction.jobs.list(Page())[0] == []
        assert transaction.experiments.list(Page())[0] == []


def test_cancelling_cancels_what_it_made_and_nothing_fails_for_it(database: MemoryDatabase) -> None:
    experiment = submit(database, LEARNED, WORD2VEC, probes=PROBES)
    with database.transaction() as transaction:
        lifecycle.cancel(transaction, experiment.id)
    assert {job(database, id).status for id in experiment.jobs} == {JobStatus.CANCELLED}
    assert status_of(database, experiment) == JobStatus.CANCELLED


def test_cancelling_leaves_jobs_that_another_experiment_refers_to(database: MemoryDatabase) -> None:
    first = submit(database, LEARNED, WORD2VEC)
    second = submit(database, WORD2VEC)
    with database.transaction() as transaction:
        lifecycle.cancel(transaction, first.id)
    assert status_of(database, second) == JobStatus.QUEUED
    assert job(database, first.rows[0].language_models[0]).status == JobStatus.CANCELLED


def test_cancelling_leaves_jobs_that_were_there_before(database: MemoryDatabase) -> None:
    first = submit(database, WORD2VEC)
    second = submit(database, WORD2VEC, LEARNED)
    with database.transaction() as transaction:
        lifecycle.cancel(transaction, second.id)
    assert status_of(database, first) == JobStatus.QUEUED


def test_cancelling_leaves_a_table_that_somebody_elses_job_waits_for(database: MemoryDatabase) -> None:
    [row] = (experiment := submit(database, WORD2VEC)).rows
    table = str(job(database, row.pretrain).result_id)
    used = Reference("input.table", ("table",), table)
    with database.transaction() as transaction:
        service.submit(transaction, kind="other", spec={"input": {"table": "?"}}, references=[used])
        lifecycle.cancel(transaction, experiment.id)
    assert job(database, row.pretrain).status == JobStatus.QUEUED


def test_retrying_queues_what_failed_and_what_failed_for_want_of_it(database: MemoryDatabase) -> None:
    [row] = (experiment := submit(database, WORD2VEC, probes=PROBES)).rows
    run(database, row.pretrain, error={"detail": "no"})
    assert status_of(database, experiment) == JobStatus.FAILED
    with database.transaction() as transaction:
        lifecycle.retry(transaction, experiment.id)
    assert {job(database, id).status for id in experiment.jobs} == {JobStatus.QUEUED}
    for id in experiment.jobs:
        run(database, id)
    assert status_of(database, experiment) == JobStatus.SUCCEEDED


def test_a_cancelled_experiment_can_be_retried(database: MemoryDatabase) -> None:
    experiment = submit(database, WORD2VEC)
    with database.transaction() as transaction:
        lifecycle.cancel(transaction, experiment.id)
        lifecycle.retry(transaction, experiment.id)
    assert status_of(database, experiment) == JobStatus.QUEUED


def test_moves_that_make_no_sense_are_refused(database: MemoryDatabase) -> None:
    experiment = submit(database, LEARNED)
    with database.transaction() as transaction:
        for move in (lifecycle.retry, lifecycle.delete):
            with pytest.raises(IllegalMove):
                move(transaction, experiment.id)
    for id in experiment.jobs:
        run(database, id)
    with database.transaction() as transaction, pytest.raises(IllegalMove):
        lifecycle.cancel(transaction, experiment.id)


def test_an_experiment_whose_job_was_deleted_cant_be_retried(database: MemoryDatabase) -> None:
    experiment = submit(database, LEARNED)
    run(database, experiment.jobs[0], error={"detail": "no"})
    with database.transaction() as transaction:
        service.delete(transaction, experiment.jobs[0])
        with pytest.raises(Conflict, match="was deleted"):
            lifecycle.retry(transaction, experiment.id)


def test_deleting_leaves_the_jobs(database: MemoryDatabase) -> None:
    experiment = submit(database, LEARNED)
    for id in experiment.jobs:
        run(database, id)
    with database.transaction() as transaction:
        lifecycle.delete(transaction, experiment.id)
        with pytest.raises(NotFound):
            lifecycle.find(transaction, experiment.id)
    assert job(database, experiment.jobs[0]).status == JobStatus.SUCCEEDED
