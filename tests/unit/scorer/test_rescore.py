"""POST /v1/models/{id}/rescore and sessions, over HTTP, on a model of a dozen words."""

import json
import math

import numpy as np
import pytest

from hindcast.lm.evaluation import score
from hindcast.text.pipeline import END

LISTS = [
    {
        "utterance": "schools-1",
        "hypotheses": [
            {"text": "schools closed", "am_score": -10.0, "lm_score": -5.0},
            {"text": "schools rain closed", "am_score": -9.5, "lm_score": -9.0},
            {"text": "the schools typhoon", "am_score": -12.0, "lm_score": -2.0},
        ],
        "reference": "schools closed",
    },
    {"utterance": "2", "hypotheses": [{"text": ""}, {"text": "rain"}]},
]


def scored_alone(bundle, words: list[str], before: list[str] | None = None) -> np.ndarray:
    """Natural-log probabilities of words and `</s>`, by the slow way."""
    before = before or []
    ids = bundle.vocabulary.encode([*before, *words, END])
    bundle.model.prepare_for_scoring()
    return score(bundle.model, [ids], history="document")[0].log_probs_N[len(before) :]


@pytest.fixture
def bundle(make_bundle, scorer):
    """Served as `lm_1`."""
    bundle = make_bundle(pipeline="asr", history="document")
    scorer.add(bundle)
    return bundle


def rescored(scorer, lists=LISTS, **options):
    return scorer.ask("/v1/models/lm_1/rescore", lists=lists, options=options)


def hypotheses(scorer, lists=LISTS, **options):
    return rescored(scorer, lists, **options)["lists"][0]["hypotheses"]


def test_every_component_is_told_and_adds_up(scorer, bundle):
    answer = rescored(scorer, am_scale=0.5, lm_weight=2.0, word_insertion_penalty=-0.25)
    assert answer["log_base"] == "e"
    first, second = answer["lists"]
    for came, told in zip(LISTS[0]["hypotheses"], first["hypotheses"], strict=True):
        words = came["text"].split()
        expected = scored_alone(bundle, words).sum()
        assert told["neural_logprob"] == pytest.approx(expected, abs=1e-5)
        assert told["lm_logprob"] == told["neural_logprob"]
        assert told["ngram_logprob"] is None
        assert (told["text"], told["am_score"], told["lm_score"]) == tuple(came.values())
        assert (told["words"], told["oov"]) == (len(words), int("typhoon" in words))
        total = 0.5 * came["am_score"] + 2.0 * told["neural_logprob"] - 0.25 * len(words)
        assert told["total"] == pytest.approx(total)
    assert first["reference"] == "schools closed"
    totals = [told["total"] for told in first["hypotheses"]]
    assert first["best"] == totals.index(max(totals))
    assert sorted(told["rank_after"] for told in first["hypotheses"]) == [1, 2, 3]
    assert first["hypotheses"][first["best"]]["rank_after"] == 1
    empty = second["hypotheses"][0]
    assert (empty["words"], empty["neural_logprob"]) == (0, pytest.approx(scored_alone(bundle, [])[0], abs=1e-5))


def test_the_rank_before_is_that_of_the_recognisers_own_scores(scorer, bundle):
    assert [told["rank_before"] for told in hypotheses(scorer)] == [2, 3, 1]  # -15, -18.5, -14
    assert [told["rank_before"] for told in hypotheses(scorer, lm_weight=0.0)] == [2, 1, 3]
    without = [{"utterance": "1", "hypotheses": [{"text": "rain"}, {"text": "the rain"}]}]
    assert [told["rank_before"] for told in hypotheses(scorer, without)] == [1, 2]


def test_the_id_is_never_scored_and_the_first_word_is(scorer, bundle):
    named = [{**LISTS[0], "utterance": "rain hurricane relief"}]
    assert hypotheses(scorer, named) == hypotheses(scorer)
    one, other = ([{"utterance": "1", "hypotheses": [{"text": f"{word} fell"}]}] for word in ("rain", "schools"))
    assert hypotheses(scorer, one)[0]["neural_logprob"] != hypotheses(scorer, other)[0]["neural_logprob"]


