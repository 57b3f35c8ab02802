from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from hindcast.errors import InvalidInput
from hindcast.registry import Page, Resource
from hindcast.testing import MemoryDatabase
from hindcast_trainer.experiments import presets
from hindcast_trainer.experiments.document import Experiment
from hindcast_trainer.experiments.known import all_of
from hindcast_trainer.experiments.plan import plan
from hindcast_trainer.experiments.presets import Expansion, PresetRequest
from hindcast_trainer.experiments.table import tabulate
from hindcast_trainer.experiments.table1_rows import JOBS, OWN_ROWS, PAPER_ROWS, ROWS

CORPORA = {
    "lm": {"train": {"corpus": "news", "limit_tokens": 100}, "valid": "news", "test": "news"},
    "superset": "news",
    "domain_small": {"corpora": ["news"], "limit_tokens": 10},
    "domain_large": "news",
}


def asked(**fields: Any) -> PresetRequest:
    return PresetRequest.model_validate({"preset": "table-1", "corpora": CORPORA, **fields})


def specs(request: PresetRequest) -> dict[str, list[dict[str, Any]]]:
    """The language models of each row, by its label."""
    experiment = Expansion.of(request).experiment()
    plans = plan(experiment)
    return {
        row.label: [model.model_dump(mode="json") for model in planned.language_models]
        for row, planned in zip(experiment.rows, plans, strict=True)
    }


@pytest.fixture
def database() -> MemoryDatabase:
    database = MemoryDatabase()
    with database.transaction() as transaction:
        transaction.resources.add(Resource("cor_1", "corpus", "news", "key", {}, 0, None, datetime.now(UTC)))
        transaction.resources.add(Resource("tab_1", "table", "google", "key", {}, 0, None, datetime.now(UTC)))
    return database


def submit(database: MemoryDatabase, **fields: Any) -> Experiment:
    with database.transaction() as transaction:
        return presets.submit(transaction, asked(**fields))


def test_the_papers_rows_come_in_its_order_with_its_numbers(database: MemoryDatabase) -> None:
    experiment = submit(database, external_table="google")
    with database.transaction() as transaction:
        answer = tabulate(experiment, all_of(transaction, experiment))
    told = [
        (row.paper_perplexity, *((row.pretraining.unit, row.pretraining.objective) if row.pretraining else ("", "")))
        for row in answer.rows
    ]
    assert told[:8] == [
        (189, "", ""),
        (162, "sentence", "word2vec"),
        (195, None, "imported"),
        (255, "paragraph", "domain classifier"),
        (239, "sentence", "domain classifier"),
        (179, "paragraph", "word2vec"),
        (245, "paragraph", "domain classifier"),
        (185, "sentence", "language model"),
    ]
    assert answer.baseline == "no pre-training"
    assert len(answer.rows) == len(ROWS)


def test_every_row_has_the_papers_best_settings() -> None:
    models = specs(asked(external_table="google"))
    assert {(m["hidden_size"], m["layers"], m["vocabulary"]["size"]) for [m] in models.values()} == {(128, 1, 25_000)}
    inputs = {row.label: models[row.label][0]["input"] for row in PAPER_ROWS}
    assert inputs.pop("no pre-training") == {"type": "learned", "size": 256}
    for label, given in inputs.items():
        best = ("unit", None) if label.startswith("word2vec") else ("mean_variance", 128)
        assert (given["normalization"], given["compression"], given["trainable"]) == (*best, False), label


def test_sentences_are_read_by_themselves_but_in_rows_of_documents() -> None:
    histories = {label: model["history"] for label, [model] in specs(asked(external_table="google")).items()}
    documents = {label for label, history in histories.items() if history == "document"}
    assert documents == {"no pre-training, documents", "word2vec, documents"}
    assert {histories[row.label] for row in PAPER_ROWS} == {"sentence"}


def test_domains_are_found_in_the_text_that_is_classified(database: MemoryDatabase) -> None:
    experiment = submit(database, rows=["domain-small-sentences", "domain-large-paragraphs"])
    with database.transaction() as transaction:
        jobs = {job.id: job for job in transaction.jobs.list(Page(limit=100))[0]}
    names = {each.name: jobs[each.job] for each in experiment.prepared}
    assert list(names) == ["domains_small", "domain_small_sentences", "domains_large", "domain_large_paragraphs"]
    for size, table in (("small", "domain_small_sentences"), ("large", "domain_large_paragraphs")):
        assert names[table].spec["domains"] == names[f"domains_{size}"].result_id
        assert names[table].spec["corpus"] == names[f"domains_{size}"].spec["corpus"]
    assert names["domains_small"].spec["corpus"]["limit_tokens"] == 10


def test_gold_domains_need_no_job_that_finds_domains(database: MemoryDatabase) -> None:
    gold = {"bilstm_domain": {"domains": "gold"}}
    experiment = submit(database, rows=["baseline", "domain-small-paragraphs"], pretrain=gold)
    assert [each.name for each in experiment.prepared] == ["domain_small_paragraphs"]
    with pytest.raises(InvalidInput) as caught:
        submit(database, rows=["domain-small-paragraphs"], pretrain={**gold, "domains": {"k": 5}})
    assert [error.field for error in caught.value.errors] == ["pretrain.domains"]


def test_without_an_external_table_its_row_is_left_out() -> None:
    keys = [row.key for row in Expansion.of(asked()).rows]
    assert "word2vec-external" not in keys
    assert len(keys) == len(ROWS) - 1


