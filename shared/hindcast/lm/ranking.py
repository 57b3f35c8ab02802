"""Exact ranks of a few words of a long text. Whatever precedes several of them is read once.

Shapes: T time, B lanes, N words of one block, P words that are asked for, H hidden units.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch

from hindcast.lm.base import LanguageModel
from hindcast.text.corpus import EncodedText
from hindcast.text.vocabulary import END_ID

Integers = npt.NDArray[np.int64]

_LANES = 64
_STEPS = 128


def ranks_at(
    model: LanguageModel, text: EncodedText, positions_P: Integers, starts_P: Integers
) -> Iterator[tuple[Integers, Integers]]:
    """Ranks of the words at these positions of a text, each after the text since its start (and `</s>` before that).

    Yields, for some of them at a time, which they are and their ranks: 1 + the number of words strictly more probable.
    """
    starts, lane_P = np.unique(starts_P, return_inverse=True)
    lengths = np.zeros(len(starts), dtype=np.int64)
    np.maximum.at(lengths, lane_P, positions_P - starts_P + 1)
    longest_first = np.argsort(-lengths, kind="stable")
    for first in range(0, len(starts), _LANES):
        group = longest_first[first : first + _LANES]
        lane_of = np.full(len(starts), -1)
        lane_of[group] = np.arange(len(group))
        asked = np.flatnonzero(lane_of[lane_P] >= 0)
        lanes = [
            text.tokens(start, start + length) for start, length in zip(starts[group], lengths[group], strict=True)
        ]
        yield asked, _ranks_in_lanes(model, lanes, positions_P[asked] - starts_P[asked], lane_of[lane_P[asked]])


@torch.no_grad()
def _ranks_in_lanes(model: LanguageModel, lanes: Sequence[Integers], step_P: Integers, lane_P: Integers) -> Integers:
    """[P] ranks of the tokens at these steps of these lanes; the longest lane is first."""
    inputs_TB = np.full((len(lanes[0]), len(lanes)), END_ID, dtype=np.int64)
    for lane, tokens in enumerate(lanes):
        inputs_TB[1 : len(tokens), lane] = tokens[:-1]
    words_TB = torch.from_numpy(inputs_TB)
    lengths = np.array([len(tokens) for tokens in lanes])
    ranks_P = np.empty(len(step_P), dtype=np.int64)
    state = model.start_state(len(lanes))
    for start in range(0, len(words_TB), _STEPS):
        reading = int(np.count_nonzero(lengths > start))
        state = tuple(tensor[:, :reading].contiguous() for tensor in state)
        hidden_TBH, state = model.run(words_TB[start : start + _STEPS, :reading], state)
        here = np.flatnonzero((step_P >= start) & (step_P < start + _STEPS))
        if not len(here):
            continue
        hidden_NH = hidden_TBH[torch.from_numpy(step_P[here] - start), torch.from_numpy(lane_P[here])]
        targets_N = np.array([lanes[lane_P[index]][step_P[index]] for index in here])
        ranks_P[here] = model.ranks(hidden_NH, torch.from_numpy(targets_N))[0].numpy()
    return ranks_P