def test_tokens_on_request(scorer, bundle):
    told = hypotheses(scorer, tokens=True)[2]
    assert [token["token"] for token in told["tokens"]] == ["the", "schools", "typhoon", END]
    assert [token["oov"] for token in told["tokens"]] == [False, False, True, False]
    assert [token["neural_logprob"] for token in told["tokens"]] == pytest.approx(
        scored_alone(bundle, ["the", "schools", "typhoon"]).tolist(), abs=1e-5
    )
    assert hypotheses(scorer)[0]["tokens"] is None


@pytest.mark.parametrize(
    ("oov", "charged"), [("unknown", 0.0), ({"penalty": -3.5}, -3.5), ({"spread": 500}, -math.log(500))]
)
def test_unknown_words_are_charged_as_asked(scorer, bundle, oov, charged):
    plain, asked = hypotheses(scorer), hypotheses(scorer, oov=oov)
    differences = [b["neural_logprob"] - a["neural_logprob"] for a, b in zip(plain, asked, strict=True)]
    assert differences == pytest.approx([0, 0, charged])


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("SCHOOLS CLOSED", {"case": "lower"}, ["schools", "closed"]),
        ("schools uh closed um", {"fillers": ["uh", "um"]}, ["schools", "closed"]),
        ("schools clo- closed", {"fragments": "dropped"}, ["schools", "closed"]),
        ("schools [noise] <laughter> closed", {"brackets": "dropped"}, ["schools", "closed"]),
        ("schools <unk> closed", {"brackets": "dropped"}, ["schools", "<unk>", "closed"]),
        ("schools-closed", {"hyphens": "parted"}, ["schools", "closed"]),
        ("schools closed", {"case": "upper"}, ["SCHOOLS", "CLOSED"]),
        ("the rain . The", {}, ["the", "rain", ".", "The"]),
    ],
)
def test_text_is_brought_into_the_models_form(scorer, make_bundle, text, options, words):
    bundle = make_bundle(pipeline="wikitext")
    scorer.add(bundle)
    asked = [{"utterance": "1", "hypotheses": [{"text": text}]}]
    (told,) = hypotheses(scorer, asked, text=options, tokens=True)
    assert told["text"] == text
    assert [token["token"] for token in told["tokens"]] == [*words, END]
    assert told["neural_logprob"] == pytest.approx(scored_alone(bundle, words).sum(), abs=1e-5)


def test_a_context_is_read_first(scorer, bundle):
    told = hypotheses(scorer, context="Hurricane relief. The rain fell")
    before = ["hurricane", "relief", END, "the", "rain", "fell", END]
    expected = scored_alone(bundle, ["schools", "closed"], before)
    assert told[0]["neural_logprob"] == pytest.approx(expected.sum(), abs=1e-5)


def test_a_model_that_forgets_at_each_sentence_has_no_context(scorer, make_bundle):
    scorer.add(make_bundle(pipeline="asr", history="sentence"))
    assert hypotheses(scorer, context="hurricane relief") == hypotheses(scorer)


def test_best_first_where_that_is_asked_for(scorer, bundle):
    kept, best_first = rescored(scorer)["lists"][0], rescored(scorer, order="sorted")["lists"][0]
    assert best_first["best"] == 0
    assert [told["rank_after"] for told in best_first["hypotheses"]] == [1, 2, 3]
    assert sorted(best_first["hypotheses"], key=lambda told: told["text"]) == sorted(
        kept["hypotheses"], key=lambda told: told["text"]
    )


def test_neither_the_order_of_hypotheses_nor_that_of_lists_matters(scorer, bundle):
    there = {told["text"]: told["neural_logprob"] for told in hypotheses(scorer)}
    turned = [{**LISTS[0], "hypotheses": LISTS[0]["hypotheses"][::-1]}]
    back = {told["text"]: told["neural_logprob"] for told in hypotheses(scorer, [*turned, *LISTS[1:]])}
    assert back == pytest.approx(there, abs=1e-5)


