import numpy as np
import pytest
import torch

CONTEXTS = ["", "The", "The rain fell. Schools", "Zeppelins zeppelins.", "rain\nfell", "the " * 300]


@pytest.mark.parametrize("history", ["sentence", "document"])
@pytest.mark.parametrize("context", CONTEXTS)
def test_the_probabilities_of_all_words_sum_to_one(scorer, make_bundle, context, history):
    bundle = make_bundle(history=history)
    scorer.add(bundle)
    answer = scorer.ask("/v1/models/lm_1/next", context=context, k=14)
    assert answer["vocabulary_size"] == 14
    assert {found["word"] for found in answer["predictions"]} == set(bundle.vocabulary.words)
    assert sum(found["probability"] for found in answer["predictions"]) == pytest.approx(1.0, abs=1e-6)
    assert [found["rank"] for found in answer["predictions"]] == list(range(1, 15))
    logprobs = [found["logprob"] for found in answer["predictions"]]
    assert logprobs == sorted(logprobs, reverse=True)
    assert np.exp(logprobs) == pytest.approx([found["probability"] for found in answer["predictions"]])


def test_the_few_most_probable_are_the_first_of_all(scorer, make_bundle):
    scorer.add(make_bundle())
    everything = scorer.ask("/v1/models/lm_1/next", context="The rain", k=14)["predictions"]
    assert scorer.ask("/v1/models/lm_1/next", context="The rain")["predictions"] == everything[:10]
    assert scorer.ask("/v1/models/lm_1/next", context="The rain", k=1)["predictions"] == everything[:1]
    for k in (0, 15):
        assert scorer.refused("/v1/models/lm_1/next", context="The rain", k=k) == (422, ["k"])


@pytest.mark.parametrize(
    ("context", "asked", "same"),
    [
        ("The rain fell. Schools", {"history": "sentence"}, ("Schools", {"history": "document"})),
        ("The rain fell.", {"history": "sentence", "complete": True}, ("", {})),
        ("The rain fell.\n", {"history": "document"}, ("The rain fell.", {"history": "document"})),
    ],
)
def test_history_and_completeness_decide_what_counts(scorer, make_bundle, context, asked, same):
    scorer.add(make_bundle(history="document"))
    context_of_same, asked_of_same = same
    first = scorer.ask("/v1/models/lm_1/next", context=context, **asked)
    assert first == scorer.ask("/v1/models/lm_1/next", context=context_of_same, **asked_of_same)


def test_a_sentence_stays_open_after_a_full_stop_unless_complete(scorer, make_bundle):
    scorer.add(make_bundle(history="document"))
    still_open = scorer.ask("/v1/models/lm_1/next", context="The rain fell.")
    complete = scorer.ask("/v1/models/lm_1/next", context="The rain fell.", complete=True)
    assert still_open != complete


def test_history_is_the_models_own_unless_asked_otherwise(scorer, make_bundle):
    for history in ("sentence", "document"):
        scorer.add(make_bundle(history=history), id=f"lm_{history}")
        asked = {"context": "The rain fell. Schools"}
        default = scorer.ask(f"/v1/models/lm_{history}/next", **asked)
        other = "document" if history == "sentence" else "sentence"
        assert default == scorer.ask(f"/v1/models/lm_{history}/next", **asked, history=history)
        assert default != scorer.ask(f"/v1/models/lm_{history}/next", **asked, history=other)


def with_ties(bundle):
    """Words 4 to 8 can't be told apart by any history, nor can words 10 and 11."""
    with torch.no_grad():
        for first, last in ((4, 9), (10, 12)):
            bundle.model.output.weight[first:last] = bundle.model.output.weight[first]
            bundle.model.output.bias[first:last] = bundle.model.output.bias[first]
    return bundle


@pytest.mark.parametrize("context", CONTEXTS)
def test_ranks_are_those_of_a_full_sort_ties_included(scorer, make_bundle, context):
    bundle = with_ties(make_bundle(history="document"))
    scorer.add(bundle)
    everything = scorer.ask("/v1/models/lm_1/next", context=context, k=14)["predictions"]
    descending = sorted((found["logprob"] for found in everything), reverse=True)
    by_sort = {found["word"]: 1 + descending.index(found["logprob"]) for found in everything}
    assert {found["word"]: found["rank"] for found in everything} == by_sort
    answer = scorer.ask("/v1/models/lm_1/rank", context=context, words=list(bundle.vocabulary.words))
    assert {found["word"]: found["rank"] for found in answer["ranks"]} == by_sort
    assert len({by_sort[word] for word in bundle.vocabulary.words[4:9]}) == 1
    asked = {found["word"]: (found["probability"], found["logprob"]) for found in answer["ranks"]}
    assert asked == {found["word"]: (found["probability"], found["logprob"]) for found in everything}


