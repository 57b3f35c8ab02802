from typing import Any

import pytest
from pydantic import ValidationError

from hindcast.errors import InvalidInput
from hindcast_trainer.experiments.plan import plan
from hindcast_trainer.experiments.request import ExperimentRequest

WORD2VEC = {"kind": "word2vec", "corpus": "news"}
LM = {"train": "news", "test": "news", "optimizer": {"epochs": 3, "learning_rate": 0.01}}


def asked(*rows: dict[str, Any], **fields: Any) -> ExperimentRequest:
    labelled = [{"label": f"row {number}", **row} for number, row in enumerate(rows)]
    return ExperimentRequest.model_validate({"lm": LM, "rows": labelled, **fields})


def wrong_fields(request: ExperimentRequest) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        plan(request)
    return [error.field for error in caught.value.errors]


def test_each_row_trains_once_for_each_seed() -> None:
    [row] = plan(asked({}, seeds=[1, 5]))
    assert [model.seed for model in row.language_models] == [1, 5]
    assert row.learns_input


def test_a_row_with_pre_training_takes_its_table() -> None:
    [row] = plan(asked({"pretrain": WORD2VEC, "input": {"normalization": "unit"}}))
    assert not row.learns_input
    assert row.pretrain is not None
    assert row.pretrain.kind == "word2vec"
    assert row.language_models[0].input.model_dump()["normalization"] == "unit"


def test_a_row_can_name_a_table() -> None:
    [row] = plan(asked({"table": "google"}))
    assert row.pretrain is None
    assert row.language_models[0].input.model_dump()["table"] == "google"


def test_the_common_input_is_for_rows_without_a_table() -> None:
    learned, pretrained = plan(asked({}, {"pretrain": WORD2VEC}, lm={**LM, "input": {"type": "learned", "size": 16}}))
    assert learned.language_models[0].input.model_dump()["size"] == 16
    assert pretrained.language_models[0].input.type == "table"


def test_a_row_overrides_fields_and_the_optimizer_one_by_one() -> None:
    [row] = plan(asked({"lm": {"hidden_size": 64, "optimizer": {"epochs": 9}}}))
    model = row.language_models[0]
    assert (model.hidden_size, model.optimizer.epochs, model.optimizer.learning_rate) == (64, 9, 0.01)


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"lm": {"hidden_size": 0}}, "rows.0.lm.hidden_size"),
        ({"lm": {"optimizer": {"epochs": 0}}}, "rows.0.lm.optimizer.epochs"),
        ({"lm": {"optimizer": 3}}, "rows.0.lm.optimizer"),
        ({"lm": {"seed": 3}}, "rows.0.lm.seed"),
        ({"lm": {"input": {"type": "learned"}}}, "rows.0.lm.input"),
        ({"lm": {"wings": 2}}, "rows.0.lm.wings"),
        ({"input": {"type": "learned", "size": 0}}, "rows.0.input.size"),
        ({"input": {"type": "wings"}}, "rows.0.input.type"),
        ({"table": "google", "input": {"normalization": "wings"}}, "rows.0.input.normalization"),
        ({"table": "google", "input": {"table": "other"}}, "rows.0.input.table"),
        ({"table": "google", "input": {"type": "learned"}}, "rows.0.input.type"),
        ({"table": "google", "pretrain": WORD2VEC}, "rows.0.table"),
    ],
)
def test_what_is_wrong_in_a_row_is_named_where_it_was_written(row: dict[str, Any], field: str) -> None:
    assert field in wrong_fields(asked(row))


@pytest.mark.parametrize(
    ("lm", "field"),
    [
        ({}, "lm.train"),
        ({**LM, "hidden_size": 10**9}, "lm.hidden_size"),
        ({**LM, "optimizer": {"epochs": 0}}, "lm.optimizer.epochs"),
        ({**LM, "kind": "language_model"}, "lm.kind"),
        ({**LM, "auxiliary": {"weight": 1}}, "lm.auxiliary.domains"),
    ],
)
def test_what_is_wrong_in_common_is_named_once(lm: dict[str, Any], field: str) -> None:
    assert wrong_fields(asked({}, {"table": "google"}, lm=lm, seeds=[1, 2])) == [field]


def test_fields_that_an_experiment_says_itself_are_not_offered() -> None:
    with pytest.raises(InvalidInput) as refused:
        plan(asked({"lm": {"hidden": 64}}, lm=LM))
    [error] = refused.value.errors
    offered = error.message.split("known are ")[1].split(", ")
    assert error.field == "rows.0.lm.hidden"
    assert "hidden_size" in offered
    assert not {"kind", "name", "seed"} & set(offered)


def test_words_can_only_be_chosen_from_a_text_that_is_held_out() -> None:
    rows = ({}, {"lm": {"test": None}})
    assert wrong_fields(asked(*rows, probes={"auto": 5})) == ["probes.auto"]
    assert len(plan(asked(*rows, lm={**LM, "valid": "news"}, probes={"auto": 5}))) == 2


def test_labels_and_seeds_are_distinct() -> None:
    request = asked({"label": "a"}, {"label": "b"}, {"label": "a"}, seeds=[1, 2, 1])
    assert wrong_fields(request) == ["rows.2.label", "seeds.2"]


@pytest.mark.parametrize("label", [" ", "a\nb", "a\n", "\u2028"])
def test_a_label_is_a_line(label: str) -> None:
    with pytest.raises(ValidationError, match="must be one line"):
        asked({"label": label})


def test_the_baseline_is_a_row() -> None:
    assert wrong_fields(asked({"label": "a"}, {"label": "b"}, baseline="wings")) == ["baseline"]


def test_an_experiment_has_an_end() -> None:
    assert wrong_fields(asked(*[{}] * 50, seeds=list(range(20)))) == ["rows"]