def test_equal_texts_get_equal_scores(scorer, bundle):
    asked = [{"utterance": "1", "hypotheses": [{"text": "rain fell"}, {"text": "the"}, {"text": "rain  fell "}]}]
    first, _, again = hypotheses(scorer, asked)
    assert first["neural_logprob"] == again["neural_logprob"]
    assert first["total"] == again["total"]
    assert first["rank_after"] < again["rank_after"]


def test_fields_that_nobody_knows_come_back(scorer, bundle):
    asked = [{"utterance": "1", "speaker": "A", "hypotheses": [{"text": "rain", "times": [0.1, {"end": 2}]}]}]
    (told,) = rescored(scorer, asked)["lists"]
    assert (told["speaker"], told["hypotheses"][0]["times"]) == ("A", [0.1, {"end": 2}])


def test_what_is_likely_wrong_is_said(scorer, bundle):
    asked = [{"utterance": "1", "hypotheses": [{"text": "utt-17 snow"}]}]
    warnings = rescored(scorer, asked)["warnings"]
    assert len(warnings) == 2
    assert "3 of 3 words are unknown" in warnings[0]
    assert "am_score" in warnings[1]
    assert rescored(scorer, LISTS[:1])["warnings"] == []


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"lists": []}, ["lists"]),
        ({"lists": [{"utterance": "1", "hypotheses": []}]}, ["lists.0.hypotheses"]),
        ({"lists": [{"hypotheses": [{"text": "a"}]}]}, ["lists.0.utterance"]),
        ({"lists": [{"utterance": "1", "hypotheses": [{"am_score": 1}]}]}, ["lists.0.hypotheses.0.text"]),
        (
            {"lists": [{"utterance": "1", "hypotheses": [{"text": "a", "am_score": "1"}]}]},
            ["lists.0.hypotheses.0.am_score"],
        ),
        ({"lists": LISTS, "options": {"lm_wieght": 2}}, ["options.lm_wieght"]),
        ({"lists": LISTS, "options": {"oov": {"spread": 0}}}, ["options.oov.spread"]),
        ({"lists": LISTS, "options": {"oov": {"spread": 5, "penalty": 1.0}}}, ["options.oov"]),
        ({"lists": LISTS, "options": {"sum": "skipped"}}, ["options.sum"]),
        ({"lists": LISTS, "options": {"session": "ses_1", "context": "a"}}, ["options.context"]),
    ],
)
def test_what_is_wrong_is_named(scorer, bundle, body, fields):
    assert scorer.refused("/v1/models/lm_1/rescore", **body) == (422, fields)


def begin(scorer, **body):
    answer = scorer.http.post("/v1/models/lm_1/sessions", json=body)
    assert answer.status_code == 201
    assert answer.headers["location"].endswith(answer.json()["id"])
    return answer.json()


def test_a_session_remembers_what_was_chosen(scorer, bundle):
    session = begin(scorer)
    assert (session["utterances"], session["words"], session["warnings"]) == (0, 0, [])
    first = rescored(scorer, LISTS[:1], session=session["id"])["lists"][0]
    chosen = first["hypotheses"][first["best"]]["text"].split()
    told = hypotheses(scorer, LISTS[1:], session=session["id"])
    expected = scored_alone(bundle, ["rain"], [*chosen, END]).sum()
    assert told[1]["neural_logprob"] == pytest.approx(expected, abs=1e-5)
    now = scorer.http.get(f"/v1/models/lm_1/sessions/{session['id']}").json()
    assert now["utterances"] == 2


def test_the_lists_of_one_request_are_heard_one_after_the_other(scorer, bundle):
    one, other = begin(scorer)["id"], begin(scorer)["id"]
    together = rescored(scorer, LISTS, session=one)["lists"]
    apart = [rescored(scorer, [each], session=other)["lists"][0] for each in LISTS]
    assert json.dumps(together) == json.dumps(apart)


