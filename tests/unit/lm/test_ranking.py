import numpy as np
import pytest
import torch

from hindcast.lm.evaluation import read
from hindcast.lm.lstm import LstmLanguageModel, LstmSpecification
from hindcast.lm.ranking import ranks_at
from hindcast.text.corpus import EncodedText
from hindcast.text.vocabulary import Vocabulary

VOCABULARY = Vocabulary.from_words([f"w{number}" for number in range(30)])


@pytest.fixture(scope="module")
def model() -> LstmLanguageModel:
    model = LstmSpecification(vocabulary_size=32, input_size=5, hidden_size=6).build(seed=1)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(4)
    model.prepare_for_scoring()
    return model


def test_ranks_are_those_of_reading_each_context_alone(model: LstmLanguageModel) -> None:
    random = np.random.default_rng(2)
    documents = [[random.choice(VOCABULARY.words[2:], length).tolist()] for length in random.integers(1, 300, 80)]
    text = EncodedText.of(documents, VOCABULARY)
    starts, ends = text.unit_bounds("document")
    document_P = random.integers(0, len(starts), 200)
    positions_P = random.integers(starts[document_P], ends[document_P])
    starts_P = starts[document_P]
    found = np.zeros(200, dtype=np.int64)
    for chosen, ranks in ranks_at(model, text, positions_P, starts_P):
        assert (found[chosen] == 0).all()
        found[chosen] = ranks
    for position, start, rank in zip(positions_P, starts_P, found, strict=True):
        log_probs_V = model.log_probs(read(model, text.tokens(start, position)))[0].numpy()
        assert rank == 1 + np.count_nonzero(log_probs_V > log_probs_V[text.take(position)])


def test_nothing_asked_is_nothing_answered(model: LstmLanguageModel) -> None:
    text = EncodedText.of([[["w1"]]], VOCABULARY)
    assert list(ranks_at(model, text, np.zeros(0, np.int64), np.zeros(0, np.int64))) == []
