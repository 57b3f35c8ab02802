"""Scoring the tree of what sentences begin with, held to scoring them one by one in double precision."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hindcast.lm import prefix_tree, single_precision
from hindcast.lm.evaluation import score
from hindcast.lm.lstm import LstmLanguageModel, LstmSpecification
from hindcast.lm.prefix_tree import ReadingPoint, score_sentences
from hindcast.lm.single_precision import SinglePrecisionModel
from hindcast.text.vocabulary import END_ID

WORDS = 30
KINDS: list[dict[str, Any]] = [
    {},
    {"layers": 3, "compression": 5},
    {"tied": True},
    {"input_trainable": False, "input_size": 8, "tied": True},
    {"self_normalized": True},
]


def model_of(seed: int = 1, **sizes: Any) -> LstmLanguageModel:
    model = LstmSpecification(**{"vocabulary_size": WORDS, "input_size": 6, "hidden_size": 8, **sizes}).build(seed=seed)
    with torch.no_grad():
        model.output.bias.normal_(generator=torch.Generator().manual_seed(seed))
    model.prepare_for_scoring()
    return model


def exact(model: LstmLanguageModel, sentences: list[list[int]]) -> list[np.ndarray]:
    texts = [np.array([*words, END_ID]) for words in sentences]
    return [scores.log_probs_N for scores in score(model, texts, history="document")]


def drawn(count: int, seed: int = 1, words: int = 5) -> list[list[int]]:
    """Sentences of so few words that they begin alike."""
    random = np.random.default_rng(seed)
    return [random.integers(2, 2 + words, random.integers(0, 9)).tolist() for _ in range(count)]


@pytest.mark.parametrize("sizes", KINDS)
def test_each_token_scores_what_it_scores_alone(sizes: dict[str, Any]) -> None:
    model, sentences = model_of(**sizes), drawn(120)
    quick = SinglePrecisionModel(model)
    found = score_sentences(quick, sentences, start=ReadingPoint.start(quick))
    for words, log_probs, expected in zip(sentences, found, exact(model, sentences), strict=True):
        assert len(log_probs) == len(words) + 1
        assert log_probs == pytest.approx(expected, abs=2e-6)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(0, 4), max_size=6), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_neither_order_nor_company_matters(sentences: list[list[int]], random: Any) -> None:
    sentences = [[word for word in words if word != END_ID] for words in sentences]
    quick = SinglePrecisionModel(model_of())
    start = ReadingPoint.start(quick)
    together = score_sentences(quick, sentences, start=start)
    order = random.sample(range(len(sentences)), len(sentences))
    for index, shuffled in zip(order, score_sentences(quick, [sentences[i] for i in order], start=start), strict=True):
        assert shuffled == pytest.approx(together[index], abs=1e-6)
        (alone,) = score_sentences(quick, [sentences[index]], start=start)
        assert alone == pytest.approx(together[index], abs=1e-6)


def test_equal_sentences_score_equally_to_the_bit() -> None:
    quick = SinglePrecisionModel(model_of())
    sentences = [*drawn(40), [2, 3, 4], *drawn(40, seed=2), [2, 3, 4]]
    found = score_sentences(quick, sentences, start=ReadingPoint.start(quick))
    assert found[40].tolist() == found[-1].tolist()


def test_it_goes_on_where_a_text_has_come_to() -> None:
    model, before = model_of(layers=2), [5, 6, END_ID, 7, END_ID]
    quick = SinglePrecisionModel(model)
    start = ReadingPoint.start(quick).after(quick, before)
    sentences = drawn(10)
    whole = exact(model, [[*before, *words] for words in sentences])
    for log_probs, expected in zip(score_sentences(quick, sentences, start=start), whole, strict=True):
        assert log_probs == pytest.approx(expected[len(before) :], abs=2e-6)


def test_sentences_of_several_texts_side_by_side() -> None:
    model, texts = model_of(), [[5, END_ID], [], [9, 9, END_ID], [5, END_ID]]
    quick = SinglePrecisionModel(model)
    start = ReadingPoint.start(quick)
    points = ReadingPoint.side_by_side([start.after(quick, text) for text in texts])
    sentences, texts_S = drawn(30), [index % 4 for index in range(30)]
    found = score_sentences(quick, sentences, start=points, texts_S=texts_S)
    whole = exact(model, [[*texts[text], *words] for text, words in zip(texts_S, sentences, strict=True)])
    for log_probs, expected in zip(found, whole, strict=True):
        assert log_probs == pytest.approx(expected[-len(log_probs) :], abs=2e-6)


def test_pieces_of_any_size_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    model, sentences = model_of(), drawn(50)
    quick = SinglePrecisionModel(model)
    expected = exact(model, sentences)
    for chunk_bytes, at_once in ((1, 1), (4 * WORDS * 3, 7), (1 << 20, 4096)):
        monkeypatch.setattr(single_precision, "_CHUNK_BYTES", chunk_bytes)
        monkeypatch.setattr(prefix_tree, "_SENTENCES", at_once)
        found = score_sentences(quick, sentences, start=ReadingPoint.start(quick))
        assert np.concatenate(found) == pytest.approx(np.concatenate(expected), abs=2e-6)


@pytest.mark.parametrize("bias", [300.0, -300.0])
def test_logits_too_large_for_exponentials(bias: float) -> None:
    model = model_of()
    model.output.bias += bias
    quick = SinglePrecisionModel(model)
    sentences = drawn(20)
    found = score_sentences(quick, sentences, start=ReadingPoint.start(quick))
    # Single precision has 24 bits, of which a logit of 300 takes eight.
    assert np.concatenate(found) == pytest.approx(np.concatenate(exact(model, sentences)), abs=1e-4)


@pytest.mark.parametrize("sizes", KINDS)
def test_without_the_sum_scores_are_logits(sizes: dict[str, Any]) -> None:
    model = model_of(**sizes)
    quick = SinglePrecisionModel(model)
    (found,) = score_sentences(quick, [[4, 5]], start=ReadingPoint.start(quick), normalize=False)
    hidden_TBH, _ = model.run(torch.tensor([[END_ID], [4], [5]]), model.start_state(1))
    logits_TV = hidden_TBH[:, 0] @ model.output.weight.t() + model.output.bias
    assert found == pytest.approx([float(logits_TV[t, word]) for t, word in enumerate((4, 5, END_ID))], abs=2e-6)


def test_no_sentences_no_scores() -> None:
    quick = SinglePrecisionModel(model_of())
    assert score_sentences(quick, [], start=ReadingPoint.start(quick)) == []


def test_normalizers_and_the_most_probable_words_are_the_exact_ones(monkeypatch):
    model = LstmSpecification(vocabulary_size=50, input_size=6, hidden_size=8).build(seed=1)
    model.prepare_for_scoring()
    quick = SinglePrecisionModel(model)
    monkeypatch.setattr(single_precision, "_CHUNK_BYTES", 3 * 4 * 50)  # three states at a time
    hidden_NP = np.random.default_rng(2).random((7, 8), dtype=np.float32) - np.float32(0.5)
    exact_NV = model.log_probs(torch.from_numpy(hidden_NP).double())
    best, words = quick.most_probable(hidden_NP, 5)
    assert best == pytest.approx(exact_NV.topk(5, dim=1).values.numpy(), abs=1e-5)
    assert words.tolist() == exact_NV.topk(5, dim=1).indices.tolist()
    rows_N, words_N = np.arange(7), np.arange(7) * 7
    found = quick.logits(hidden_NP, rows_N, words_N) - quick.log_normalizers(hidden_NP)
    assert found == pytest.approx(exact_NV.numpy()[rows_N, words_N], abs=1e-5)
    assert len(quick.log_normalizers(hidden_NP[:0])) == 0


@pytest.mark.parametrize("sizes", KINDS)
def test_lanes_of_any_number_read_the_same(sizes: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    quick = SinglePrecisionModel(model_of(**sizes))
    words_B = np.arange(30) % WORDS
    _, before = quick.step(words_B[::-1].copy(), quick.start_state(30))
    kept = [part.copy() for part in before]
    hidden_BP, after = quick.step(words_B, before)
    monkeypatch.setattr(single_precision, "_LANES", 7)
    in_parts, after_in_parts = quick.step(words_B, before)
    for parts, whole in zip((in_parts, *after_in_parts), (hidden_BP, *after), strict=True):
        assert parts == pytest.approx(whole, abs=1e-6)
    assert all((part == was).all() for part, was in zip(before, kept, strict=True)), "a state is read on from again"
