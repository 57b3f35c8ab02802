"""A bidirectional LSTM over whole units of text, and every cell state that it goes through.

Shapes: T time, B batch, D input size, H units of one direction, G = 4H its gates.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from hindcast.text.batches import UnitBatch

_CACHED_ROWS = 1024
"""Of gates: 2 MB at 128 units."""


class BothWays(NamedTuple):
    """States of both directions, in the order of the text; what stands beyond a unit's length is meaningless."""

    forward_TBH: Tensor
    """After reading the words up to and including t."""
    backward_TBH: Tensor
    """After reading the words from the last back to and including t."""


class BidirectionalLSTM(nn.Module):
    """Embedding -> a forward and a backward LSTM of size/2 each, both starting from zero at every unit (equation 2)."""

    def __init__(self, *, vocabulary_size: int, input_size: int, size: int) -> None:
        super().__init__()
        if size % 2:
            raise ValueError("size must be even: each direction has half")
        # Sparse: a step touches only the rows of its words, and `fit` moves only those.
        self.embedding = nn.Embedding(vocabulary_size, input_size, sparse=True)
        self.forward_lstm = nn.LSTM(input_size, size // 2)
        self.backward_lstm = nn.LSTM(input_size, size // 2)

    def forward(self, words_TB: Tensor, lengths_B: Tensor) -> BothWays:
        """Hidden states: s_t of equation (2). Units are padded at the end; `lengths_B` counts each one's words."""
        return self._read(words_TB, lengths_B, _hidden_states)

    @torch.no_grad()
    def cells(self, words_TB: Tensor, lengths_B: Tensor) -> BothWays:
        """Cell states: s_t of equation (2) with c for h."""
        return self._read(words_TB, lengths_B, cell_states)

    def _read(self, words_TB: Tensor, lengths_B: Tensor, states_of: Callable[[nn.LSTM, Tensor], Tensor]) -> BothWays:
        order_TB = reversal(words_TB.shape[0], lengths_B)
        forward_TBH = states_of(self.forward_lstm, self.embedding(words_TB))
        reversed_TBH = states_of(self.backward_lstm, self.embedding(words_TB.gather(0, order_TB)))
        return BothWays(forward_TBH, reorder(reversed_TBH, order_TB))


def tensors(batch: UnitBatch, device: torch.device) -> tuple[Tensor, Tensor]:
    """[T, B] words and [B] lengths of a batch, on a device."""
    return torch.from_numpy(batch.words_TB).to(device), torch.from_numpy(batch.lengths_B).to(device)


def reversal(time: int, lengths_B: Tensor) -> Tensor:
    """[T, B] the steps of each unit from its last to its first, padding in place. Its own inverse."""
    steps_T1 = torch.arange(time, device=lengths_B.device)[:, None]
    return torch.where(steps_T1 < lengths_B, lengths_B - 1 - steps_T1, steps_T1)


def reorder(states_TBH: Tensor, order_TB: Tensor) -> Tensor:
    """Each lane's steps in the order given."""
    batch = states_TBH.shape[1]
    rows_TB = order_TB * batch + torch.arange(batch, device=order_TB.device)
    # Whole rows: an index for every value, as gather takes it, is eight times slower.
    return states_TBH.flatten(0, 1).index_select(0, rows_TB.flatten()).view_as(states_TBH)


def _hidden_states(lstm: nn.LSTM, inputs_TBD: Tensor) -> Tensor:
    hidden_TBH, _ = lstm(inputs_TBD)
    states_TBH: Tensor = hidden_TBH
    return states_TBH


@torch.no_grad()
def cell_states(lstm: nn.LSTM, inputs_TBD: Tensor) -> Tensor:
    """[T, B, H] cell states of a one-layer LSTM from a zero state; torch's LSTM returns only the last.

    Does what the LSTM does and keeps the cells: quicker than recomputing all gates from the hidden states in one
    product as soon as 16 units are read side by side (benchmarks/cell_states.py). What the inputs give to the gates is
    computed for a few steps at a time, so that it is still in the cache when it is read. tanh(x) is taken as
    2 · sigmoid(2x) - 1, of which torch computes several while it computes one tanh.
    """
    time, batch, _ = inputs_TBD.shape
    weight_ih, weight_hh, bias_ih, bias_hh = (_candidate_last_and_doubled(p.detach()) for p in lstm.parameters())
    cells_TBH = inputs_TBD.new_empty(time, batch, lstm.hidden_size)
    cell_BH, hidden_BH = inputs_TBD.new_zeros(2, batch, lstm.hidden_size)
    steps = max(1, _CACHED_ROWS // batch)
    for start in range(0, time, steps):
        gates_TBG = linear(inputs_TBD[start : start + steps], weight_ih, bias_ih + bias_hh)
        for step, gates_BG in enumerate(gates_TBG, start):
            gates_BG.addmm_(hidden_BH, weight_hh.t())
            enter_BH, keep_BH, leave_BH, candidate_BH = gates_BG.sigmoid_().split(lstm.hidden_size, dim=1)
            cell_BH = torch.mul(keep_BH, cell_BH, out=cells_TBH[step])
            cell_BH.addcmul_(enter_BH, candidate_BH, value=2.0).sub_(enter_BH)
            torch.mul(cell_BH, 2.0, out=hidden_BH).sigmoid_().mul_(2.0).sub_(1.0).mul_(leave_BH)
    return cells_TBH


def _candidate_last_and_doubled(parameter: Tensor) -> Tensor:
    """torch's gates (input, forget, candidate, output) in an order and scale in which one sigmoid serves all four."""
    enter, keep, candidate, leave = parameter.chunk(4)
    return torch.cat([enter, keep, leave, candidate * 2.0])
