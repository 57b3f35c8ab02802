"""Kaldi's n-best archives over HTTP: what of their graph costs the new language model replaces, and what it leaves."""

import math
from pathlib import Path

import pytest
from written_lists import tar, untar

pytest.importorskip("kenlm", reason="needs kenlm: make kenlm")

ARPA = (Path(__file__).parent / "ngram_files" / "little.arpa").read_bytes()
PATH = "/v1/models/lm_1/rescore"
WORDS = b"a-1 schools closed\na-2 the rain\n"
ACOUSTIC = b"a-1 100.5\na-2 100\n"
# In little.arpa, by hand: -0.4 - 0.1 - 0.05, and -0.9 - 0.45 - (0.05 + 0.2 + 0.9).
SCHOOLS, RAIN = 0.55 * math.log(10), 2.5 * math.log(10)
OLD_ALONE = {"ngram": "little", "neural_weight": 0.0}
"""An answer by the old model itself."""


@pytest.fixture
def model(scorer, make_bundle):
    scorer.add(make_bundle(pipeline="asr", history="document"))
    answer = scorer.http.post("/v1/ngrams", content=ARPA, params={"name": "little"})
    assert answer.status_code == 201, answer.text
    return scorer


def rescored(scorer, files, **query):
    body = tar({"words": WORDS, "acwt": ACOUSTIC, **files})
    answer = scorer.http.post(PATH, params={"format": "kaldi", **query}, content=body)
    assert answer.status_code == 200, answer.text
    return untar(answer.content)


def costs(content):
    return {key: float(cost) for key, cost in (line.split() for line in content.decode().splitlines())}


def test_the_old_model_is_taken_out_and_pronunciations_stay(model):
    neural = costs(rescored(model, {})["lmwt"])
    back = costs(rescored(model, {"lmwt": b"a-1 10\na-2 9.25\n"}, old_ngram="little")["lmwt"])
    assert back["a-1"] == pytest.approx(10 - SCHOOLS + neural["a-1"], abs=1e-5)
    assert back["a-2"] == pytest.approx(9.25 - RAIN + neural["a-2"], abs=1e-5)
    half = costs(rescored(model, {"lmwt": b"a-1 10\na-2 9.25\n"}, old_ngram="little", old_lm_scale=0.5)["lmwt"])
    assert half["a-1"] == pytest.approx(10 - SCHOOLS / 2 + neural["a-1"], abs=1e-5)


def test_the_same_model_out_and_in_changes_no_cost(model):
    back = rescored(model, {"lmwt": b"a-1 10\na-2 9.25\n"}, old_ngram="little", **OLD_ALONE)
    assert costs(back["lmwt"]) == pytest.approx({"a-1": 10, "a-2": 9.25}, abs=1e-9)


def test_costs_without_the_old_model_gain_the_new(model):
    files = {"lmwt.nolm": b"a-1 4\na-2 3.5\n"}
    back = rescored(model, files, **OLD_ALONE)
    assert costs(back["lmwt"]) == pytest.approx({"a-1": 4 + SCHOOLS, "a-2": 3.5 + RAIN}, abs=1e-5)
    assert back["lmwt.nolm"] == files["lmwt.nolm"]


def test_costs_that_nothing_tells_apart_are_replaced_whole(model):
    back = rescored(model, {"lmwt": b"a-1 10\na-2 9.25\n"}, **OLD_ALONE)
    assert costs(back["lmwt"]) == pytest.approx({"a-1": SCHOOLS, "a-2": RAIN}, abs=1e-5)


@pytest.mark.parametrize(("second", "first_key"), [(b"3.5", "a-1"), (b"-1", "a-2")])
def test_hypotheses_are_ordered_by_what_is_written(model, second, first_key):
    # Totals: 100.5 + 4 + 1.27 and 100 + second + 5.76; with the weight of the language model, 2, both parts twice.
    files = {"lmwt.nolm": b"a-1 4\na-2 " + second + b"\n"}
    back = rescored(model, files, order="sorted", lm_weight=2, **OLD_ALONE)
    assert back["lmwt"].decode().split()[0] == first_key


@pytest.mark.parametrize(
    ("files", "query", "status", "field"),
    [
        ({}, {"old_ngram": "little"}, 422, "old_ngram"),
        ({"lmwt.nolm": b"a-1 4\na-2 3.5\n"}, {"old_ngram": "little"}, 422, "old_ngram"),
        ({"lmwt": b"a-1 4\na-2 3.5\n"}, {"old_ngram": "nobody"}, 404, "old_ngram"),
        ({"lmwt": b"a-1 4\na-2 3.5\n"}, {"old_lm_scale": "2"}, 422, "old_lm_scale"),
        ({"lmwt": b"a-1 4\na-2 3.5\n"}, {"old_ngram": "closed"}, 422, "words line 1"),
    ],
)
def test_what_cannot_be_is_refused_by_name(model, files, query, status, field):
    text = ARPA.replace(b"-1.2\t<unk>\n", b"").replace(b"ngram 1=7", b"ngram 1=6")
    model.http.post("/v1/ngrams", content=text, params={"name": "closed"})
    body = tar({"words": b"a-1 schools typhoon\na-2 the rain\n", **files})
    answer = model.http.post(PATH, params={"format": "kaldi", **query}, content=body)
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (status, [field])


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ("kaldi", WORDS),  # words alone
        ("jsonl", b'{"utterance": "a", "hypotheses": [{"text": "rain", "lm_score": -3}]}\n'),
        ("srilm-plain", b"-1.0 -2.0 1 rain\n"),
    ],
)
def test_other_lists_do_not_hold_an_old_model(model, form, body):
    answer = model.http.post(PATH, params={"format": form, "old_ngram": "little"}, content=body)
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, ["old_ngram"])
