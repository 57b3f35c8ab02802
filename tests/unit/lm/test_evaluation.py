import numpy as np
import pytest
import torch

from hindcast.lm.evaluation import read, score
from hindcast.lm.lstm import LstmSpecification

END = 1


def trained_model(vocabulary_size=40, **sizes):
    """Weights large enough for the next word to depend on what was read."""
    model = LstmSpecification(vocabulary_size=vocabulary_size, input_size=8, hidden_size=16, **sizes).build(seed=3)
    with torch.no_grad():
        model.output.weight.mul_(8)
    model.prepare_for_scoring()
    return model


def random_texts(seed, count=30, vocabulary_size=40, longest=400):
    random = np.random.default_rng(seed)
    texts = [random.integers(0, vocabulary_size, random.integers(1, longest)) for _ in range(count)]
    return [np.append(text, END) for text in texts]


def by_hand(model, text, history):
    """Log-probabilities of a text, one token at a time, each from the full distribution."""
    log_probs, start = [], 0
    for index, token in enumerate(text):
        log_probs.append(model.log_probs(read(model, text[start:index]))[0, token].item())
        if history == "sentence" and token == END:
            start = index + 1
    return np.array(log_probs)


@pytest.mark.parametrize("history", ["sentence", "document"])
def test_scores_equal_those_taken_by_hand_from_the_next_words(history):
    model, texts = trained_model(), random_texts(1, count=3, longest=60)
    for text, scores in zip(texts, score(model, texts, history=history), strict=True):
        np.testing.assert_allclose(scores.log_probs_N, by_hand(model, text, history), atol=1e-6)


@pytest.mark.parametrize("history", ["sentence", "document"])
@pytest.mark.parametrize("seed", range(3))
def test_company_order_and_repetition_change_nobodys_score(history, seed):
    model, texts = trained_model(layers=2), random_texts(seed)
    random = np.random.default_rng(seed)
    alone = [score(model, [text], history=history)[0].log_probs_N.sum() for text in texts]
    order = random.integers(0, len(texts), 75)  # more than a group of lanes; some texts more than once
    together = score(model, [texts[index] for index in order], history=history)
    for index, scores in zip(order, together, strict=True):
        assert scores.log_probs_N.sum() == pytest.approx(alone[index], abs=1e-6)


def test_document_history_reads_across_sentences_and_sentence_history_does_not():
    model = trained_model()
    text = np.array([5, 6, END, 7, END])
    other = np.array([9, 9, END, 7, END])
    by_sentence = [scores.log_probs_N[3:] for scores in score(model, [text, other], history="sentence")]
    by_document = [scores.log_probs_N[3:] for scores in score(model, [text, other], history="document")]
    np.testing.assert_allclose(by_sentence[0], by_sentence[1], atol=1e-9)
    assert np.abs(by_document[0] - by_document[1]).max() > 1e-4


@pytest.mark.parametrize("prefix", [[], [5], [5, 6, 7, END, 8], [3] * 300])
def test_next_words_have_probabilities_that_sum_to_one(prefix):
    model = trained_model(vocabulary_size=3000)
    log_probs_1V = model.log_probs(read(model, np.array(prefix, dtype=np.int64)))
    assert log_probs_1V.exp().sum().item() == pytest.approx(1.0, abs=1e-6)


def test_ranks_are_those_of_a_full_sort_ties_included():
    model, text = trained_model(vocabulary_size=301), random_texts(4, count=1, vocabulary_size=301)[0]
    with torch.no_grad():  # words that no history tells apart
        model.output.weight[100:200] = model.output.weight[100]
        model.output.bias[100:200] = model.output.bias[100]
    (scores,) = score(model, [text], history="document", ranks=True)
    for index, token in enumerate(text[:80]):
        log_probs_V = model.log_probs(read(model, text[:index]))[0]
        descending = np.sort(-log_probs_V.numpy())
        assert scores.ranks_N[index] == 1 + np.searchsorted(descending, -log_probs_V[token].item(), side="left")
        assert scores.log_probs_N[index] == pytest.approx(log_probs_V[token].item(), abs=1e-9)


@pytest.mark.parametrize("history", ["sentence", "document"])
def test_the_most_probable_words_are_those_of_a_full_sort(history):
    model, texts = trained_model(vocabulary_size=301), random_texts(4, count=3, vocabulary_size=301, longest=60)
    for text, scores in zip(texts, score(model, texts, history=history, top=7), strict=True):
        assert scores.top_NK.shape == scores.top_log_probs_NK.shape == (len(text), 7)
        start = 0
        for index, token in enumerate(text):
            log_probs_V = model.log_probs(read(model, text[start:index]))[0].numpy()
            order_K = np.argsort(-log_probs_V, kind="stable")[:7]
            assert scores.top_NK[index].tolist() == order_K.tolist()
            np.testing.assert_allclose(scores.top_log_probs_NK[index], log_probs_V[order_K], atol=1e-9)
            if history == "sentence" and token == END:
                start = index + 1


@pytest.mark.parametrize("k", [1, 3, 40])
def test_equally_probable_words_are_told_in_the_vocabularys_order(k):
    model = trained_model()
    with torch.no_grad():  # the last ten words are equal, and the most probable; then come equal ones again
        model.output.weight.zero_()
        model.output.bias.zero_()
        model.output.bias[30:] = 2.0
    _, _, most_probable = model.ranks_and_most_probable(read(model, np.array([4])), torch.tensor([7]), k)
    assert most_probable.ids_NK.tolist() == [[*range(30, 40), *range(30)][:k]]
    assert most_probable.log_probs_NK.exp().sum() <= 1 + 1e-6


def test_asking_for_the_most_probable_changes_no_score_and_no_rank():
    model, texts = trained_model(), random_texts(5, count=4)
    for plain, told in zip(
        score(model, texts, history="document", ranks=True),
        score(model, texts, history="document", top=3),
        strict=True,
    ):
        np.testing.assert_array_equal(plain.ranks_N, told.ranks_N)
        np.testing.assert_array_equal(plain.log_probs_N, told.log_probs_N)
        np.testing.assert_array_equal(told.top_log_probs_NK[told.ranks_N == 1, 0], told.log_probs_N[told.ranks_N == 1])


def test_of_equally_probable_words_all_have_the_first_rank():
    model = trained_model()
    with torch.no_grad():
        model.output.weight.zero_()
        model.output.bias.zero_()
    ranks_N, log_probs_N = model.ranks(read(model, np.array([4])).expand(40, -1), torch.arange(40))
    assert ranks_N.tolist() == [1] * 40
    assert log_probs_N.tolist() == pytest.approx([-np.log(40)] * 40)


def test_a_text_without_a_closing_symbol_and_an_empty_one_are_scored_as_they_are():
    open_text, empty = score(trained_model(), [np.array([5, END, 6]), np.array([], dtype=np.int64)], history="sentence")
    assert open_text.log_probs_N.shape == (3,)
    assert (open_text.log_probs_N < 0).all()
    assert empty.log_probs_N.shape == (0,)
