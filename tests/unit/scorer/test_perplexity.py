import math
import random

import pytest

RAW = "Rain fell. Schools closed for zeppelins!"
BY_HAND = {
    # For each token the raw text before it, and whether that text is complete.
    "plain": [
        ("", False, "Rain"),
        ("Rain", False, "fell"),
        ("Rain fell", False, "."),
        ("Rain fell.", False, "</s>"),
        ("Rain fell.", True, "Schools"),
        ("Rain fell. Schools", False, "closed"),
        ("Rain fell. Schools closed", False, "<unk>"),
        ("Rain fell. Schools closed for", False, "<unk>"),
        ("Rain fell. Schools closed for zeppelins", False, "!"),
        ("Rain fell. Schools closed for zeppelins!", False, "</s>"),
    ],
    "asr": [
        ("", False, "rain"),
        ("Rain", False, "fell"),
        ("Rain fell", False, "</s>"),
        ("Rain fell.", True, "schools"),
        ("Rain fell. Schools", False, "closed"),
        ("Rain fell. Schools closed", False, "<unk>"),
        ("Rain fell. Schools closed for", False, "<unk>"),
        ("Rain fell. Schools closed for zeppelins!", False, "</s>"),
    ],
    "wikitext": [
        ("", False, "Rain"),
        ("Rain", False, "<unk>"),
        ("Rain fell.", False, "</s>"),
        ("Rain fell.\n", False, "</s>"),
        ("Rain fell.\n\n", False, "Schools"),
        ("Rain fell.\n\nSchools", False, "!"),
        ("Rain fell.\n\nSchools !", False, "</s>"),
    ],
}
TEXTS = {"plain": RAW, "asr": RAW, "wikitext": "Rain fell.\n\nSchools !\n"}


@pytest.mark.parametrize("history", ["sentence", "document"])
@pytest.mark.parametrize("pipeline", ["plain", "asr", "wikitext"])
def test_perplexity_is_the_one_computed_by_hand_from_the_next_words(scorer, make_bundle, pipeline, history):
    scorer.add(make_bundle(pipeline=pipeline, history=history))
    logprobs = []
    for context, complete, token in BY_HAND[pipeline]:
        answer = scorer.ask("/v1/models/lm_1/next", context=context, complete=complete, k=14)
        logprobs += [found["logprob"] for found in answer["predictions"] if found["word"] == token]
    answer = scorer.ask("/v1/models/lm_1/perplexity", texts=[TEXTS[pipeline]], detail="token")
    assert [token["logprob"] for token in answer["texts"][0]["tokens"]] == pytest.approx(logprobs, abs=1e-6)
    assert answer["perplexity"] == pytest.approx(math.exp(-sum(logprobs) / len(BY_HAND[pipeline])), rel=1e-6)
    assert answer["tokens"] == len(BY_HAND[pipeline])


@pytest.mark.parametrize("history", ["sentence", "document"])
@pytest.mark.parametrize("pipeline", ["plain", "asr", "wikitext"])
def test_each_token_tells_what_was_expected_in_its_place(scorer, make_bundle, pipeline, history):
    scorer.add(make_bundle(pipeline=pipeline, history=history))
    ask = {"texts": [TEXTS[pipeline]], "detail": "token"}
    answer = scorer.ask("/v1/models/lm_1/perplexity", **ask, top=5)
    for token, (context, complete, _) in zip(answer["texts"][0]["tokens"], BY_HAND[pipeline], strict=True):
        expected = scorer.ask("/v1/models/lm_1/next", context=context, complete=complete, k=5)["predictions"]
        top = token.pop("top")
        assert [likely["word"] for likely in top] == [likely["word"] for likely in expected]
        probabilities = [likely["probability"] for likely in expected]
        assert [likely["probability"] for likely in top] == pytest.approx(probabilities, abs=1e-9)
    plain = scorer.ask("/v1/models/lm_1/perplexity", **ask)
    assert [token.pop("top") for token in plain["texts"][0]["tokens"]] == [None] * len(BY_HAND[pipeline])
    assert answer == plain


def test_no_more_predictions_are_told_than_an_answer_holds(scorer, make_bundle):
    scorer.add(make_bundle())
    ask = {"texts": ["rain " * 19_999], "detail": "token"}
    tokens = scorer.ask("/v1/models/lm_1/perplexity", **ask)["tokens"]
    response = scorer.http.post("/v1/models/lm_1/perplexity", json={**ask, "top": 14})
    assert response.status_code == 422
    [error] = response.json()["errors"]
    assert error["field"] == "top"
    assert error["message"].startswith(f"must be at most {200_000 // tokens} for {tokens:,} tokens")


