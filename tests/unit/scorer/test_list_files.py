"""Lists as recognisers write them, over HTTP: in, scored, and out in the same format."""

import gzip
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from written_lists import FILES, golden, read, tar, untar

from hindcast_scorer.formats import FORMATS, FormatName

ALL = list(FILES)
PATH = "/v1/models/lm_1/rescore"
LINES = (
    b'{"utterance": "a", "speaker": 3, "hypotheses": [{"text": "rain fell", "am_score": -2.50}, '
    b'{"text": "schools", "am_score": -3}]}\n'
    b'{"utterance": "b", "hypotheses": [{"text": "the rain"}], "reference": "the rain"}\n'
)


@pytest.fixture
def model(scorer, make_bundle):
    scorer.add(make_bundle(pipeline="asr", history="document"))
    return scorer


def sent(scorer, body, **query):
    answer = scorer.http.post(PATH, params=query, content=body, headers={"content-type": "application/octet-stream"})
    assert answer.status_code == 200, answer.text
    return answer


@pytest.mark.parametrize("name", ALL)
def test_every_format_comes_back_in_itself_with_the_scores_that_json_gives(model, name: FormatName):
    body = golden(FILES[name])
    came = read(name, body)
    answer = sent(model, body, format=name, lm_weight=2.0)
    back = read(name, answer.content)
    asked = [
        {"utterance": one.utterance, "hypotheses": [{"text": h.text, "am_score": h.am_score} for h in one.hypotheses]}
        for one in came
    ]
    expected = model.ask(PATH, lists=asked, options={"lm_weight": 2.0})["lists"]
    combined = FORMATS[name].scores == "combined"
    assert ("one score" in answer.headers.get("hindcast-warning", "")) == combined
    assert len(back) == len(expected) > 0
    for one, told in zip(back, expected, strict=True):
        assert [h.text for h in one.hypotheses] == [h["text"] for h in told["hypotheses"]]
        if combined:
            totals = [h.am_score for h in one.hypotheses]
            assert totals == pytest.approx([h["total"] for h in told["hypotheses"]], rel=1e-3, abs=1e-3)


def test_lines_gain_every_component_and_keep_what_nobody_knows(model):
    answer = model.http.post(PATH, content=LINES, headers={"content-type": "application/x-ndjson"})
    assert answer.headers["content-type"] == "application/x-ndjson"
    first, second = map(json.loads, answer.text.splitlines())
    asked = [json.loads(line) for line in LINES.splitlines()]
    told = model.ask(PATH, lists=asked)["lists"]
    for line, one in zip((first, second), told, strict=True):
        assert line["best"] == one["best"]
        for found, expected in zip(line["hypotheses"], one["hypotheses"], strict=True):
            for figure in ("neural_logprob", "lm_logprob", "total"):
                assert found[figure] == pytest.approx(expected[figure], abs=1e-5)
            assert (found["words"], found["rank_after"]) == (expected["words"], expected["rank_after"])
            assert "tokens" not in found
    assert first["speaker"] == 3
    assert b'"am_score": -2.50' in answer.content


@pytest.mark.parametrize("name", ALL)
def test_every_format_may_be_answered_by_lines_that_tell_what_a_total_is_made_of(model, name: FormatName):
    body = golden(FILES[name])
    weights = {"am_scale": 0.5, "lm_weight": 2.0, "word_insertion_penalty": -0.25}
    answer = sent(model, body, format=name, answer="nbest", **weights)
    assert answer.headers["content-type"] == "application/x-ndjson"
    for line, came in zip(map(json.loads, answer.text.splitlines()), read(name, body), strict=True):
        assert (line["utterance"], line.get("reference")) == (came.utterance, came.reference)
        for told, hypothesis in zip(line["hypotheses"], came.hypotheses, strict=True):
            assert (told["text"], told.get("lm_score")) == (hypothesis.text, hypothesis.lm_score)
            assert told.get("graph_score") == hypothesis.graph_score
            language = told["lm_logprob"] + told.get("graph_score", 0.0)
            total = 0.5 * (told["am_score"] or 0.0) + 2.0 * language - 0.25 * told["words"]
            assert told["total"] == pytest.approx(total)


STRANGE = {
    "kaldi": tar({"words": b"a-1 RAIN FELL\na-2 SCHOOLS snow\n"}),
    "srilm-plain": b"-2 -3 2 RAIN FELL\n-3 -4 2 SCHOOLS the\n",
    "jsonl": b'{"utterance": "a", "hypotheses": [{"text": "RAIN FELL"}, {"text": "SCHOOLS the"}]}\n',
    "hyp-json": b'{"a": {"hyp_1": {"score": -2, "text": "RAIN FELL"}, "hyp_2": {"score": -3, "text": "SCHOOLS the"}}}',
}


