"""POST /v1/models/{id}/rescore/tune, on lists whose best weights are known."""

from pathlib import Path

import numpy as np
import pytest

from hindcast.text.pipeline import END
from hindcast_scorer.rescoring.conventions import preset
from hindcast_scorer.rescoring.word_errors import list_errors

TEXTS = ["the rain fell", "schools closed", "rain closed the schools", "hurricane relief", "the hurricane fell", "rain"]


@pytest.fixture
def language_score(make_bundle, scorer):
    """The model's natural-log probability of a text."""
    bundle = make_bundle(pipeline="asr")
    scorer.add(bundle)
    asked = [{"utterance": "1", "hypotheses": [{"text": text} for text in TEXTS]}]
    told = scorer.ask("/v1/models/lm_1/rescore", lists=asked)["lists"][0]["hypotheses"]
    return {hypothesis["text"]: hypothesis["neural_logprob"] for hypothesis in told}


def made_lists(language_score, count: int, *, weight: float, seed: int = 1, noise: float = 0.0) -> list[dict]:
    """Lists whose reference is best by am + weight · lm, and seldom by am alone."""
    random = np.random.default_rng(seed)
    lists = []
    for number in range(count):
        texts = random.permutation(TEXTS)[:4].tolist()
        # What the acoustic score lacks, the language model has.
        totals = random.normal(0, 1, 4)
        scores = [
            float(total - weight * language_score[text] + noise * random.normal())
            for total, text in zip(totals, texts, strict=True)
        ]
        lists.append(
            {
                "utterance": str(number),
                "hypotheses": [{"text": t, "am_score": s} for t, s in zip(texts, scores, strict=True)],
                "reference": texts[int(np.argmax(totals))],
            }
        )
    return lists


def tune(scorer, **body):
    return scorer.ask("/v1/models/lm_1/rescore/tune", **body)


def test_weights_that_are_known_are_found_and_hold_on_other_lists(scorer, language_score):
    answer = tune(
        scorer,
        development=made_lists(language_score, 60, weight=3.0),
        report=made_lists(language_score, 40, weight=3.0, seed=2),
    )
    weights = answer["weights"]
    assert weights["am_scale"] == 1.0
    assert weights["lm_weight"] == pytest.approx(3.0, abs=1.0)
    assert weights["interpolation"] is None
    assert answer["verdict"] == answer["report"]["verdict"] == "improves"
    for figures in (answer["development"], answer["report"]):
        assert figures["wer_after"] < figures["wer_before"]
        assert figures["wer_oracle"] == 0
        assert figures["ci95"][0] < figures["ci95"][1] < 0
        assert figures["p_value"] < 0.05
        errors = figures["substitutions"] + figures["insertions"] + figures["deletions"]
        assert figures["wer_after"] == pytest.approx(100 * errors / figures["words"])
    assert answer["cross_validation"] is None


def test_rescoring_with_the_weights_gives_the_word_errors_that_were_told(scorer, language_score):
    lists = made_lists(language_score, 50, weight=2.0, noise=1.0)
    answer = tune(scorer, development=lists)
    options = {name: answer["weights"][name] for name in ("am_scale", "lm_weight", "word_insertion_penalty")}
    rescored = scorer.ask("/v1/models/lm_1/rescore", lists=lists, options=options)["lists"]
    right = sum(one["hypotheses"][one["best"]]["text"] == one["reference"] for one in rescored)
    told = answer["development"]
    assert (right == len(lists)) == (told["wer_after"] == 0)
    assert told["words"] == sum(len(one["reference"].split()) for one in lists)
    assert any("tuned and judged on the same" in warning for warning in answer["warnings"])


def test_no_gain_is_an_answer(scorer, language_score):
    random = np.random.default_rng(5)
    texts = ["schools closed", "hurricane relief", "rain fell"]  # equally long, so that no length is the better guess
    lists = [
        {
            "utterance": str(number),
            "hypotheses": [{"text": text, "am_score": float(random.normal())} for text in texts],
            "reference": texts[random.integers(3)],
        }
        for number in range(80)
    ]
    answer = tune(scorer, development=lists[:40], report=lists[40:])
    assert answer["verdict"] == "no significant gain"
    assert answer["report"]["ci95"][0] < 0 < answer["report"]["ci95"][1]


def test_cross_validation_over_conversations(scorer, language_score):
    lists = made_lists(language_score, 48, weight=3.0)
    groups = [f"conversation {number % 6}" for number in range(48)]
    answer = tune(scorer, development=lists, groups=groups)
    folds = answer["cross_validation"]["folds"]
    assert sorted(group for fold in folds for group in fold["groups"]) == sorted(set(groups))
    assert all(len(fold["groups"]) == 1 for fold in folds)
    assert answer["verdict"] == answer["cross_validation"]["verdict"] == "improves"
    assert not any("tuned and judged on the same" in warning for warning in answer["warnings"])
    assert len(tune(scorer, development=lists, groups=groups, folds=3)["cross_validation"]["folds"]) == 3