def test_ranks_come_in_the_order_asked_and_unknown_words_have_none(scorer, make_bundle):
    scorer.add(make_bundle())
    answer = scorer.ask("/v1/models/lm_1/rank", context="The", words=["hurricane", "zeppelin", "the", "hurricane"])
    assert [found["word"] for found in answer["ranks"]] == ["hurricane", "zeppelin", "the", "hurricane"]
    assert [found["in_vocabulary"] for found in answer["ranks"]] == [True, False, True, True]
    unknown = answer["ranks"][1]
    assert (unknown["rank"], unknown["probability"], unknown["logprob"]) == (None, None, None)
    assert answer["ranks"][0] == answer["ranks"][3]
    assert (answer["vocabulary_size"], answer["log_base"]) == (14, "e")


def test_words_are_brought_into_the_form_that_the_pipeline_gives_them(scorer, make_bundle):
    scorer.add(make_bundle(pipeline="asr"))
    scorer.add(make_bundle(pipeline="plain"), id="lm_2")
    words = ["Hurricane", "</s>", "<unk>"]
    asr = scorer.ask("/v1/models/lm_1/rank", context="", words=words)["ranks"]
    assert [found["token"] for found in asr] == ["hurricane", "</s>", "<unk>"]
    assert all(found["in_vocabulary"] for found in asr)
    plain = scorer.ask("/v1/models/lm_2/rank", context="", words=words)["ranks"]
    assert [(found["token"], found["in_vocabulary"]) for found in plain[:1]] == [("Hurricane", False)]


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (["rain", "rain fell"], "words.1"),
        (["don't"], "words.0"),
        (["rain", "the", " "], "words.2"),
        ([""], "words.0"),
        ([], "words"),
        (["rain"] * 1001, "words"),
    ],
)
def test_what_is_not_one_word_is_refused_by_name(scorer, make_bundle, words, field):
    scorer.add(make_bundle())
    assert scorer.refused("/v1/models/lm_1/rank", context="", words=words) == (422, [field])


def test_several_models_answer_in_the_order_asked(scorer, make_bundle):
    for number in (1, 2):
        scorer.add(make_bundle(seed=number), id=f"lm_{number}", name=f"seed {number}")
    asked = {"context": "The", "words": ["hurricane", "zeppelin"]}
    answer = scorer.ask("/v1/rank", models=["seed 2", "lm_1"], **asked)
    assert [(model["model"], model["name"]) for model in answer["models"]] == [("lm_2", "seed 2"), ("lm_1", "seed 1")]
    for model in answer["models"]:
        assert model["ranks"] == scorer.ask(f"/v1/models/{model['model']}/rank", **asked)["ranks"]
    assert answer["warnings"] == []


def test_models_that_differ_in_what_they_read_are_compared_with_a_warning(scorer, make_bundle):
    scorer.add(make_bundle())
    scorer.add(make_bundle(words=["rain", "hurricane"]), id="lm_2")
    scorer.add(make_bundle(pipeline="asr", history="document"), id="lm_3")

    def warnings(*models, **asked):
        return scorer.ask("/v1/rank", models=models, context="", words=["hurricane"], **asked)["warnings"]

    assert ["vocabularies (lm_1: 14 words, lm_2: 4 words)" in text for text in warnings("lm_1", "lm_2")] == [True]
    pipelines, histories = warnings("lm_1", "lm_3")
    assert "(lm_1: plain, lm_3: asr)" in pipelines
    assert "(lm_1: sentence, lm_3: document)" in histories
    assert warnings("lm_1", "lm_3", history="sentence") == [pipelines]


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"models": ["lm_1", "lm_7"]}, (404, ["models.1"])),
        ({"models": []}, (422, ["models"])),
        ({"words": ["rain fell"]}, (422, ["words.0"])),
        ({"k": 5}, (422, ["k"])),
        ({"context": None}, (422, ["context"])),
        ({"context": "x" * 1_000_001}, (422, ["context"])),
    ],
)
def test_what_several_models_cannot_be_asked(scorer, make_bundle, change, refusal):
    scorer.add(make_bundle())
    asked = {"models": ["lm_1"], "context": "", "words": ["rain"], **change}
    assert scorer.refused("/v1/rank", **asked) == refusal


def test_a_word_is_taken_as_what_the_first_model_that_objects_makes_of_it(scorer, make_bundle):
    scorer.add(make_bundle(pipeline="wikitext"))
    scorer.add(make_bundle(pipeline="plain"), id="lm_2")
    answer = scorer.http.post("/v1/rank", json={"models": ["lm_1", "lm_2"], "context": "", "words": ["don't"]})
    assert answer.status_code == 422
    assert "plain" in answer.json()["detail"]
    assert "do, n't" in answer.json()["detail"]