def test_only_the_jobs_and_texts_that_the_rows_need_are_asked_for() -> None:
    corpora = {"lm": CORPORA["lm"], "superset": "news"}
    expansion = Expansion.of(asked(rows=["baseline", "word2vec-superset"], corpora=corpora))
    assert [each.name for each in expansion.experiment().prepare] == ["word2vec_superset"]


def test_a_rows_own_settings_and_common_ones_can_be_replaced() -> None:
    request = asked(
        rows=["baseline", "bilstm-lm"],
        lm={"vocabulary": {"size": 10_000}, "optimizer": {"epochs": 3}},
        inputs={"bilstm-lm": {"normalization": "standardize"}},
        pretrain={"bilstm_lm": {"epochs": 7}},
        seeds=[4, 5],
    )
    baseline, bilstm = specs(request).values()
    assert [model["seed"] for model in baseline] == [4, 5]
    assert {"epochs": 3, "patience": 2, "batch_size": 32}.items() <= baseline[0]["optimizer"].items()
    assert {"normalization": "standardize", "compression": 128}.items() <= bilstm[0]["input"].items()
    [job] = Expansion.of(request).experiment().prepare
    table = job.job.model_dump(mode="json")
    assert (table["epochs"], table["vocabulary"]["size"], table["corpus"]["limit_tokens"]) == (7, 10_000, 100)


def test_rows_of_our_own_have_no_number_of_the_papers() -> None:
    assert all(row.paper_perplexity is None for row in OWN_ROWS)
    assert len({row.key for row in ROWS}) == len({row.label for row in ROWS}) == len(ROWS)


def test_each_job_of_the_preset_comes_after_what_it_needs() -> None:
    names = list(JOBS)
    for name, job in JOBS.items():
        assert all(names.index(need) < names.index(name) for need in job.needs)


@pytest.mark.parametrize("written_out", [{"tied": False}, {"history": "sentence"}, {"auxiliary": None}])
def test_defaults_that_are_written_out_are_no_contradiction(written_out: dict[str, Any]) -> None:
    rows = Expansion.of(asked(lm=written_out)).experiment().rows
    assert [row.lm for row in rows] == [dict(row.lm) for row in Expansion.of(asked()).rows]


def test_rows_are_compared_with_the_one_whose_key_is_given(database: MemoryDatabase) -> None:
    experiment = submit(database, rows=["baseline", "word2vec-superset", "word2vec-tied"], baseline="word2vec-superset")
    assert experiment.baseline is not None
    assert experiment.baseline.label == "word2vec, LM superset"


NOWHERE = {"corpus": "nowhere"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"corpora": {**CORPORA, "superset": "nowhere"}}, "corpora.superset"),
        ({"corpora": {**CORPORA, "domain_small": NOWHERE}}, "corpora.domain_small.corpus"),
        ({"corpora": {**CORPORA, "lm": {**CORPORA["lm"], "test": NOWHERE}}}, "corpora.lm.test.corpus"),  # type: ignore[dict-item]
        ({"corpora": {"lm": CORPORA["lm"]}, "rows": ["baseline", "word2vec-superset"]}, "corpora.superset"),
        ({"external_table": "nowhere"}, "external_table"),
        ({"rows": ["word2vec-external"]}, "external_table"),
        ({"rows": ["baseline", "wings"]}, "rows.1"),
        ({"rows": ["baseline", "bilstm-lm", "baseline"]}, "rows.2"),
        ({"rows": ["auxiliary"], "lm": {"auxiliary": {"domains": "gold"}}}, "lm.auxiliary"),
        ({"rows": ["basline"], "pretrain": {"word2vec": {"epochs": 2}}}, "rows.0"),
        ({"rows": ["baseline"], "external_table": "theirs"}, "external_table"),
        ({"rows": ["baseline", "bilstm-lm"], "pretrain": {"word2vec": {"epochs": 2}}}, "pretrain.word2vec"),
        ({"inputs": {"wings": {}}}, "inputs.wings"),
        ({"baseline": "wings"}, "baseline"),
        ({"rows": ["baseline", "bilstm-lm"], "baseline": "word2vec-superset"}, "baseline"),
        ({"inputs": {"bilstm-lm": {"normalization": "wings"}}}, "inputs.bilstm-lm.normalization"),
        ({"lm": {"train": "news"}}, "lm.train"),
        ({"lm": {"input": {}}}, "lm.input"),
        ({"lm": {"hidden_size": 0}}, "lm.hidden_size"),
        ({"lm": {"optimizer": {"epochs": 0}}}, "lm.optimizer.epochs"),
        ({"lm": {"optimizer": 3}}, "lm.optimizer"),
        ({"pretrain": {"word2vec": {"size": 0}}}, "pretrain.word2vec.size"),
        ({"pretrain": {"word2vec": {"corpus": "news"}}}, "pretrain.word2vec.corpus"),
        ({"pretrain": {"bilstm_lm": {"wings": 2}}}, "pretrain.bilstm_lm.wings"),
        ({"probes": [{"context": "A"}]}, "probes.0.target"),
        ({"seeds": [1, 1]}, "seeds.1"),
    ],
)
def test_what_is_wrong_is_named_as_it_was_written(
    database: MemoryDatabase, fields: Mapping[str, Any], expected: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        submit(database, **fields)
    assert caught.value.errors[0].field == expected
    with database.transaction() as transaction:
        assert transaction.jobs.list(Page())[0] == []
