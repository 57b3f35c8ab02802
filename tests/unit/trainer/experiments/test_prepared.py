from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from hindcast.errors import InvalidInput
from hindcast.jobs import service
from hindcast.jobs.job import Job, JobStatus
from hindcast.registry import Page, Resource
from hindcast.testing import MemoryDatabase
from hindcast_trainer.experiments import lifecycle
from hindcast_trainer.experiments.document import Experiment
from hindcast_trainer.experiments.known import all_of
from hindcast_trainer.experiments.request import ExperimentRequest
from hindcast_trainer.experiments.table import tabulate

DOMAINS = {"name": "topics", "job": {"kind": "domains", "corpus": "news", "k": 3}}
CLASSIFIER = {
    "name": "classifier",
    "job": {"kind": "bilstm_domain", "corpus": "news", "domains": "@topics", "unit": "sentence"},
}
LEARNED = {"label": "none"}
PREPARED = {"label": "prepared", "table": "@classifier"}
OWN = {"label": "own", "pretrain": {"kind": "bilstm_domain", "corpus": "news", "domains": "@topics"}}


@pytest.fixture
def database() -> MemoryDatabase:
    database = MemoryDatabase()
    with database.transaction() as transaction:
        transaction.resources.add(Resource("cor_1", "corpus", "news", "key", {}, 0, None, datetime.now(UTC)))
    return database


def submit(database: MemoryDatabase, prepare: list[Any], *rows: Mapping[str, Any]) -> Experiment:
    document = {"lm": {"train": "news", "test": "news"}, "prepare": prepare, "rows": rows}
    with database.transaction() as transaction:
        return lifecycle.submit(transaction, ExperimentRequest.model_validate(document))


def job(database: MemoryDatabase, id: str | None) -> Job:
    assert id is not None
    with database.transaction() as transaction:
        return transaction.jobs.get(id)


def test_a_row_waits_for_what_its_pre_training_waits_for(database: MemoryDatabase) -> None:
    experiment = submit(database, [DOMAINS], OWN)
    [topics], [row] = experiment.prepared, experiment.rows
    pretrain = job(database, row.pretrain)
    assert pretrain.spec["domains"] == job(database, topics.job).result_id
    assert pretrain.needs == (topics.job,)
    assert experiment.jobs == [topics.job, row.pretrain, *row.language_models, row.intervals]
    assert experiment.made == set(experiment.jobs)


def test_a_prepared_table_is_a_rows_pre_training(database: MemoryDatabase) -> None:
    [row] = submit(database, [DOMAINS, CLASSIFIER], PREPARED).rows
    assert row.table is None
    assert job(database, row.pretrain).kind == "bilstm_domain"
    model = job(database, row.language_models[0])
    assert model.spec["input"]["table"] == job(database, row.pretrain).result_id
    assert model.needs == (row.pretrain,)


def test_what_is_prepared_is_queued_when_a_row_needs_it_first(database: MemoryDatabase) -> None:
    experiment = submit(database, [DOMAINS, CLASSIFIER], LEARNED, PREPARED, OWN)
    with database.transaction() as transaction:
        queued = [each.kind for each in reversed(transaction.jobs.list(Page())[0])]
    assert queued == [
        *("language_model", "domains", "bilstm_domain", "language_model"),
        *("bilstm_domain", "language_model"),
        *["comparison"] * 5,
    ]
    assert [each.name for each in experiment.prepared] == ["topics", "classifier"]


def test_a_language_model_can_name_what_is_prepared_elsewhere_than_in_its_table(database: MemoryDatabase) -> None:
    other = {"name": "other", "job": {"kind": "word2vec", "corpus": "news"}}
    [row] = submit(database, [other], {"label": "a", "lm": {"vocabulary": {"same_as": "@other"}}}).rows
    model = job(database, row.language_models[0])
    assert model.spec["vocabulary"]["same_as"] == job(database, model.needs[0]).result_id
    assert row.pretrain is None


@pytest.mark.parametrize(
    ("prepare", "row", "field", "message"),
    [
        ([DOMAINS], {"label": "a", "table": "@topics"}, "rows.0.table", "is a domains"),
        ([DOMAINS], {"label": "a", "table": "@nothing"}, "rows.0.table", "there are @topics"),
        ([], OWN, "rows.0.pretrain.domains", "there is none"),
        ([CLASSIFIER, DOMAINS], PREPARED, "prepare.0.job.domains", "nothing that is prepared before"),
        ([DOMAINS], LEARNED, "prepare.0.name", "nothing refers to @topics"),
        ([DOMAINS, DOMAINS], OWN, "prepare.1.name", "another's"),
        (
            [{"name": "topics", "job": {**DOMAINS["job"], "corpus": {"corpus": "gone"}}}],  # type: ignore[dict-item]
            OWN,
            "prepare.0.job.corpus.corpus",
            "there is no corpus 'gone'",
        ),
        ([DOMAINS], {"label": "a", "lm": {"vocabulary": {"same_as": "@x"}}}, "rows.0.lm.vocabulary.same_as", "'@x'"),
    ],
)
def test_what_is_wrong_is_named_where_it_was_written(
    database: MemoryDatabase, prepare: list[Any], row: Mapping[str, Any], field: str, message: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        submit(database, prepare, row)
    [error] = caught.value.errors
    assert error.field == field
    assert message in error.message
    with database.transaction() as transaction:
        assert transaction.jobs.list(Page())[0] == []


def test_the_answer_tells_what_was_prepared_and_what_the_paper_says(database: MemoryDatabase) -> None:
    experiment = submit(database, [DOMAINS, CLASSIFIER], LEARNED, {**PREPARED, "paper_perplexity": 239})
    with database.transaction() as transaction:
        service.cancel(transaction, experiment.prepared[0].job)
    with database.transaction() as transaction:
        answer = tabulate(experiment, all_of(transaction, experiment))
    assert [(each.name, each.status) for each in answer.prepared] == [
        ("topics", JobStatus.CANCELLED),
        ("classifier", JobStatus.FAILED),
    ]
    assert [row.paper_perplexity for row in answer.rows] == [None, 239]
    described = answer.rows[1].pretraining
    assert described is not None
    assert (described.dataset, described.unit, described.objective) == ("news", "sentence", "domain classifier")
    assert "It needs the set of domains" in (answer.rows[1].error or "")


def test_cancelling_cancels_what_was_prepared(database: MemoryDatabase) -> None:
    experiment = submit(database, [DOMAINS, CLASSIFIER], PREPARED)
    with database.transaction() as transaction:
        lifecycle.cancel(transaction, experiment.id)
    assert {job(database, id).status for id in experiment.jobs} == {JobStatus.CANCELLED}


def test_an_experiment_that_was_stored_before_there_were_preparations_can_be_read() -> None:
    stored = {"id": "exp_1", "name": None, "created_at": datetime.now(UTC), "request": {}, "rows": [], "made": []}
    assert Experiment.of({**stored, "cancelled": False}).prepared == []