@pytest.mark.parametrize("name", STRANGE)
def test_words_that_the_model_does_not_know_are_warned_of(scorer, make_bundle, name):
    scorer.add(make_bundle(pipeline="wikitext"))
    told = sent(scorer, STRANGE[name], format=name).headers["hindcast-warning"]
    assert "of 4 words are unknown to the model" in told
    assert ("one score" in told) == (name == "hyp-json")
    lowered = sent(scorer, STRANGE[name], format=name, case="lower").headers.get("hindcast-warning", "")
    assert "unknown" not in lowered


def checked(scorer, body, **query):
    return scorer.http.post("/v1/rescore/check", params=query, content=body)


@pytest.mark.parametrize("name", ALL)
def test_every_format_can_be_checked_and_finds_what_json_does(model, name: FormatName):
    body = golden(FILES[name])
    told = checked(model, body, format=name, model="lm_1", most_oov=0, case="upper")
    assert told.status_code == 200, told.text
    lists = [
        {
            "utterance": one.utterance,
            "reference": one.reference,
            "hypotheses": [{"text": h.text, "am_score": h.am_score, "lm_score": h.lm_score} for h in one.hypotheses],
        }
        for one in read(name, body)
    ]
    options = {"text": {"case": "upper"}}
    assert told.json() == model.ask("/v1/rescore/check", lists=lists, model="lm_1", options=options, most_oov=0)


def test_what_is_wrong_with_a_checked_file_is_named(model):
    refused = checked(model, LINES + b"{\n", format="jsonl")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "line 3")
    assert checked(model, LINES, format="slf").json()["errors"][0]["field"] == "format"
    assert checked(model, LINES, format="jsonl", am_scale=1).json()["errors"][0]["field"] == "am_scale"
    json_named = model.http.post("/v1/rescore/check", params={"format": "json"}, json={"lists": []})
    assert json_named.json()["errors"][0]["field"] == "lists"


def test_numbers_in_the_place_of_words_are_warned_of(scorer, make_bundle):
    scorer.add(make_bundle(pipeline="wikitext", words=["12", "13", "14"]))
    told = sent(scorer, tar({"words": b"a-1 12 13 14\na-2 12 14\n"}), format="kaldi")
    assert told.headers["hindcast-warning"].startswith("all words are numbers")


def test_costs_of_pronunciations_are_told_in_such_lines(model):
    files = {"words": b"a-1 rain fell\na-2 schools\n", "lmwt.nolm": b"a-1 1.5\na-2 0.25\n"}
    (line,) = map(json.loads, sent(model, tar(files), format="kaldi", answer="nbest").text.splitlines())
    assert [told["graph_score"] for told in line["hypotheses"]] == [-1.5, -0.25]
    assert all(told["total"] == told["lm_logprob"] + told["graph_score"] for told in line["hypotheses"])


def test_options_are_query_parameters(model):
    query = {
        "am_scale": 0.5,
        "lm_weight": 3.0,
        "word_insertion_penalty": -0.5,
        "oov_spread": 100,
        "case": "lower",
        "fillers": "uh, um",
        "hyphens": "parted",
        "context": "the rain fell",
        "order": "sorted",
        "tokens": True,
    }
    body = b'{"utterance": "a", "hypotheses": [{"text": "uh RAIN-fell snow"}, {"text": "the"}]}\n'
    options = {
        **{name: query[name] for name in ("am_scale", "lm_weight", "word_insertion_penalty", "context", "order")},
        "oov": {"spread": 100},
        "text": {"case": "lower", "fillers": ["uh", "um"], "hyphens": "parted"},
        "tokens": True,
    }
    line = json.loads(sent(model, body, format="jsonl", **query).text)
    (expected,) = model.ask(PATH, lists=[json.loads(body)], options=options)["lists"]
    assert [h["text"] for h in line["hypotheses"]] == [h["text"] for h in expected["hypotheses"]]
    for found, told in zip(line["hypotheses"], expected["hypotheses"], strict=True):
        assert found["total"] == pytest.approx(told["total"])
        assert [token["token"] for token in found["tokens"]] == [token["token"] for token in told["tokens"]]


def test_a_session_hears_a_file_line_by_line(model):
    session = model.http.post("/v1/models/lm_1/sessions", json={}).json()["id"]
    sent(model, LINES, format="jsonl", session=session)
    assert model.http.get(f"/v1/models/lm_1/sessions/{session}").json()["utterances"] == 2


