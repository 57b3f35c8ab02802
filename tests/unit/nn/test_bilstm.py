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


@pytest.mark.parametrize(
    ("time", "batch", "scale"), [(1, 1, 1.0), (7, 3, 1.0), (60, 5, 1.0), (5, 400, 1.0), (2, 1100, 1.0)]
)
def test_cell_states_are_those_of_a_plain_loop(time, batch, scale):
    torch.manual_seed(1)
    lstm, inputs_TBD = nn.LSTM(6, 8), torch.randn(time, batch, 6) * scale
    with torch.no_grad():
        torch.testing.assert_close(cell_states(lstm, inputs_TBD), cells_by_loop(lstm, inputs_TBD), atol=1e-5, rtol=0)


def test_cell_states_of_saturated_gates_are_exact_in_double_precision():
    torch.manual_seed(2)
    lstm, inputs_TBD = nn.LSTM(6, 8).double(), 30 * torch.randn(1, 4, 6, dtype=torch.float64).expand(200, 4, 6)
    with torch.no_grad():
        expected = cells_by_loop(lstm, inputs_TBD)
        assert expected.abs().max() > 20  # saturated: the state counts on
        torch.testing.assert_close(cell_states(lstm, inputs_TBD), expected, atol=1e-5, rtol=0)


def test_units_in_a_batch_have_the_states_they_have_alone():
    torch.manual_seed(3)
    network = BidirectionalLSTM(vocabulary_size=20, input_size=4, size=6)
    words_TB, lengths_B = torch.randint(20, (9, 3)), torch.tensor([9, 4, 1])
    with torch.no_grad():
        for states_of in (network, network.cells):
            together = states_of(words_TB, lengths_B)
            for lane, length in enumerate(lengths_B.tolist()):
                alone = states_of(words_TB[:length, lane : lane + 1], torch.tensor([length]))
                torch.testing.assert_close(together.forward_TBH[:length, lane], alone.forward_TBH[:, 0])
                torch.testing.assert_close(together.backward_TBH[:length, lane], alone.backward_TBH[:, 0])


def test_backward_cells_come_from_the_end():
    torch.manual_seed(4)
    network = BidirectionalLSTM(vocabulary_size=20, input_size=4, size=6)
    words_TB = torch.randint(20, (5, 1))
    with torch.no_grad():
        cells = network.cells(words_TB, torch.tensor([5]))
        forward = cells_by_loop(network.forward_lstm, network.embedding(words_TB))
        backward = cells_by_loop(network.backward_lstm, network.embedding(words_TB.flip(0))).flip(0)
    torch.testing.assert_close(cells.forward_TBH, forward, atol=1e-5, rtol=0)
    torch.testing.assert_close(cells.backward_TBH, backward, atol=1e-5, rtol=0)


def test_an_odd_size_cannot_be_halved():
    with pytest.raises(ValueError, match="even"):
        BidirectionalLSTM(vocabulary_size=20, input_size=4, size=7)
