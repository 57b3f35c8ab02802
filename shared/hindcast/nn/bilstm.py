"""A bidirectional LSTM over whole units of text, and every cell state that it goes through.

Shapes: T time, B batch, D input size, H units of one direction, S = 2H both directions (forward first).
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn


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
        """Hidden states. Units are padded at the end; `lengths_B` counts each one's words."""
        order_TB = reversal(words_TB.shape[0], lengths_B)
        hidden_TBH, _ = self.forward_lstm(self.embedding(words_TB))
        reversed_TBH, _ = self.backward_lstm(self.embedding(words_TB.gather(0, order_TB)))
        return BothWays(hidden_TBH, reorder(reversed_TBH, order_TB))

    @torch.no_grad()
    def cells(self, words_TB: Tensor, lengths_B: Tensor) -> Tensor:
        """[T, B, S] cell states after each word, forward first: s_t of equation (2) with c for h."""
        order_TB = reversal(words_TB.shape[0], lengths_B)
        forward_TBH = cell_states(self.forward_lstm, self.embedding(words_TB))
        reversed_TBH = cell_states(self.backward_lstm, self.embedding(words_TB.gather(0, order_TB)))
        return torch.cat([forward_TBH, reorder(reversed_TBH, order_TB)], dim=2)


def reversal(time: int, lengths_B: Tensor) -> Tensor:
    """[T, B] the steps of each unit from its last to its first, padding in place. Its own inverse."""
    steps_T1 = torch.arange(time, device=lengths_B.device)[:, None]
    return torch.where(steps_T1 < lengths_B, lengths_B - 1 - steps_T1, steps_T1)


def reorder(states_TBH: Tensor, order_TB: Tensor) -> Tensor:
    """Each lane's steps in the order given."""
    return states_TBH.gather(0, order_TB[:, :, None].expand_as(states_TBH))


@torch.no_grad()
def cell_states(lstm: nn.LSTM, inputs_TBD: Tensor) -> Tensor:
    """[T, B, H] cell states of a one-layer LSTM from a zero state. torch's LSTM returns only the last one."""
    hidden_TBH, _ = lstm(inputs_TBD)
    weight_ih, weight_hh, bias_ih, bias_hh = (parameter.detach() for parameter in lstm.parameters())
    before_TBH = torch.cat([torch.zeros_like(hidden_TBH[:1]), hidden_TBH[:-1]])
    gates = nn.functional.linear(inputs_TBD, weight_ih, bias_ih)
    gates += nn.functional.linear(before_TBH, weight_hh, bias_hh)
    enter, keep, candidate, _ = gates.chunk(4, dim=2)
    added_TBH, keep_TBH = enter.sigmoid() * candidate.tanh(), keep.sigmoid()
    for step in range(1, len(added_TBH)):
        added_TBH[step].addcmul_(keep_TBH[step], added_TBH[step - 1])
    return added_TBH
