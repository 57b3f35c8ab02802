"""From states in context to one vector a word: section 3.1 of the paper.

Shapes: T time, B batch, N words of a batch, V vocabulary, W both ways of reading, H units of one direction, S size of a
word's vector.
"""

import math
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from hindcast.nn.bilstm import BidirectionalLSTM, Reading, StateName, tensors
from hindcast.nn.device import device_of
from hindcast.nn.embedding_table import EmbeddingTable
from hindcast.progress import Progress
from hindcast.text.batches import unit_batches
from hindcast.text.corpus import Unit
from hindcast_trainer.pretrain import Material

BATCH_TOKENS = 16_384
REPORT_SECONDS = 1.0
_CACHED_STATES = 1024
"""512 KB at 128 units."""
_FLOAT32_TERMS = 64
"""States of a word summed before their sum goes on in float64: in float32 its error stays below 64 roundings."""

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
    sums = _Sums(averaging, vocabulary_size=len(vocabulary), hidden_size=network.forward_lstm.hidden_size)
    device = device_of(network)
    torch.set_float32_matmul_precision("highest")  # no TF32: vectors are to be as exact on every device
    torch.backends.cudnn.allow_tf32 = False  # the same for hidden states, which cuDNN computes
    done, reported = 0, time.monotonic()
    # The seed sorts units by length; in which order states are summed changes nothing.
    for batch in unit_batches(text, unit=unit, tokens_per_batch=BATCH_TOKENS, max_length=max_length, seed=0, epoch=0):
        words_TB, lengths_B = tensors(batch, device)
        for direction, reading in enumerate(network.readings(words_TB, lengths_B, averaging.state)):
            sums.add(direction, Reading(*(each.cpu() for each in reading)), lengths_B.cpu())
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
        self._sums_WVH = torch.zeros(2, vocabulary_size, hidden_size, dtype=torch.float64)
        self._saturated_WH = torch.zeros(2, hidden_size, dtype=torch.int64)
        self._counts_V = torch.zeros(vocabulary_size, dtype=torch.int64)

    def add(self, direction: int, reading: Reading, lengths_B: Tensor) -> None:
        """Add the states of a batch of units, as one direction (0 or 1) read them."""
        states = reading.states_TBH.flatten(0, 1)
        within_TB = torch.arange(len(reading.words_TB))[:, None] < lengths_B
        places_N = within_TB.flatten().nonzero().squeeze(1)
        words_N, order_N = reading.words_TB.flatten()[places_N].sort()
        for places in places_N.split(_CACHED_STATES):
            # Ones and zeros as float32 add up several times quicker than as bool, and exactly so few.
            saturated = states.index_select(0, places).abs_().gt_(SATURATED[self._averaging.state])
            self._saturated_WH[direction] += saturated.sum(dim=0).long()
        if (clip := self._averaging.clip) is not None:
            states.clamp_(-clip, clip)
        starts_N = torch.arange(len(words_N)) % _FLOAT32_TERMS == 0
        starts_N[1:] |= words_N[1:] != words_N[:-1]
        starts = starts_N.nonzero().squeeze(1)
        sums = embedding_bag(places_N[order_N], states, starts, mode="sum")
        self._sums_WVH[direction].index_add_(0, words_N[starts], sums.double())
        if direction == 0:
            self._counts_V += torch.bincount(words_N, minlength=len(self._counts_V))

    def table(self, words: tuple[str, ...]) -> EmbeddingTable:
        """The mean of each word that occurs. Uses the sums up."""
        occurring = self._counts_V.nonzero().squeeze(1)
        self._sums_WVH /= self._counts_V.clamp(min=1)[:, None]  # in place: they may be most of the memory
        means = [mean_VH.float()[occurring] for mean_VH in self._sums_WVH]
        vectors = self._combined(means).numpy()
        if (clip := self._averaging.clip) is not None:
            vectors = vectors.clip(-clip, clip)  # what rounding brought beyond it
        return EmbeddingTable(
            tuple(words[id] for id in occurring.tolist()), vectors, {"saturation": self._saturation()}
        )

    def _saturation(self) -> Mapping[str, Any]:
        """The share of the occurrences, of all words, at which a state was saturated before it was clipped."""
        shares_S = self._combined([saturated_H / self._counts_V.sum() for saturated_H in self._saturated_WH])
        return {
            "threshold": SATURATED[self._averaging.state],
            "mean": shares_S.mean().item(),
            "per_dimension": [round(share, 6) for share in shares_S.tolist()],
        }

    def _combined(self, both: list[Tensor]) -> Tensor:
        """What both directions have, as one row has it: forward first, or their mean."""
        return torch.cat(both, dim=-1) if self._averaging.combine == "concatenate" else torch.stack(both).mean(dim=0)
