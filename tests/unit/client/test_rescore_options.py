"""The options of `hindcast rescore` are the service's parameters, and nothing is lost between the two."""

import tomllib
from inspect import signature
from pathlib import Path

from hindcast_client.command_line import app, tuning
from hindcast_client.command_line.rescore import rescore
from hindcast_client.command_line.rescore_options import PARAMETERS, as_typed, query_of
from hindcast_scorer.api.lattice_files import LatticeQuery
from hindcast_scorer.api.list_files import FileQuery
from hindcast_scorer.lattice_rescoring import ADDED
from hindcast_scorer.rescoring.options import RescoreOptions


def test_every_parameter_of_the_service_is_an_option_of_the_same_name():
    known = FileQuery.model_fields.keys() | LatticeQuery.model_fields.keys()
    assert {*PARAMETERS, "format"} == known
    assert known <= signature(rescore).parameters.keys()


def test_what_is_not_said_is_left_to_the_service():
    nothing = dict.fromkeys(PARAMETERS)
    assert query_of({**nothing, "tokens": False}) == {}
    assert query_of({**nothing, "tokens": True, "lm_weight": 0.0}) == {"tokens": True, "lm_weight": 0.0}


def test_tuning_is_asked_with_the_options_that_rescoring_will_have():
    query = {
        "am_scale": 0.5,
        "lm_weight": 2.0,
        "word_insertion_penalty": -1.0,
        "ngram": "small",
        "neural_weight": 0.25,
        "interpolation": "log_linear",
        "oov_penalty": -3.0,
        "case": "lower",
        "brackets": "dropped",
        "fillers": "uh, um",
        "fragments": "dropped",
        "hyphens": "parted",
        "context": "before",
        "sum": "skipped",
    }
    assert RescoreOptions.model_validate_json(RescoreOptions(**tuning.options_of(query)).model_dump_json()) == (
        FileQuery(**query).options
    )
    left_out = {"session": "s", "order": "sorted", "tokens": True, "answer": "best", "utterance": "u"}
    assert tuning.options_of(left_out) == {}
    assert tuning.options_of({"neural_weight": 0.25}) == {}, "there is nothing to interpolate with"


def test_the_service_s_notes_name_options():
    note = f"of 3 lattices, {ADDED}"
    assert as_typed(note) == note.replace("old_ngram", "--old-ngram").replace("graph_scale=0", "--graph-scale=0")
    assert as_typed("the sum of n words in this context") == "the sum of n words in this context"


def test_the_weights_that_were_found_are_options():
    weights = {"am_scale": 1.0, "lm_weight": 2.0, "word_insertion_penalty": 0.5}
    assert tuning.weights_of({"weights": {**weights, "interpolation": None}}) == weights
    assert tuning.weights_of({"weights": {**weights, "interpolation": {"ngram": "own", "weight": 0.3}}}) == {
        **weights,
        "neural_weight": 0.3,
    }


def test_the_script_is_called_hindcast():
    project = tomllib.loads((Path(__file__).parents[3] / "client" / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"hindcast": f"{app.__name__}:{app.main.__name__}"}
