"""Lattices over HTTP: in, scored, and out as lattices, lists or the best words."""

import gzip
import json
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from little_lattices import all_paths, read, words_of
from written_lists import untar

from hindcast_scorer.formats.archives import Member, packed
from hindcast_scorer.lattices.kaldi_lattice import KaldiLattices
from hindcast_scorer.lattices.slf import Slf

GOLDEN = Path(__file__).parent / "lattices" / "golden"
SLF = (GOLDEN / "pocketsphinx.slf").read_bytes()
KALDI = (GOLDEN / "two.lat").read_bytes()
PATH = "/v1/models/lm_1/rescore"
EXACT = {"recombination": 100, "states_per_node": 1000}


@pytest.fixture
def model(scorer, make_bundle):
    scorer.add(make_bundle(pipeline="asr", history="document"))
    return scorer


def sent(scorer, body, *, accept="*/*", **query):
    answer = scorer.http.post(PATH, params=query, content=body, headers={"accept": accept})
    assert answer.status_code == 200, answer.text
    return answer


def archive(files):
    return b"".join(packed(Member(name, content) for name, content in files.items()))


@pytest.mark.parametrize(
    ("form", "body", "name"), [(Slf(), SLF, "slf"), (KaldiLattices(), KALDI, "kaldi-lattice")], ids=["slf", "kaldi"]
)
def test_n_best_scores_are_those_that_lists_get_and_the_lattice_holds_them(model, form, body, name):
    weights = {"lm_weight": 1.5, "am_scale": 0.5, "word_insertion_penalty": -0.5}
    answer = sent(model, body, format=name, answer="nbest", **weights, **EXACT)
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    asked = [
        {
            "utterance": line["utterance"],
            "hypotheses": [{"text": h["text"], "am_score": h.get("am_score")} for h in line["hypotheses"]],
        }
        for line in lines
    ]
    told = model.ask(PATH, lists=asked, options=weights)["lists"]
    rescored = read(form, sent(model, body, format=name, **weights, **EXACT).content)
    assert len(lines) == len(read(form, body)) == len(rescored)
    for line, one, lattice in zip(lines, told, rescored, strict=True):
        assert [h["rank_after"] for h in line["hypotheses"]] == list(range(1, len(line["hypotheses"]) + 1))
        ways = [(" ".join(words_of(lattice, links)), [*links, final]) for links, final in all_paths(lattice)]
        for found, expected in zip(line["hypotheses"], one["hypotheses"], strict=True):
            assert found["neural_logprob"] == pytest.approx(expected["neural_logprob"], abs=1e-4)
            graph = found.get("graph_score", 0.0)
            assert found["total"] == pytest.approx(expected["total"] + graph, abs=1e-4)
            assert found["words"] == expected["words"]
            scores = [
                sum((part.lm_score or 0) + (part.graph_score or 0) for part in parts)
                for words, parts in ways
                if words == found["text"]
            ]
            assert any(score == pytest.approx(found["neural_logprob"] + graph, abs=1e-3) for score in scores)


def test_the_best_words_alone(model):
    (line,) = sent(model, SLF, format="slf", answer="best", utterance="call-7").text.splitlines()
    best = json.loads(line)
    assert (best["utterance"], len(best["hypotheses"]), best["best"]) == ("call-7", 1, 0)
    text = sent(model, SLF, format="slf", answer="best", utterance="call-7", accept="text/plain")
    assert text.headers["content-type"].startswith("text/plain")
    assert text.text == f"call-7 {best['hypotheses'][0]['text']}\n"


@pytest.mark.parametrize("gzipped", [False, True])
def test_archives_come_back_as_archives(model, gzipped):
    files = {"b/one.slf": SLF, "two.lat.slf.gz": gzip.compress(SLF)}
    body = gzip.compress(archive(files)) if gzipped else archive(files)
    answer = sent(model, body, format="slf")
    assert answer.headers["content-type"] == ("application/gzip" if gzipped else "application/x-tar")
    back = untar(gzip.decompress(answer.content) if gzipped else answer.content)
    assert set(back) == set(files)
    assert gzip.decompress(back["two.lat.slf.gz"]) == back["b/one.slf"] == sent(model, SLF, format="slf").content
    lines = sent(model, body, format="slf", answer="best").text.splitlines()
    assert [json.loads(line)["utterance"] for line in lines] == ["one", "two.lat"]


