"""A bidirectional LSTM over whole units of text, and every cell state that it goes through.

Shapes: T time, B batch, U distinct words of a batch, D input size, H units of one direction, G = 4H its gates.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from hindcast.text.batches import UnitBatch

StateName = Literal["cell", "hidden"]


class BothWays(NamedTuple):
    """States of both directions, in the order of the text; what stands beyond a unit's length is meaningless."""

    forward_TBH: Tensor
    """After reading the words up to and including t."""
    backward_TBH: Tensor
    """After reading the words from the last back to and including t."""


class Reading(NamedTuple):
    """What one direction makes of a batch of units, in its own order of reading; what stands beyond a unit's length is
    meaningless."""

    words_TB: Tensor
    states_TBH: Tensor
    """After reading the words up to and including t."""


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
        order_TB = reversal(words_TB.shape[0], lengths_B)
        forward_TBH = _hidden_states(self.forward_lstm, self.embedding(words_TB))
        reversed_TBH = _hidden_states(self.backward_lstm, self.embedding(words_TB.gather(0, order_TB)))
        return BothWays(forward_TBH, reorder(reversed_TBH, order_TB))

    @torch.no_grad()
    def readings(self, words_TB: Tensor, lengths_B: Tensor, state: StateName) -> Iterator[Reading]:
        """Forward and backward: hidden states, s_t of equation (2), or cell states, s_t with c for h."""
        order_TB = reversal(words_TB.shape[0], lengths_B)
        for lstm, read_TB in ((self.forward_lstm, words_TB), (self.backward_lstm, words_TB.gather(0, order_TB))):
            if state == "hidden":
                yield Reading(read_TB, _hidden_states(lstm, self.embedding(read_TB)))
            else:
                distinct_U, places_TB = read_TB.unique(return_inverse=True)
                yield Reading(read_TB, cell_states(lstm, self.embedding(distinct_U), places_TB))


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
def cell_states(lstm: nn.LSTM, inputs_UD: Tensor, places_TB: Tensor) -> Tensor:
    """[T, B, H] cell states of a one-layer LSTM from a zero state, where the input of a step is `inputs_UD[place]`;
    torch's LSTM returns only the last.

    Does what the LSTM does and keeps the cells (benchmarks/cell_states.py). What an input gives to the gates is
    computed once for each distinct one, not for each step that has it: in natural text, this spares most of what is
    half of an LSTM's products. The candidate's tanh(x) is taken as 2 · sigmoid(2x) - 1: one call does all gates.
    """
    weight_ih, weight_hh, bias_ih, bias_hh = (_candidate_last_and_doubled(p.detach()) for p in lstm.parameters())
    gates_UG = linear(inputs_UD, weight_ih, bias_ih + bias_hh)
    weight_hh = weight_hh.t().contiguous()
    cells_TBH = inputs_UD.new_empty(*places_TB.shape, lstm.hidden_size)
    cell_BH, hidden_BH = inputs_UD.new_zeros(2, places_TB.shape[1], lstm.hidden_size)
    gates_BG = gates_UG.new_empty(places_TB.shape[1], gates_UG.shape[1])
    enter_BH, keep_BH, leave_BH, candidate_BH = gates_BG.split(lstm.hidden_size, dim=1)
    for places_B, next_BH in zip(places_TB, cells_TBH, strict=True):
        torch.index_select(gates_UG, 0, places_B, out=gates_BG).addmm_(hidden_BH, weight_hh).sigmoid_()
        cell_BH = torch.mul(keep_BH, cell_BH, out=next_BH)
        cell_BH.addcmul_(enter_BH, candidate_BH, value=2.0).sub_(enter_BH)
        torch.tanh(cell_BH, out=hidden_BH).mul_(leave_BH)
    return cells_TBH


def _candidate_last_and_doubled(parameter: Tensor) -> Tensor:
    """torch's gates (input, forget, candidate, output) in an order and scale in which one sigmoid serves all four."""
    enter, keep, candidate, leave = parameter.chunk(4)
    return torch.cat([enter, keep, leave, candidate * 2.0])
