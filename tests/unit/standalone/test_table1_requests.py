"""What `make table1` posts: checked against the trainer's own specifications."""

import json
from pathlib import Path
from typing import Any

import pytest
from table1_data import SMALL, expanded

from hindcast.errors import InvalidInput
from hindcast_standalone.demonstrations import table1_requests as requests
from hindcast_standalone.demonstrations.table1 import Asked
from hindcast_standalone.demonstrations.table1_requests import Size
from hindcast_standalone.demonstrations.table1_texts import CORPORA
from hindcast_trainer.experiments.plan import plan
from hindcast_trainer.experiments.table1_rows import ROWS


def test_the_whole_table_is_a_valid_preset_at_a_tenth_of_the_papers_size() -> None:
    request = requests.preset(SMALL, rows=requests.ROWS, seeds=[1, 2], external_table="novels and speeches")
    experiment = expanded(request)
    assert [row.label for row in experiment.rows] == [row.label for row in ROWS]
    [first, *_] = plan(experiment)
    model = first.language_models[0]
    assert (model.train.limit_tokens, model.vocabulary.size, model.optimizer.batch_size) == (1_000_000, 10_000, 32)
    assert (model.optimizer.epochs, model.optimizer.patience) == (30, 2)
    texts = {each.name: each.job.corpus for each in experiment.prepare if hasattr(each.job, "corpus")}
    assert texts["domains_small"].limit_tokens == 700_000
    assert texts["domains_large"].limit_tokens == 7_000_000
    assert texts["domains_small"].corpora == texts["domains_large"].corpora
    assert texts["word2vec_superset"].limit_tokens is None
    assert set(texts["word2vec_superset"].corpora) == {requests.corpus_name(corpus) for corpus in CORPORA}


def test_little_text_is_learned_in_small_batches_and_a_quick_look_has_few_epochs() -> None:
    request = requests.preset(Size.of(scale=0.1, lm_words=100_000, epochs=2), rows=["bilstm-lm"], seeds=[1])
    experiment = expanded(request)
    [row] = plan(experiment)
    assert (row.language_models[0].optimizer.batch_size, row.language_models[0].optimizer.epochs) == (8, 2)
    assert experiment.prepare[0].job.epochs == 2


def test_fields_of_a_language_model_are_every_rows_and_make_another_experiment(tmp_path: Path) -> None:
    fields = {"objective": {"type": "sampled_softmax", "samples": 1000}, "dropout": 0.4, "optimizer": {"patience": 3}}
    sampled = Asked(data=tmp_path, lm=json.dumps(fields)).size
    rows = ["baseline", "bilstm-lm"]
    exact, request = (requests.preset(size, rows=rows, seeds=[1]) for size in (SMALL, sampled))
    assert [each.job.samples for each in expanded(request).prepare] == [1000]
    models = [row.language_models[0] for row in plan(expanded(request))]
    assert {(model.objective.type, model.dropout) for model in models} == {("sampled_softmax", 0.4)}
    assert {(model.optimizer.patience, model.optimizer.batch_size) for model in models} == {(3, 32)}
    assert exact["name"] != request["name"]
    assert requests.estimated_hours(sampled, requests.FIRST, 1) < requests.estimated_hours(SMALL, requests.FIRST, 1)


def test_what_is_asked_again_has_the_name_that_it_had_and_nothing_else_has() -> None:
    asked = [requests.preset(SMALL, rows=requests.FIRST, seeds=seeds)["name"] for seeds in ([1], [1], [1, 2])]
    assert asked[0] == asked[1] != asked[2]


def test_the_estimate_grows_with_what_is_asked() -> None:
    paper = [row.key for row in ROWS if row.paper_perplexity]
    assert 3 < requests.estimated_hours(SMALL, paper, 1) < 7
    assert requests.estimated_hours(SMALL, paper, 3) > 2 * requests.estimated_hours(SMALL, paper, 1)
    assert requests.estimated_hours(SMALL, paper[:2], 1) < 1.5


@pytest.mark.parametrize(
    ("asked", "field"), [({"lm_words": 0}, "LM_WORDS"), ({"lm_words": -5}, "LM_WORDS"), ({"scale": 4e-8}, "SCALE")]
)
def test_a_size_without_words_is_refused(tmp_path: Path, asked: Any, field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        _ = Asked(data=tmp_path, **asked).size


def test_the_estimate_has_no_search_that_is_left_out() -> None:
    for row in ("bilstm-lm", "domain-large-paragraphs"):
        tuned, untuned = (requests.estimated_hours(SMALL, [row], 1, tuned=tuned) for tuned in (True, False))
        assert tuned > 1.3 * untuned