def test_the_weights_of_a_fold_choose_what_was_judged(scorer, language_score):
    lists = made_lists(language_score, 24, weight=3.0)
    groups = [f"conversation {number % 4}" for number in range(24)]
    told = tune(scorer, development=lists, groups=groups)["cross_validation"]
    wrong = words = 0
    for fold in told["folds"]:
        inside = [one for one, group in zip(lists, groups, strict=True) if group in fold["groups"]]
        options = {name: fold[name] for name in ("am_scale", "lm_weight", "word_insertion_penalty")}
        answer = scorer.ask("/v1/models/lm_1/rescore", lists=inside, options=options)
        for one, rescored in zip(inside, answer["lists"], strict=True):
            chosen = rescored["hypotheses"][rescored["best"]]["text"]
            errors = list_errors(one["reference"], [chosen], preset("none")).of(0)
            wrong, words = wrong + errors.errors, words + errors.words
    assert 100 * wrong / words == pytest.approx(told["wer_after"])


def test_what_is_asked_for_is_fixed(scorer, language_score):
    lists = made_lists(language_score, 30, weight=3.0)
    options = {"am_scale": 0.5, "word_insertion_penalty": -1.0}
    ranges = {"word_insertion_penalty": [-1, -1], "lm_weight": [0, 0.75]}
    weights = tune(scorer, development=lists, options=options, ranges=ranges)["weights"]
    assert (weights["am_scale"], weights["word_insertion_penalty"]) == (0.5, -1.0)
    assert 0 <= weights["lm_weight"] <= 0.75


def test_the_share_of_the_neural_model_is_searched_beside_the_weights(scorer, language_score):
    pytest.importorskip("kenlm")
    arpa = (Path(__file__).parent / "ngram_files/little.arpa").read_bytes()
    ngram = scorer.http.post("/v1/ngrams", content=arpa).json()["id"]
    options = {"interpolation": {"ngram": ngram, "mode": "log_linear"}}
    lists = made_lists(language_score, 40, weight=3.0)  # made by the neural model alone
    answer = tune(scorer, development=lists, options=options)
    found = answer["weights"]["interpolation"]
    assert (found["ngram"], found["mode"]) == (ngram, "log_linear")
    assert found["weight"] >= 0.5
    shares = tune(scorer, development=lists, options=options, interpolations=[0.0, 0.25])
    assert shares["weights"]["interpolation"]["weight"] in (0.0, 0.25)
    assert shares["development"]["wer_after"] >= answer["development"]["wer_after"]
    rescored = scorer.ask("/v1/models/lm_1/rescore", lists=lists, options=answer["weights"])["lists"]
    errors = [
        list_errors(one["reference"], [one["hypotheses"][one["best"]]["text"]], preset("none")).of(0)
        for one in rescored
    ]
    wer = 100 * sum(each.errors for each in errors) / sum(each.words for each in errors)
    assert wer == pytest.approx(answer["development"]["wer_after"])


def test_lists_without_acoustic_scores_are_tuned_from_their_order(scorer, language_score):
    lists = made_lists(language_score, 30, weight=3.0)
    for one in lists:
        for hypothesis in one["hypotheses"]:
            del hypothesis["am_score"]
    answer = tune(scorer, development=lists)
    assert answer["weights"]["lm_weight"] == 1.0
    assert scorer.refused("/v1/models/lm_1/rescore/tune", development=lists, before="am") == (422, ["before"])


def test_conventions_decide_what_an_error_is(scorer, language_score):
    lists = [
        {
            "utterance": "1",
            "hypotheses": [{"text": "uh The rain fe- fell", "am_score": -1.0}],
            "reference": "um the rain fell",
        }
    ]
    plain = tune(scorer, development=lists)["development"]
    assert (plain["substitutions"], plain["insertions"]) == (2, 1)
    assert tune(scorer, development=lists, convention="switchboard")["development"]["wer_after"] == 0
    own = {"mapping": {"uh": "um", "The": "the"}, "fragments": "dropped"}
    assert tune(scorer, development=lists, convention=own)["development"]["wer_after"] == 0


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"development": [{"utterance": "1", "hypotheses": [{"text": "rain"}]}]}, ["development.0.reference"]),
        ({"groups": ["a"]}, ["groups"]),
        ({"folds": 3}, ["folds"]),
        ({"groups": ["a", "a"]}, ["folds"]),
        ({"ranges": {"lm_weight": [2, 1]}}, ["ranges.lm_weight"]),
        ({"interpolations": [0.5]}, ["interpolations"]),
        ({"options": {"session": "ses_1"}}, ["options.session"]),
        ({"convention": "nist"}, ["convention"]),
        ({"report": []}, ["report"]),
    ],
)
def test_what_is_wrong_is_named(scorer, language_score, changes, fields):
    body = {"development": made_lists(language_score, 2, weight=1.0)} | changes
    assert scorer.refused("/v1/models/lm_1/rescore/tune", **body) == (422, fields)


