import pytest
import torch
from torch import nn

from hindcast.nn.bilstm import BidirectionalLSTM, cell_states


def cells_by_loop(lstm, inputs_TBD):
    """Every cell state by torch's own cell, one step at a time."""
    cell = nn.LSTMCell(lstm.input_size, lstm.hidden_size).to(inputs_TBD.dtype)
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in lstm.state_dict().items()})
    hidden = memory = inputs_TBD.new_zeros(inputs_TBD.shape[1], lstm.hidden_size)
    cells = []
    for step_BD in inputs_TBD:
        hidden, memory = cell(step_BD, (hidden, memory))
        cells.append(memory)
    return torch.stack(cells)


def each_its_own(inputs_TBD):
    """The distinct inputs and the place of each step's among them, as `cell_states` takes them: here, all differ."""
    time, batch, _ = inputs_TBD.shape
    return inputs_TBD.flatten(0, 1), torch.arange(time * batch).view(time, batch)


@pytest.mark.parametrize(("time", "batch"), [(1, 1), (7, 3), (60, 5), (5, 400)])
def test_cell_states_are_those_of_a_plain_loop(time, batch):
    torch.manual_seed(1)
    lstm, inputs_TBD = nn.LSTM(6, 8), torch.randn(time, batch, 6)
    with torch.no_grad():
        states_TBH = cell_states(lstm, *each_its_own(inputs_TBD))
        torch.testing.assert_close(states_TBH, cells_by_loop(lstm, inputs_TBD), atol=1e-5, rtol=0)


def test_steps_may_share_an_input():
    torch.manual_seed(1)
    lstm, inputs_UD, places_TB = nn.LSTM(6, 8), torch.randn(4, 6), torch.randint(4, (20, 3))
    with torch.no_grad():
        states_TBH = cell_states(lstm, inputs_UD, places_TB)
        torch.testing.assert_close(states_TBH, cells_by_loop(lstm, inputs_UD[places_TB]), atol=1e-5, rtol=0)


def test_cell_states_of_saturated_gates_are_exact_in_double_precision():
    torch.manual_seed(2)
    lstm, inputs_TBD = nn.LSTM(6, 8).double(), 30 * torch.randn(1, 4, 6, dtype=torch.float64).expand(200, 4, 6)
    with torch.no_grad():
        expected = cells_by_loop(lstm, inputs_TBD)
        assert expected.abs().max() > 20  # saturated: the state counts on
        torch.testing.assert_close(cell_states(lstm, *each_its_own(inputs_TBD)), expected, atol=1e-5, rtol=0)


def test_units_in_a_batch_have_the_states_they_have_alone():
    torch.manual_seed(3)
    network = BidirectionalLSTM(vocabulary_size=20, input_size=4, size=6)
    words_TB, lengths_B = torch.randint(20, (9, 3)), torch.tensor([9, 4, 1])
    with torch.no_grad():
        together = network(words_TB, lengths_B)
        for lane, length in enumerate(lengths_B.tolist()):
            alone = network(words_TB[:length, lane : lane + 1], torch.tensor([length]))
            torch.testing.assert_close(together.forward_TBH[:length, lane], alone.forward_TBH[:, 0])
            torch.testing.assert_close(together.backward_TBH[:length, lane], alone.backward_TBH[:, 0])


@pytest.mark.parametrize("state", ["cell", "hidden"])
def test_each_direction_reads_each_unit_from_its_own_end(state):
    torch.manual_seed(3)
    network = BidirectionalLSTM(vocabulary_size=20, input_size=4, size=6)
    words_TB, lengths_B = torch.randint(20, (9, 3)), torch.tensor([9, 4, 1])
    forward, backward = network.readings(words_TB, lengths_B, state)
    for lane, length in enumerate(lengths_B.tolist()):
        words_T = words_TB[:length, lane]
        for reading, lstm, read_T in (
            (forward, network.forward_lstm, words_T),
            (backward, network.backward_lstm, words_T.flip(0)),
        ):
            torch.testing.assert_close(reading.words_TB[:length, lane], read_T)
            with torch.no_grad():
                inputs_TBD = network.embedding(read_T[:, None])
                expected = cells_by_loop(lstm, inputs_TBD) if state == "cell" else lstm(inputs_TBD)[0]
            torch.testing.assert_close(reading.states_TBH[:length, lane], expected[:, 0], atol=1e-5, rtol=0)


def test_an_odd_size_cannot_be_halved():
    with pytest.raises(ValueError, match="even"):
        BidirectionalLSTM(vocabulary_size=20, input_size=4, size=7)