def test_predictions_have_no_place_in_srilms_text(scorer, make_bundle):
    scorer.add(make_bundle())
    ask = {"texts": ["rain"], "detail": "token", "top": 1}
    srilm = scorer.http.post("/v1/models/lm_1/perplexity", json=ask, headers={"accept": "text/x-srilm-debug2"})
    assert (srilm.status_code, srilm.json()["errors"][0]["field"]) == (422, "top")


def test_history_decides_what_the_second_sentence_is_given(scorer, make_bundle):
    scorer.add(make_bundle(history="document"))
    texts = ["Rain fell. Schools closed!", "The schools closed. Schools closed!"]

    def second(history):
        answer = scorer.ask("/v1/models/lm_1/perplexity", texts=texts, detail="sentence", history=history)
        assert answer["history"] == history
        return [text["sentences"][1]["logprob"] for text in answer["texts"]]

    assert second("sentence")[0] == pytest.approx(second("sentence")[1], abs=1e-9)
    assert abs(second("document")[0] - second("document")[1]) > 1e-3


def random_text(chance):
    words = ["the", "rain", "fell", "schools", "closed", "hurricane", "relief", "zeppelin", "Rain"]
    sentences = [" ".join(chance.choices(words, k=chance.randint(1, 30))) for _ in range(chance.randint(1, 6))]
    return ". ".join(sentences) + "."


@pytest.mark.parametrize("history", ["sentence", "document"])
def test_adding_reordering_and_repeating_texts_changes_nobodys_score(scorer, make_bundle, history):
    scorer.add(make_bundle(history=history))
    chance = random.Random(7)
    texts = [random_text(chance) for _ in range(25)]
    alone = [scorer.ask("/v1/models/lm_1/perplexity", texts=[text]) for text in texts]
    order = chance.choices(range(25), k=100)
    together = scorer.ask("/v1/models/lm_1/perplexity", texts=[texts[number] for number in order])
    for number, text in zip(order, together["texts"], strict=True):
        assert text["logprob"] == pytest.approx(alone[number]["logprob"], abs=1e-6)
        assert text["perplexity"] == pytest.approx(alone[number]["perplexity"], abs=1e-6)
    assert together["logprob"] == pytest.approx(sum(alone[number]["logprob"] for number in order), abs=1e-4)


def test_oovs_are_scored_as_unknown_and_left_out_where_it_says_so(scorer, make_bundle):
    bundle = make_bundle()
    scorer.add(bundle)
    answer = scorer.ask("/v1/models/lm_1/perplexity", texts=[RAW], detail="token")
    tokens = answer["texts"][0]["tokens"]
    assert [token["token"] for token in tokens if token["oov"]] == ["for", "zeppelins"]
    known = sum(token["logprob"] for token in tokens if not token["oov"])
    assert (answer["tokens"], answer["sentences"], answer["words"], answer["oov"]) == (10, 2, 8, 2)
    assert answer["oov_rate"] == 2 / 8
    assert answer["perplexity_excluding_oov"] == pytest.approx(math.exp(-known / 8))  # SRILM's ppl
    assert answer["perplexity_without_eos"] == pytest.approx(math.exp(-known / 6))  # SRILM's ppl1
    assert answer["vocabulary"] == {"size": 14, "sha256": bundle.vocabulary.sha256}
    assert answer["log_base"] == "e"


def test_where_nothing_is_left_to_divide_by_there_is_null(scorer, make_bundle):
    scorer.add(make_bundle(pipeline="wikitext"))
    blank = scorer.ask("/v1/models/lm_1/perplexity", texts=["\n"])
    assert (blank["tokens"], blank["words"], blank["oov_rate"]) == (1, 0, None)
    assert blank["perplexity"] == blank["perplexity_excluding_oov"] == pytest.approx(math.exp(-blank["logprob"]))
    assert blank["perplexity_without_eos"] is None
    strange = scorer.ask("/v1/models/lm_1/perplexity", texts=["zeppelin"])
    assert (strange["oov_rate"], strange["perplexity_without_eos"]) == (1.0, None)


def test_details_nest_and_add_up(scorer, make_bundle):
    scorer.add(make_bundle())
    none, sentence, token = (
        scorer.ask("/v1/models/lm_1/perplexity", texts=[RAW, "The rain."], detail=detail)
        for detail in ("none", "sentence", "token")
    )
    assert [text["sentences"] for text in none["texts"]] == [None, None]
    assert [text["tokens"] for text in sentence["texts"]] == [None, None]
    for text, counted in zip(token["texts"], none["texts"], strict=True):
        assert text["token_count"] == len(text["tokens"]) == sum(part["tokens"] for part in text["sentences"])
        assert text["sentence_count"] == len(text["sentences"])
        assert sum(part["logprob"] for part in text["sentences"]) == pytest.approx(counted["logprob"])
        assert sum(part["oov"] for part in text["sentences"]) == text["oov"]
    first = token["texts"][0]["sentences"][0]
    assert first["perplexity"] == pytest.approx(math.exp(-first["logprob"] / first["tokens"]))
    assert sum(text["logprob"] for text in none["texts"]) == pytest.approx(token["logprob"])


