"""The vector of a word is the mean of the cell states at its occurrences, as a plain loop over LSTM cells has them."""

import numpy as np
import pytest
import torch
from torch import nn

from hindcast.nn.bilstm import BidirectionalLSTM
from hindcast.text.corpus import EncodedText
from hindcast.text.vocabulary import Vocabulary
from hindcast_trainer.pretrain import Material
from hindcast_trainer.pretraining.averaging import average_cells


@pytest.fixture
def network():
    torch.manual_seed(3)
    return BidirectionalLSTM(vocabulary_size=80, input_size=8, size=16)


def cells_by_loop(lstm: nn.LSTM, inputs_TD):
    """[T, H] in double precision."""
    cell = nn.LSTMCell(lstm.input_size, lstm.hidden_size, dtype=torch.float64)
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        getattr(cell, name).data.copy_(getattr(lstm, f"{name}_l0"))
    state, cells = (torch.zeros(1, lstm.hidden_size, dtype=torch.float64),) * 2, []
    for input_D in inputs_TD.double():
        state = cell(input_D[None], state)
        cells.append(state[1][0])
    return torch.stack(cells)


@torch.no_grad()
def averages_by_loop(network, text, pieces):
    """Word id -> [S]."""
    states: dict[int, list[np.ndarray]] = {}
    for start, end in pieces:
        words = torch.from_numpy(text.tokens(start, end))
        inputs_TD = network.embedding(words)
        forward = cells_by_loop(network.forward_lstm, inputs_TD)
        backward = cells_by_loop(network.backward_lstm, inputs_TD.flip(0)).flip(0)
        for word, state in zip(words.tolist(), torch.cat([forward, backward], dim=1).numpy(), strict=True):
            states.setdefault(word, []).append(state)
    return {word: np.mean(occurrences, axis=0) for word, occurrences in states.items()}


@pytest.mark.parametrize("unit", ["sentence", "paragraph"])
def test_averages_are_those_of_a_plain_loop(network, little_material, finish, unit):
    table = finish(average_cells(network, little_material, unit=unit, max_length=1000))
    bounds = zip(*(bound.tolist() for bound in little_material.text.unit_bounds(unit)), strict=True)
    expected = averages_by_loop(network, little_material.text, bounds)
    rows = [expected[little_material.vocabulary.id(word)] for word in table.words]
    np.testing.assert_allclose(table.vectors, rows, rtol=0, atol=1e-5)
    assert table.vectors.dtype == np.float32


def made_of(sentences, words):
    vocabulary = Vocabulary.from_words(words)
    return Material(EncodedText.of([sentences], vocabulary), vocabulary, domains={}.__getitem__)


def test_the_state_starts_anew_with_each_piece_of_a_long_unit(network, finish):
    material = made_of([["a", "b", "a", "c", "b"]], ["a", "b", "c"])
    table = finish(average_cells(network, material, unit="sentence", max_length=3))
    expected = averages_by_loop(network, material.text, [(0, 3), (3, 6)])
    np.testing.assert_allclose(table.vectors, [expected[id] for id in (1, 2, 3, 4)], rtol=0, atol=1e-5)


def test_rows_are_of_the_words_that_occur(network, finish):
    material = made_of([["a", "rare"], ["a"]], ["a", "absent"])
    assert finish(average_cells(network, material, unit="sentence", max_length=9)).words == ("<unk>", "</s>", "a")


def test_the_forward_states_come_first(network, finish):
    one = made_of([["a", "b", "c"]], ["a", "b", "c", "d"])
    two = made_of([["a", "b", "d"]], ["a", "b", "c", "d"])
    first, second = (finish(average_cells(network, each, unit="sentence", max_length=9)) for each in (one, two))
    row = first.row("b")
    np.testing.assert_array_equal(first.vectors[row, :8], second.vectors[row, :8])
    assert not np.isclose(first.vectors[row, 8:], second.vectors[row, 8:]).any()
