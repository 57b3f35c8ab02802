"""Lattices over HTTP with n-gram models: one that is joined with the neural model, and the recogniser's old one."""

import json
import math
from itertools import chain
from pathlib import Path

import pytest
from little_lattices import all_paths, read, words_of

from hindcast_scorer.formats.archives import Member, packed
from hindcast_scorer.lattices.kaldi_lattice import KaldiLattices

pytest.importorskip("kenlm", reason="needs kenlm: make kenlm")

HERE = Path(__file__).parent
ARPA = (HERE / "ngram_files" / "little.arpa").read_bytes()
SLF = (HERE / "lattices" / "golden" / "pocketsphinx.slf").read_bytes()
PATH = "/v1/models/lm_1/rescore"
EXACT = {"recombination": 100, "states_per_node": 1000}
KALDI = b"""utt-1
0 1 schools 5,100,1
0 1 rain 6,99,2
1 2 closed 4.5,80.5,3
1 2 typhoon 4,81,
2 1.5,0.5,4

"""


@pytest.fixture
def model(scorer, make_bundle):
    scorer.add(make_bundle(pipeline="asr", history="document"))
    answer = scorer.http.post("/v1/ngrams", content=ARPA, params={"name": "little"})
    assert answer.status_code == 201, answer.text
    return scorer


def sent(scorer, body, **query):
    answer = scorer.http.post(PATH, params=query, content=body)
    assert answer.status_code == 200, answer.text
    return answer.content


def hypotheses(scorer, body, **query):
    line = json.loads(sent(scorer, body, answer="nbest", **query, **EXACT))
    return {hypothesis["text"]: hypothesis for hypothesis in line["hypotheses"]}


def costs(body):
    """Graph costs of whole paths, by their words."""
    (lattice,) = read(KaldiLattices(), body)
    return {
        " ".join(words_of(lattice, links)): -sum(part.graph_score for part in chain(links, [final]))
        for links, final in all_paths(lattice)
    }


@pytest.mark.parametrize("mode", ["linear", "log_linear"])
@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(("body", "form"), [(SLF, "slf"), (KALDI, "kaldi-lattice")], ids=["slf", "kaldi"])
def test_each_path_scores_what_it_does_in_a_list(model, body, form, mode, weight):
    query = {"ngram": "little", "neural_weight": weight, "interpolation": mode, "lm_weight": 2.0, "oov_penalty": -3}
    found = hypotheses(model, body, format=form, **query)
    options = {
        "interpolation": {"ngram": "little", "weight": weight, "mode": mode},
        "lm_weight": 2.0,
        "oov": {"penalty": -3},
    }
    asked = [{"text": text, "am_score": h.get("am_score")} for text, h in found.items()]
    (told,) = model.ask(PATH, lists=[{"utterance": "1", "hypotheses": asked}], options=options)["lists"]
    assert len(found) == (2 if form == "slf" else 4)
    for expected in told["hypotheses"]:
        hypothesis = found[expected["text"]]
        for name in ("ngram_logprob", "neural_logprob", "lm_logprob"):
            assert hypothesis[name] == pytest.approx(expected[name], abs=1e-5)
        assert hypothesis["total"] - hypothesis.get("graph_score", 0.0) == pytest.approx(expected["total"], abs=1e-5)


def test_the_lattice_has_what_counts(model):
    query = {"format": "kaldi-lattice", "ngram": "little", **EXACT}
    found = hypotheses(model, KALDI, **{name: query[name] for name in ("format", "ngram")})
    expected = {text: -h["lm_logprob"] - h["graph_score"] for text, h in found.items()}
    assert costs(sent(model, KALDI, **query)) == pytest.approx(expected, abs=1e-6)


def test_the_old_model_is_taken_out_and_the_new_put_in(model):
    query = {"format": "kaldi-lattice", "old_ngram": "little"}
    found = hypotheses(model, KALDI, **query)
    # In little.arpa, by hand: schools -0.4, closed -0.1 and the end -0.05; rain -0.5 - 0.7 after the start, typhoon
    # -0.2 - 1.2 after rain, and the end -0.9.
    old = {"schools closed": -0.55 * math.log(10), "rain typhoon": -3.5 * math.log(10)}
    graph = {"schools closed": -(5 + 4.5 + 1.5), "rain typhoon": -(6 + 4 + 1.5)}
    rescored = costs(sent(model, KALDI, **query, **EXACT))
    for text in old:
        assert found[text]["lm_score"] == pytest.approx(old[text], abs=1e-5)
        assert found[text]["graph_score"] == pytest.approx(graph[text] - old[text], abs=1e-5)
        total = found[text]["am_score"] + found[text]["graph_score"] + found[text]["lm_logprob"]
        assert found[text]["total"] == pytest.approx(total, abs=1e-9)
        assert rescored[text] == pytest.approx(-(graph[text] - old[text]) - found[text]["neural_logprob"], abs=1e-5)


def test_an_old_model_that_is_taken_out_needs_no_warning(model):
    query = {"format": "kaldi-lattice", "old_ngram": "little"}
    answer = model.http.post(PATH, params=query, content=KALDI)
    assert answer.status_code == 200
    assert "old_ngram" not in answer.headers.get("hindcast-warning", "")


def test_its_scale_is_that_of_the_graph(model):
    query = {"format": "kaldi-lattice", "old_ngram": "little", "old_lm_scale": 0.5}
    schools = hypotheses(model, KALDI, **query)["schools closed"]
    assert schools["lm_score"] == pytest.approx(-0.275 * math.log(10), abs=1e-5)
    assert schools["graph_score"] == pytest.approx(-11 + 0.275 * math.log(10), abs=1e-5)


def test_the_same_model_out_and_in_changes_no_cost(model):
    query = {"old_ngram": "little", "ngram": "little", "neural_weight": 0.0}
    answer = sent(model, KALDI, format="kaldi-lattice", **query, **EXACT)
    assert costs(answer) == pytest.approx(costs(KALDI), abs=1e-6)


@pytest.mark.parametrize(
    ("query", "body", "status", "fields"),
    [
        ({"format": "slf", "old_ngram": "little"}, SLF, 422, ["old_ngram"]),
        ({"format": "kaldi-lattice", "old_ngram": "nobody"}, KALDI, 404, ["old_ngram"]),
        ({"format": "kaldi-lattice", "ngram": "nobody"}, KALDI, 404, ["options.interpolation.ngram"]),
        ({"format": "kaldi-lattice", "old_lm_scale": "2"}, KALDI, 422, ["old_lm_scale"]),
        ({"format": "kaldi-lattice", "old_ngram": "little", "old_lm_scale": "x"}, KALDI, 422, ["old_lm_scale"]),
    ],
)
def test_what_cannot_be_is_refused_by_name(model, query, body, status, fields):
    answer = model.http.post(PATH, params=query, content=body)
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (status, fields)


def test_an_old_model_that_cannot_have_scored_a_word_is_not_the_old_one(model):
    text = ARPA.replace(b"-1.2\t<unk>\n", b"").replace(b"ngram 1=7", b"ngram 1=6")
    model.http.post("/v1/ngrams", content=text, params={"name": "closed"})
    query = {"format": "kaldi-lattice", "old_ngram": "closed"}
    for body, place in ((KALDI, "line 5"), (b"".join(packed([Member("a.lat", KALDI)])), "a.lat line 5")):
        answer = model.http.post(PATH, params=query, content=body)
        (error,) = answer.json()["errors"]
        assert (answer.status_code, error["field"]) == (422, place)
        assert "'typhoon'" in error["message"]