WORDS = b"<eps> 0\nthe 4\nrain 17\nfell 8\n#0 3\n"
NUMBERS = KALDI
for word, number in ((b"the", b"4"), (b"rain", b"17"), (b"fell", b"8"), (b"<eps>", b"0")):
    NUMBERS = NUMBERS.replace(word, number)


@pytest.mark.parametrize("table", ["words.txt", "a/words.txt", "words.txt.gz"])
@pytest.mark.parametrize("first", [True, False])
def test_numbers_in_an_archive_stand_for_the_words_of_its_table(model, table, first):
    content = gzip.compress(WORDS) if table.endswith(".gz") else WORDS
    files = {table: content, "lat.1.gz": gzip.compress(NUMBERS)}
    body = archive(files if first else dict(reversed(files.items())))
    lines = sent(model, body, format="kaldi-lattice", answer="nbest").text
    assert lines == sent(model, KALDI, format="kaldi-lattice", answer="nbest").text
    answer = sent(model, body, format="kaldi-lattice")
    back = untar(answer.content)
    assert (list(back), back[table]) == (list(untar(body)), content)
    in_words = sent(model, KALDI, format="kaldi-lattice").content
    for word, number in ((b"the", b"4"), (b"rain", b"17"), (b"fell", b"8"), (b"<eps>", b"0")):
        in_words = in_words.replace(word, number)
    assert gzip.decompress(back["lat.1.gz"]) == in_words
    assert "numbers" not in answer.headers["hindcast-warning"]


@pytest.mark.parametrize("answer", ["lattice", "nbest", "best"])
def test_numbers_without_a_table_are_warned_of(model, answer):
    told = sent(model, NUMBERS, format="kaldi-lattice", answer=answer)
    assert "words.txt" in told.headers["hindcast-warning"]
    assert "hindcast-warning" not in sent(model, KALDI, format="kaldi-lattice", answer=answer, graph_scale=0).headers


def test_an_old_model_that_stays_in_graph_costs_is_warned_of(model):
    assert "old_ngram takes it out" in sent(model, KALDI, format="kaldi-lattice").headers["hindcast-warning"]
    assert "hindcast-warning" not in sent(model, KALDI, format="kaldi-lattice", graph_scale=0).headers
    assert "hindcast-warning" not in sent(model, SLF, format="slf").headers


@pytest.mark.parametrize("name", ["slf", "kaldi-lattice"])
def test_words_that_the_model_does_not_know_are_warned_of(scorer, make_bundle, name):
    scorer.add(make_bundle(pipeline="wikitext"))
    body = {"slf": SLF, "kaldi-lattice": KALDI}[name]
    assert "unknown" not in sent(scorer, body, format=name).headers.get("hindcast-warning", "")
    for word in (b"the", b"rain", b"fell", b"schools", b"closed"):
        body = body.replace(word, word.upper())
    assert "words are unknown to the model" in sent(scorer, body, format=name).headers["hindcast-warning"]


@pytest.mark.parametrize(
    ("files", "fields"),
    [
        ({"lat.1": NUMBERS, "words.txt": b"the 4\nrain 17\n"}, ["lat.1 line 10"]),
        ({"lat.1": KALDI, "words.txt": WORDS}, ["lat.1 line 2"]),
        ({"lat.1": NUMBERS, "words.txt": WORDS + b"snow 4\n"}, ["words.txt line 6"]),
        ({"lat.1": NUMBERS, "words.txt": WORDS, "a/words.txt": WORDS}, ["a/words.txt"]),
        ({"lat.1": NUMBERS, "words.txt.gz": WORDS}, ["words.txt.gz"]),
        ({"words.txt": WORDS}, ["body"]),
    ],
)
def test_what_is_wrong_with_a_table_is_named(model, files, fields):
    answer = model.http.post(PATH, params={"format": "kaldi-lattice"}, content=archive(files))
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, fields), answer.text


def test_the_media_type_is_enough(model):
    answer = model.http.post(PATH, content=SLF, headers={"content-type": "text/x-htk-slf"})
    assert answer.headers["content-type"].startswith("text/x-htk-slf")
    assert b"l=" in answer.content


def test_weights_of_the_header_count_where_none_are_stated(model):
    body = SLF.replace(b"VERSION=1.0\n", b"VERSION=1.0\nlmscale=3\nacscale=0.25\nwdpenalty=-1\n")
    stated = {"lm_weight": 3.0, "am_scale": 0.25, "word_insertion_penalty": -1.0}
    of_header, of_query = (
        json.loads(sent(model, content, format="slf", answer="nbest", **query).text)["hypotheses"]
        for content, query in ((body, {}), (SLF, stated))
    )
    assert [h["total"] for h in of_header] == pytest.approx([h["total"] for h in of_query])