@pytest.mark.parametrize("pipeline", ["plain", "asr", "wikitext"])
@pytest.mark.parametrize("history", ["sentence", "document"])
def test_raw_text_is_read_as_the_corpus_that_models_are_trained_on(scorer, make_bundle, pipeline, history):
    texts = ["The rain fell. “Schools closed,” he said!\nDon't the HURRICANE-relief?\n", "Rain .\n", "relief 3.5, Ok"]
    scorer.add(make_bundle(pipeline=pipeline, history=history))
    scorer.add_corpus(texts, pipeline_name=pipeline)
    sent = scorer.ask("/v1/models/lm_1/perplexity", texts=texts)
    stored = scorer.ask("/v1/models/lm_1/perplexity", corpus="cor_1")
    assert stored.pop("texts") == []
    sent.pop("texts")
    for figure in ("logprob", "perplexity", "perplexity_excluding_oov", "perplexity_without_eos"):
        assert stored.pop(figure) == pytest.approx(sent.pop(figure), abs=1e-6)
    assert stored == sent


def test_a_corpus_may_be_a_part_and_must_have_the_models_pipeline(scorer, make_bundle):
    scorer.add(make_bundle(pipeline="wikitext"))
    scorer.add_corpus(["the rain\nfell\n"], pipeline_name="wikitext")
    scorer.add_corpus(["the rain fell"], pipeline_name="plain", id="cor_2")
    part = {"corpus": "cor_1", "split": "train", "limit_tokens": 3}
    assert scorer.ask("/v1/models/lm_1/perplexity", corpus=part)["tokens"] == 3
    ask = "/v1/models/lm_1/perplexity"
    assert scorer.refused(ask, corpus="cor_2") == (422, ["corpus"])
    assert scorer.refused(ask, corpus={"corpus": "cor_1", "split": "test"}) == (422, ["corpus.split"])
    assert scorer.refused(ask, corpus="cor_3") == (404, ["corpus"])
    assert scorer.refused(ask, corpus="lm_1") == (404, ["corpus"])


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["texts", "corpus"]),
        ({"texts": ["rain"], "corpus": "cor_1"}, ["texts", "corpus"]),
        ({"texts": []}, ["texts"]),
        ({"texts": ["rain", ""]}, ["texts.1"]),
        ({"texts": ["rain", "rain", " \n "]}, ["texts.2"]),
        ({"texts": ["rain", 5]}, ["texts.1"]),
        ({"texts": ["rain", "half a character: \ud800"]}, ["texts.1"]),
        ({"corpus": "half a character: \ud800"}, ["corpus.corpora.0"]),
        ({"texts": ["rain"] * 10_001}, ["texts"]),
        ({"texts": ["rain", "rain " * 210_000]}, ["texts.1"]),
        ({"texts": ["rain " * 110_000, "rain " * 110_000]}, ["texts"]),
        ({"texts": ["rain"], "detail": "words"}, ["detail"]),
        ({"texts": ["rain"], "history": "paragraph"}, ["history"]),
        ({"texts": ["rain"], "alias": "x"}, ["alias"]),
        ({"corpus": "cor_1", "detail": "token"}, ["detail"]),
        ({"corpus": {"split": "train"}}, ["corpus.corpora"]),
        ({"texts": ["rain"], "top": 5}, ["top"]),
        ({"texts": ["rain"], "top": 5, "detail": "sentence"}, ["top"]),
        ({"corpus": "cor_1", "top": 5}, ["top"]),
        ({"texts": ["rain"], "top": -1, "detail": "token"}, ["top"]),
        ({"texts": ["rain"], "top": 15, "detail": "token"}, ["top"]),
        ({"texts": ["rain"], "top": 21, "detail": "token"}, ["top"]),
        ({"texts": ["rain"], "top": "5", "detail": "token"}, ["top"]),
    ],
)
def test_what_cannot_be_scored_is_refused_by_name(scorer, make_bundle, body, fields):
    scorer.add(make_bundle())
    assert scorer.refused("/v1/models/lm_1/perplexity", **body) == (422, fields)


def test_an_unknown_model_is_not_found(scorer):
    assert scorer.refused("/v1/models/lm_1/perplexity", texts=["rain"]) == (404, [])
