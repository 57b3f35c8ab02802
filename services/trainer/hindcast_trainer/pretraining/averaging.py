"""From states in context to one vector a word: section 3.1 of the paper.

Shapes: T time, B batch, N words of a batch, V vocabulary, H units of one direction, S size of a word's vector.
"""

import math
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from hindcast.nn.bilstm import BidirectionalLSTM, BothWays, tensors
from hindcast.nn.device import device_of
from hindcast.nn.embedding_table import EmbeddingTable
from hindcast.progress import Progress
from hindcast.text.batches import unit_batches
from hindcast.text.corpus import Unit
from hindcast_trainer.pretrain import Material

BATCH_TOKENS = 16_384
REPORT_SECONDS = 1.0

StateName = Literal["cell", "hidden"]
Combination = Literal["concatenate", "average"]

SATURATED: Mapping[StateName, float] = {"cell": math.atanh(0.99), "hidden": 0.99}
"""Beyond this, on either side, a state is saturated: what the LSTM makes of it, tanh(c), or the state h itself, is
within a hundredth of its bound, and grows no more whatever the state does. The paper saw many saturated values after
training on whole paragraphs."""


@dataclass(frozen=True)
class Averaging:
    """What of a network's states becomes a word's vector."""

    state: StateName
    combine: Combination
    clip: float | None
    """Largest value of a state, on either side of 0; None: any."""


@torch.no_grad()
def average_states(
    network: BidirectionalLSTM, material: Material, averaging: Averaging, *, unit: Unit, max_length: int
) -> Generator[Progress, None, EmbeddingTable]:
    """Run the network over a text, in units as it was trained on, and average the states of each word over all of its
    occurrences. A word that never occurs has no row. The table's details are how many states were saturated."""
    text, vocabulary = material.text, material.vocabulary
    states_of = network.cells if averaging.state == "cell" else network
    sums = _Sums(averaging, vocabulary_size=len(vocabulary), hidden_size=network.forward_lstm.hidden_size)
    device = device_of(network)
    torch.set_float32_matmul_precision("highest")  # no TF32: vectors are to be as exact on every device
    done, reported = 0, time.monotonic()
    # The seed sorts units by length; in which order states are summed changes nothing.
    for batch in unit_batches(text, unit=unit, tokens_per_batch=BATCH_TOKENS, max_length=max_length, seed=0, epoch=0):
        words_TB, lengths_B = tensors(batch, device)
        states = states_of(words_TB, lengths_B)
        sums.add(words_TB.cpu(), lengths_B.cpu(), BothWays(*(each.cpu() for each in states)))
        done += int(batch.lengths_B.sum())
        if time.monotonic() - reported >= REPORT_SECONDS:
            message = f"averaging {averaging.state} states"
            yield Progress(done=done, total=len(text), unit="tokens", message=message)
            reported = time.monotonic()
    return sums.table(vocabulary.words)


class _Sums:
    """Of the states at each word's occurrences, each direction for itself."""

    def __init__(self, averaging: Averaging, *, vocabulary_size: int, hidden_size: int) -> None:
        self._averaging = averaging
        self._sums_VH = [torch.zeros(vocabulary_size, hidden_size, dtype=torch.float64) for _ in BothWays._fields]
        self._saturated_H = [torch.zeros(hidden_size, dtype=torch.int64) for _ in BothWays._fields]
        self._counts_V = torch.zeros(vocabulary_size, dtype=torch.int64)

    def add(self, words_TB: Tensor, lengths_B: Tensor, states: BothWays) -> None:
        """Add the states of a batch of units."""
        within_TB = torch.arange(len(words_TB))[:, None] < lengths_B
        places_N = within_TB.flatten().nonzero().squeeze(1)
        words_N = words_TB.flatten()[places_N]
        self._counts_V += torch.bincount(words_N, minlength=len(self._counts_V))
        clip = self._averaging.clip
        for sums_VH, saturated_H, states_TBH in zip(self._sums_VH, self._saturated_H, states, strict=True):
            states_NH = states_TBH.flatten(0, 1).index_select(0, places_N)
            # Ones and zeros as float32 add up several times quicker than as bool, and exactly for a batch.
            saturated_H += states_NH.abs().gt_(SATURATED[self._averaging.state]).sum(dim=0).long()
            if clip is not None:
                states_NH.clamp_(-clip, clip)
            sums_VH.index_add_(0, words_N, states_NH.double())

    def table(self, words: tuple[str, ...]) -> EmbeddingTable:
        """The mean of each word that occurs."""
        occurring = self._counts_V.nonzero().squeeze(1)
        means = [sums_VH[occurring] / self._counts_V[occurring, None] for sums_VH in self._sums_VH]
        vectors = self._combined(means).numpy().astype(np.float32)
        return EmbeddingTable(
            tuple(words[id] for id in occurring.tolist()), vectors, {"saturation": self._saturation()}
        )

    def _saturation(self) -> Mapping[str, Any]:
        """The share of the occurrences, of all words, at which a state was saturated before it was clipped."""
        shares_S = self._combined([saturated_H / self._counts_V.sum() for saturated_H in self._saturated_H])
        return {
            "threshold": SATURATED[self._averaging.state],
            "mean": shares_S.mean().item(),
            "per_dimension": [round(share, 6) for share in shares_S.tolist()],
        }

    def _combined(self, both: list[Tensor]) -> Tensor:
        """What both directions have, as one row has it: forward first, or their mean."""
        return torch.cat(both, dim=-1) if self._averaging.combine == "concatenate" else torch.stack(both).mean(dim=0)