def test_a_bare_file_is_named_by_the_request(model):
    body = golden(FILES["srilm-plain"])
    assert sent(model, body, format="srilm-plain", utterance="call-1").content


def test_archives_come_back_as_archives(model):
    answer = sent(model, golden("kaldi"), format="kaldi")
    assert answer.headers["content-type"] == "application/x-tar"
    assert set(untar(golden("kaldi"))) <= set(untar(answer.content))


@pytest.mark.parametrize(
    ("query", "content_type", "body", "fields"),
    [
        ({}, "text/csv", LINES, ["format"]),
        ({"format": "xml"}, "text/plain", LINES, ["format"]),
        ({"format": "jsonl"}, "text/plain", LINES + b"{", ["line 3"]),
        ({"format": "jsonl"}, "text/plain", b'{"utterance": "a"}\n', ["line 1"]),
        ({"format": "jsonl"}, "text/plain", b"", ["body"]),
        ({"format": "jsonl", "lm_weight": "much"}, "text/plain", LINES, ["lm_weight"]),
        ({"format": "jsonl", "lm_wieght": "2"}, "text/plain", LINES, ["lm_wieght"]),
        (
            {"format": "jsonl", "oov_spread": "2", "oov_penalty": "2"},
            "text/plain",
            LINES,
            ["oov_penalty", "oov_spread"],
        ),
        ({"format": "jsonl", "sum": "skipped"}, "text/plain", LINES, ["options.sum"]),
        ({"format": "srilm-plain"}, "text/plain", b"-1.0 rain\n", ["line 1"]),
    ],
)
def test_what_is_wrong_is_named_before_anything_is_answered(model, query, content_type, body, fields):
    answer = model.http.post(PATH, params=query, content=body, headers={"content-type": content_type})
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, fields)


@pytest.mark.parametrize("query", [{}, {"format": "xml"}])
def test_all_that_could_have_been_sent_is_named(model, query):
    answer = model.http.post(PATH, params=query, content=LINES, headers={"content-type": "text/csv"})
    (error,) = answer.json()["errors"]
    assert all(name in error["message"] for name in (*ALL, "slf", "kaldi-lattice"))


def test_json_stays_json_whatever_the_format_says(model):
    body = {"lists": [{"utterance": "1", "hypotheses": [{"text": "rain"}]}]}
    plain = model.http.post(PATH, json=body)
    named = model.http.post(PATH, params={"format": "json"}, json=body)
    assert plain.json() == named.json()
    assert model.http.post(PATH, params={"am_scale": 2}, json=body).status_code == 422


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(ALL), body=st.binary(max_size=200), damage=st.integers(0, 10_000), at=st.integers(0, 255))
def test_garbage_is_never_a_stack_trace(model, name, body, damage, at):
    damaged = bytearray(golden(FILES[name]))
    damaged[damage % len(damaged)] = at
    for content in (body, bytes(damaged)):
        answer = model.http.post(PATH, params={"format": name}, content=content)
        assert answer.status_code in (200, 422), answer.text


def test_lines_end_in_line_feeds_and_words_stay_as_they_came(model):
    answer = sent(model, b"\xef\xbb\xbf-1.50 -2  2 rain  fell\r\n\r\n-2 -3 1 Rain\r\n", format="srilm-plain")
    first, second = answer.content.decode().removesuffix("\n").split("\n")
    assert (first[:6], first[-14:], second[:3], second[-7:]) == ("-1.50 ", "  2 rain  fell", "-2 ", " 1 Rain"), (
        answer.text
    )


def test_gzipped_bodies(model):
    packed = gzip.compress(LINES)
    headers = {"content-encoding": "gzip", "content-type": "application/x-ndjson"}
    answer = model.http.post(PATH, content=packed, headers=headers)
    assert answer.text == model.http.post(PATH, content=LINES, headers={"content-type": "application/x-ndjson"}).text
    assert model.http.post(PATH, content=packed[:-9], headers=headers).status_code == 422


@pytest.mark.parametrize("query", ["neural_weight=0.3", "interpolation=linear"])
def test_how_to_interpolate_is_refused_without_what_to_interpolate_with(scorer, make_bundle, query):
    scorer.add(make_bundle())
    answer = scorer.http.post(f"/v1/models/lm_1/rescore?format=srilm-plain&{query}", content=b"-1 -1 1 rain\n")
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": query.partition("=")[0], "message": "must come with ngram"}]