def test_options_act_on_words_as_for_lists(model):
    body = SLF.replace(b"W=fell", b"W=uh").replace(b"W=rain", b"W=unheard-of")
    query = {"fillers": "uh", "oov_penalty": -3, "context": "the rain", "case": "lower"}
    (line,) = map(json.loads, sent(model, body, format="slf", answer="nbest", **query, **EXACT).text.splitlines())
    options = {"oov": {"penalty": -3}, "context": "the rain", "text": {"fillers": ["uh"], "case": "lower"}}
    texts = [{"text": h["text"]} for h in line["hypotheses"]]
    (told,) = model.ask(PATH, lists=[{"utterance": "1", "hypotheses": texts}], options=options)["lists"]
    for found, expected in zip(line["hypotheses"], told["hypotheses"], strict=True):
        assert found["neural_logprob"] == pytest.approx(expected["neural_logprob"], abs=1e-4)
        assert (found["words"], found["oov"]) == (expected["words"], expected["oov"])


@pytest.mark.parametrize("answer", ["lattice", "nbest"])
def test_a_session_hears_the_best_path(model, answer):
    sessions = "/v1/models/lm_1/sessions"
    session = model.http.post(sessions, json={}).json()["id"]
    first = json.loads(sent(model, SLF, format="slf", answer="best", n=1).text)["hypotheses"][0]
    sent(model, SLF, format="slf", answer=answer, session=session)
    told = model.http.get(f"{sessions}/{session}").json()
    assert (told["utterances"], told["words"]) == (1, first["words"])
    again = json.loads(sent(model, SLF, format="slf", answer="best", session=session).text)["hypotheses"][0]
    context = first["text"]
    (expected,) = model.ask(
        PATH, lists=[{"utterance": "1", "hypotheses": [{"text": again["text"]}]}], options={"context": context}
    )["lists"]
    assert again["neural_logprob"] == pytest.approx(expected["hypotheses"][0]["neural_logprob"], abs=1e-4)


CYCLE = SLF.replace(b"J=6\tS=4\tE=5", b"J=6\tS=4\tE=1")


@pytest.mark.parametrize(
    ("query", "body", "fields"),
    [
        ({}, b"", ["body"]),
        ({}, archive({".hidden": SLF}), ["body"]),
        ({}, CYCLE, ["line 28"]),
        ({}, SLF.replace(b"J=6\tS=4\tE=5", b"J=6\tS=4\tE=9"), ["line 28"]),
        ({}, archive({"a.slf": SLF, "b.slf": CYCLE}), ["b.slf line 28"]),
        ({}, archive({"a.slf": SLF, "b.slf": b""}), ["b.slf"]),
        ({}, archive({"a.slf": SLF, "x/a.slf": SLF}), ["x/a.slf line 5"]),
        ({"format": "kaldi-lattice"}, b"utt\n0 1 rain\n\n", ["line 1"]),
        ({"old_lm_scale": "2"}, SLF, ["old_lm_scale"]),
        ({"tokens": "true"}, SLF, ["tokens"]),
        ({"states_per_node": "0"}, SLF, ["states_per_node"]),
        ({"answer": "worst"}, SLF, ["answer"]),
        ({"sum": "skipped"}, SLF, ["options.sum"]),
    ],
)
def test_what_is_wrong_is_named_before_anything_is_answered(model, query, body, fields):
    answer = model.http.post(PATH, params={"format": "slf", **query}, content=body)
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == fields


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["slf", "kaldi-lattice"]), st.binary(max_size=200), st.integers(0, 10_000), st.integers(0, 255))
def test_garbage_is_never_a_stack_trace(model, name, body, damage, at):
    damaged = bytearray(SLF if name == "slf" else KALDI)
    damaged[damage % len(damaged)] = at
    for content in (body, bytes(damaged)):
        answer = model.http.post(PATH, params={"format": name}, content=content)
        assert answer.status_code in (200, 422), answer.text


def test_lines_may_not_be_endless():
    with pytest.raises(Exception, match="longer than"):
        list(Slf().read(BytesIO(b"VERSION=1.1 " + b"x" * (1 << 21))))
