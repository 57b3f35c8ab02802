"""What `hindcast train` and `hindcast experiment run` post: a file, and what is set beside it."""

import pytest

from hindcast_client.command_line.failures import Failure
from hindcast_client.command_line.names import reference_of
from hindcast_client.command_line.specification import Specification

YAML = """
kind: language_model
train: {corpus: no, split: train}
optimizer:
  learning_rate: 1e-3
  patience: null
seed: 010
name: 2026-11-27
tied: true
words: ["1:30", yes, .5, -2, +3.5E+2]
"""


@pytest.fixture
def written(tmp_path):
    def write(content, name="spec.yaml"):
        (tmp_path / name).write_text(content)
        return Specification(tmp_path / name)

    return write


def test_yaml_is_read_as_json_would_mean_it(written):
    assert written(YAML).fields == {
        "kind": "language_model",
        "train": {"corpus": "no", "split": "train"},
        "optimizer": {"learning_rate": 0.001, "patience": None},
        "seed": 10,
        "name": "2026-11-27",
        "tied": True,
        "words": ["1:30", "yes", 0.5, -2, 350.0],
    }


def test_json_is_read_too(written):
    assert written('{"kind":\t"lsa", "size": 1e2}', "spec.json").fields == {"kind": "lsa", "size": 100.0}
    assert written('{"kind": "lsa"}').fields == {"kind": "lsa"}


def test_settings_go_before_options_and_these_before_the_file(written):
    asked = written(YAML)
    asked.options({"optimizer.epochs": 3, "seed": 4, "name": None, "hidden_size": 5})
    asked.settings(["seed=6", "optimizer.learning_rate=1e-2", "input={type: table, table: v}", "dropout=0.2", "name="])
    assert asked.fields["optimizer"] == {"learning_rate": 0.01, "patience": None, "epochs": 3}
    assert (asked.fields["seed"], asked.fields["hidden_size"], asked.fields["dropout"]) == (6, 5, 0.2)
    assert asked.fields["input"] == {"type": "table", "table": "v"}
    assert asked.fields["name"] is None
    asked.settings(["train.limit_tokens=100", "seed.x=1"])
    assert asked.fields["train"] == {"corpus": "no", "split": "train", "limit_tokens": 100}
    assert asked.fields["seed"] == {"x": 1}


def test_each_field_is_named_as_it_was_typed(written, tmp_path):
    asked = written(YAML)
    asked.options({"optimizer.epochs": 3})
    asked.settings(["optimizer.learning_rate=1", "input={type: table}"])
    assert asked.source("optimizer.learning_rate") == "--set optimizer.learning_rate"
    assert asked.source("input.type") == "--set input type"
    assert asked.source("optimizer.epochs") is None, "the option's own name tells"
    assert asked.source("train.split") == f"{tmp_path}/spec.yaml: line 3: train.split"
    assert asked.source("valid") == f"{tmp_path}/spec.yaml: valid", "which isn't there"
    assert Specification(None).source("valid") is None


@pytest.mark.parametrize(
    ("content", "told"),
    [("a: [1", "can't be read: "), ("- 1", "must hold fields"), ("", "must hold fields"), ("\x00", "can't be read")],
)
def test_what_is_no_specification_is_a_sentence_that_names_the_file(written, content, told):
    with pytest.raises(Failure, match=f"spec.yaml {told}"):
        written(content)


@pytest.mark.parametrize(
    ("content", "name", "told"),
    [
        ("kind: language_model\nkind: word2vec\n", "a.yaml", "a.yaml: line 2: kind stands there twice: line 1 has"),
        ("a: {b: 1,\n  b: 2}", "a.yaml", "a.yaml: line 2: a.b stands there twice: line 1 has"),
        ('{"a": [{"b": 1, "c": 1},\n{"b": 1,\n"b": 2}]}', "a.json", "a.json: line 3: a.1.b stands there twice: line 2"),
        ('{"a":\t1, "a":\t2}', "a.json", "a.json: a stands there twice"),
    ],
)
def test_a_field_that_is_said_twice_is_refused(written, content, name, told):
    with pytest.raises(Failure, match=told):
        written(content, name)
    assert written("a: {b: 1}\nb: 2\na.b: 3").fields == {"a": {"b": 1}, "b": 2, "a.b": 3}


def test_a_corpus_may_be_named_with_a_split():
    assert reference_of("novels") == "novels"
    assert reference_of("novels:train") == {"corpus": "novels", "split": "train"}
    assert reference_of("a:b:train") == {"corpus": "a:b", "split": "train"}
    for wrong in ("", "novels:", ":train"):
        with pytest.raises(Failure, match=f"novels:train, not '{wrong}'"):
            reference_of(wrong)