def test_the_client_may_commit_what_it_has_chosen_itself_and_begin_again(scorer, bundle):
    session = begin(scorer, context="the rain fell")["id"]
    path = f"/v1/models/lm_1/sessions/{session}"
    before = ["the", "rain", "fell", END]
    committed = scorer.ask(f"{path}/commit", text="Schools closed")
    assert (committed["utterances"], committed["words"]) == (1, 2)
    told = hypotheses(scorer, LISTS[1:], session=session)
    expected = scored_alone(bundle, ["rain"], [*before, "schools", "closed", END]).sum()
    assert told[1]["neural_logprob"] == pytest.approx(expected, abs=1e-5)
    assert scorer.ask(f"{path}/reset")["utterances"] == 0
    told = hypotheses(scorer, LISTS[1:], session=session)
    assert told[1]["neural_logprob"] == pytest.approx(scored_alone(bundle, ["rain"], before).sum(), abs=1e-5)


def test_a_session_that_has_ended_is_told_of(scorer, bundle):
    session = begin(scorer)["id"]
    assert scorer.http.delete(f"/v1/models/lm_1/sessions/{session}").status_code == 204
    answer = scorer.http.get(f"/v1/models/lm_1/sessions/{session}")
    assert (answer.status_code, answer.json()["type"]) == (410, "/problems/gone")
    status, _ = scorer.refused("/v1/models/lm_1/rescore", lists=LISTS, options={"session": session})
    assert status == 410
    assert scorer.http.get("/v1/models/lm_1/sessions/nonsense").status_code == 404


def test_a_request_that_fails_leaves_the_session_where_it_was(scorer, bundle):
    session = begin(scorer)["id"]
    asked = {"lists": LISTS, "options": {"session": session, "sum": "skipped"}}
    assert scorer.refused("/v1/models/lm_1/rescore", **asked)[0] == 422
    assert scorer.http.get(f"/v1/models/lm_1/sessions/{session}").json()["utterances"] == 0


def test_a_session_is_with_one_model(scorer, bundle, make_bundle):
    scorer.add(make_bundle(seed=2), id="lm_2")
    session = begin(scorer)["id"]
    asked = {"lists": LISTS, "options": {"session": session}}
    assert scorer.refused("/v1/models/lm_2/rescore", **asked) == (422, ["options.session"])


def test_a_model_that_forgets_at_each_sentence_warns(scorer, make_bundle):
    scorer.add(make_bundle(pipeline="asr", history="sentence"))
    assert "history document" in begin(scorer)["warnings"][0]


def test_an_acoustic_score_is_there_for_all_of_a_list_or_for_none(make_bundle, scorer):
    scorer.add(make_bundle(pipeline="asr"))
    some = [{"text": "rain", "am_score": -1.0}, {"text": "the rain"}]
    none = [{"text": "rain"}, {"text": "the rain"}]
    lists = [{"utterance": "1", "hypotheses": none}, {"utterance": "2", "hypotheses": some, "reference": "rain"}]
    assert scorer.refused("/v1/models/lm_1/rescore", lists=lists) == (422, ["lists.1.hypotheses.1.am_score"])
    for role in ("development", "report"):
        sent = {"development": lists[:1], role: lists[1:]}
        assert scorer.refused("/v1/models/lm_1/rescore/tune", **sent)[1] == [f"{role}.0.hypotheses.1.am_score"]
    assert scorer.ask("/v1/rescore/check", lists=lists)["findings"], "the doctor finds it, and more"
    huge = [{"utterance": "1", "hypotheses": [{"text": "rain", "am_score": 1e308}]}]
    assert scorer.refused("/v1/models/lm_1/rescore", lists=huge)[1] == ["lists.0.hypotheses.0.am_score"]


def test_fillers_are_told_whatever_their_case(make_bundle, scorer):
    scorer.add(make_bundle(pipeline="asr"))
    lists = [{"utterance": "1", "hypotheses": [{"text": "UH the Um rain um"}]}]
    for fillers in (["uh", "um"], ["Uh", "UM"]):
        options = {"text": {"case": "lower", "fillers": fillers}}
        answer = scorer.ask("/v1/models/lm_1/rescore", lists=lists, options=options)
        assert answer["lists"][0]["hypotheses"][0]["words"] == 2
    kept = scorer.ask("/v1/models/lm_1/rescore", lists=lists, options={"text": {"fillers": ["um"]}})
    assert kept["lists"][0]["hypotheses"][0]["words"] == 4, "as it is written where no case is changed"
