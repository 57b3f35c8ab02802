"""The vector of a word is the mean of the states at its occurrences, as a plain loop over LSTM cells has them."""

import math
from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

from hindcast.nn.bilstm import BidirectionalLSTM
from hindcast.text.corpus import EncodedText
from hindcast.text.vocabulary import Vocabulary
from hindcast_trainer.pretrain import Material
from hindcast_trainer.pretraining.averaging import Averaging, average_states

CELLS = Averaging("cell", "concatenate", None)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(3)
    return BidirectionalLSTM(vocabulary_size=80, input_size=8, size=16)


@pytest.fixture(scope="module")
def saturated_network():
    """One whose gates and candidates are near their bounds."""
    torch.manual_seed(4)
    network = BidirectionalLSTM(vocabulary_size=80, input_size=8, size=16)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter *= 4
    return network


@pytest.fixture(scope="module")
def occurrences(little_material):
    """`occurrences_by_loop` over the little material: the loop takes long, so once for each network, unit and state."""
    text = little_material.text
    return cache(lambda network, unit, state: occurrences_by_loop(network, text, bounds(text, unit), state))


def states_by_loop(lstm: nn.LSTM, inputs_TD, state):
    """[T, H] in double precision."""
    cell = nn.LSTMCell(lstm.input_size, lstm.hidden_size, dtype=torch.float64)
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        getattr(cell, name).data.copy_(getattr(lstm, f"{name}_l0"))
    both, states = (torch.zeros(1, lstm.hidden_size, dtype=torch.float64),) * 2, []
    for input_D in inputs_TD.double():
        both = cell(input_D[None], both)
        states.append(both[["hidden", "cell"].index(state)][0])
    return torch.stack(states)


@torch.no_grad()
def occurrences_by_loop(network, text, pieces, state="cell"):
    """Word id -> the states [occurrences, direction, H]."""
    states: dict[int, list[np.ndarray]] = {}
    for start, end in pieces:
        words = torch.from_numpy(text.tokens(start, end))
        inputs_TD = network.embedding(words)
        forward = states_by_loop(network.forward_lstm, inputs_TD, state)
        backward = states_by_loop(network.backward_lstm, inputs_TD.flip(0), state).flip(0)
        for word, both in zip(words.tolist(), torch.stack([forward, backward], dim=1).numpy(), strict=True):
            states.setdefault(word, []).append(both)
    return {word: np.array(occurrences) for word, occurrences in states.items()}


def averages_by_loop(network, text, pieces):
    """Word id -> [S] cell states, forward first."""
    occurrences = occurrences_by_loop(network, text, pieces)
    return {word: states.mean(axis=0).ravel() for word, states in occurrences.items()}


def bounds(text, unit):
    return list(zip(*(bound.tolist() for bound in text.unit_bounds(unit)), strict=True))


@pytest.mark.parametrize("unit", ["sentence", "paragraph"])
@pytest.mark.parametrize("state", ["cell", "hidden"])
@pytest.mark.parametrize("combine", ["concatenate", "average"])
@pytest.mark.parametrize("clip", [None, 0.2])
def test_averages_are_those_of_a_plain_loop(network, little_material, occurrences, finish, unit, state, combine, clip):
    averaging = Averaging(state, combine, clip)
    table = finish(average_states(network, little_material, averaging, unit=unit, max_length=1000))
    found = occurrences(network, unit, state)
    clipped = {id: np.clip(states, -clip, clip) if clip else states for id, states in found.items()}
    means = {id: states.mean(axis=0) for id, states in clipped.items()}
    expected = {id: both.ravel() if combine == "concatenate" else both.mean(axis=0) for id, both in means.items()}
    rows = [expected[little_material.vocabulary.id(word)] for word in table.words]
    np.testing.assert_allclose(table.vectors, rows, rtol=0, atol=1e-5)
    assert table.vectors.dtype == np.float32


@pytest.mark.parametrize(("state", "threshold"), [("cell", math.atanh(0.99)), ("hidden", 0.99)])
@pytest.mark.parametrize("combine", ["concatenate", "average"])
def test_saturated_states_are_counted_before_they_are_clipped(
    saturated_network, little_material, occurrences, finish, state, threshold, combine
):
    averaging = Averaging(state, combine, 0.5)
    table = finish(average_states(saturated_network, little_material, averaging, unit="paragraph", max_length=1000))
    found = occurrences(saturated_network, "paragraph", state)
    states_NWH = np.concatenate(list(found.values()))
    shares_WH = (np.abs(states_NWH) > threshold).mean(axis=0)
    saturation = table.details["saturation"]
    assert saturation["threshold"] == threshold
    expected = shares_WH.ravel() if combine == "concatenate" else shares_WH.mean(axis=0)
    np.testing.assert_allclose(saturation["per_dimension"], expected, atol=1e-5)
    assert saturation["mean"] == pytest.approx(expected.mean(), abs=1e-5)
    assert 0 < saturation["mean"] < 1


def made_of(sentences, words):
    vocabulary = Vocabulary.from_words(words)
    return Material(EncodedText.of([sentences], vocabulary), vocabulary, domains={}.__getitem__)


def test_the_state_starts_anew_with_each_piece_of_a_long_unit(network, finish):
    material = made_of([["a", "b", "a", "c", "b"]], ["a", "b", "c"])
    table = finish(average_states(network, material, CELLS, unit="sentence", max_length=3))
    expected = averages_by_loop(network, material.text, [(0, 3), (3, 6)])
    np.testing.assert_allclose(table.vectors, [expected[id] for id in (1, 2, 3, 4)], rtol=0, atol=1e-5)


def test_rows_are_of_the_words_that_occur(network, finish):
    material = made_of([["a", "rare"], ["a"]], ["a", "absent"])
    assert finish(average_states(network, material, CELLS, unit="sentence", max_length=9)).words == (
        "<unk>",
        "</s>",
        "a",
    )


def test_the_forward_states_come_first(network, finish):
    one = made_of([["a", "b", "c"]], ["a", "b", "c", "d"])
    two = made_of([["a", "b", "d"]], ["a", "b", "c", "d"])
    first, second = (finish(average_states(network, each, CELLS, unit="sentence", max_length=9)) for each in (one, two))
    row = first.row("b")
    np.testing.assert_array_equal(first.vectors[row, :8], second.vectors[row, :8])
    assert not np.isclose(first.vectors[row, 8:], second.vectors[row, 8:]).any()


def test_however_often_a_word_occurs_its_mean_is_exact(network, finish):
    once, often = (made_of([["a"]] * times, ["a"]) for times in (1, 8000))
    first, second = (
        finish(average_states(network, each, CELLS, unit="sentence", max_length=9)) for each in (once, often)
    )
    np.testing.assert_allclose(second.vectors, first.vectors, rtol=0, atol=1e-6)