def check(scorer, lists, **body):
    answer = scorer.ask("/v1/rescore/check", lists=lists, **body)
    return [(finding["check"], finding["severity"]) for finding in answer["findings"]]


GOOD = [
    {
        "utterance": f"call-{number}",
        "hypotheses": [
            {"text": text, "am_score": -100.5, "lm_score": -7.0 * len(text.split())} for text in (TEXTS[number], "rain")
        ],
        "reference": "rain",
    }
    for number in range(4)
]


def changed(**fields):
    return [{**one, "hypotheses": [{**each, **fields} for each in one["hypotheses"]]} for one in GOOD]


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        (GOOD, []),
        (changed(am_score=100.5), [("scores_negated", "warning")]),
        (changed(lm_score=17.5), [("scores_negated", "error")]),
        (changed(lm_score=-4.0), [("scores_base", "warning")]),
        (changed(text=""), [("empty", "error")]),
        ([*GOOD[:3], {**GOOD[3], "reference": None}], [("references", "warning")]),
        ([{**one, "reference": None} for one in GOOD], [("references", "warning")]),
        ([*GOOD[:3], {**GOOD[3], "reference": " "}], [("references", "warning")]),
        ([*GOOD[:3], {**GOOD[3], "hypotheses": []}], [("empty", "error")]),
        (
            [
                {**one, "hypotheses": [{**h, "text": f"{h['text']} ({one['utterance']})"} for h in one["hypotheses"]]}
                for one in GOOD
            ],
            [("ids_in_text", "error")],
        ),
        (
            [
                {**one, "hypotheses": [{**h, "text": f"{h['text']} (sw200{n}-{n})"} for h in one["hypotheses"]]}
                for n, one in enumerate(GOOD)
            ],
            [("ids_in_text", "error")],
        ),
        (
            [
                {**one, "hypotheses": [{**h, "text": f"{h['text']} (laughs)"} for h in one["hypotheses"]]}
                for one in GOOD
            ],
            [],
        ),
        ([*GOOD, GOOD[0]], [("repeated", "warning")]),
        (
            [{**one, "hypotheses": [{**one["hypotheses"][0]}, {"text": "rain"}]} for one in GOOD],
            [("scores_missing", "error"), ("scores_missing", "error")],
        ),
        (
            [
                {**one, "hypotheses": [{**h, "text": f"{one['utterance']} {h['text']}"} for h in one["hypotheses"]]}
                for one in GOOD
            ],
            [("ids_in_text", "error")],
        ),
    ],
)
def test_what_is_wrong_with_lists_is_named(scorer, lists, expected):
    assert check(scorer, lists) == expected


def test_a_finding_is_of_all_lists_in_which_it_was_seen(scorer):
    (found,) = scorer.ask("/v1/rescore/check", lists=changed(lm_score=-4.0))["findings"]
    assert (found["check"], found["share"]) == ("scores_base", 1.0)
    assert found["utterances"] == [one["utterance"] for one in GOOD]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (str, []),
        (str.upper, [("case", "error")]),
        (lambda text: "snow " + text, [("oov", "warning")]),
    ],
)
def test_words_are_looked_up_in_the_model(scorer, make_bundle, change, expected):
    scorer.add(make_bundle(pipeline="wikitext"))
    lists = [
        {**one, "hypotheses": [{**each, "text": change(each["text"])} for each in one["hypotheses"]]} for one in GOOD
    ]
    assert check(scorer, lists, model="lm_1") == expected
    if expected == [("case", "error")]:
        assert check(scorer, lists, model="lm_1", options={"text": {"case": "lower"}}) == []
    assert END not in str(lists)


def test_the_check_tells_how_much_it_has_seen(scorer, make_bundle):
    scorer.add(make_bundle(pipeline="wikitext"))
    answer = scorer.ask("/v1/rescore/check", lists=GOOD[:1], model="lm_1", most_oov=0)
    assert (answer["lists"], answer["hypotheses"], answer["words"], answer["oov_rate"]) == (1, 2, 4, 0.0)
    assert scorer.refused("/v1/rescore/check", lists=GOOD, model="lm_9")[0] == 404


def test_lists_that_are_reported_on_again_are_no_others(scorer, language_score):
    lists = made_lists(language_score, 12, weight=3.0)
    answer = tune(scorer, development=lists, report=lists)
    assert any("tuned and judged on the same" in warning for warning in answer["warnings"])
    told = answer["development"]
    before = sum(told[f"{kind}_before"] for kind in ("substitutions", "insertions", "deletions"))
    assert told["wer_before"] == pytest.approx(100 * before / told["words"])
