"""Reading what comes before a word, and remembering where the last such texts led to."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hindcast.lm.base import LanguageModel, State
from hindcast.text.vocabulary import END_ID

Integers = npt.NDArray[np.int64]

_STEPS = 128
LONGEST = 4096
"""Tokens of a text that is remembered; reading a longer one is rare, and its tokens would take more than its state."""


@dataclass(frozen=True)
class _Place:
    """Where a text led to."""

    tokens: tuple[int, ...]
    hidden_1H: Tensor
    state: State


@torch.no_grad()
def read_on(model: LanguageModel, tokens: Sequence[int], state: State | None = None) -> tuple[Tensor, State]:
    """[1, H] hidden state after some tokens, at least one, and the state there; from where a text begins if there is no
    `state`."""
    state = model.start_state(1) if state is None else state
    for block_T1 in torch.tensor(tokens)[:, None].split(_STEPS):
        hidden_T1H, state = model.run(block_T1, state)
    return hidden_T1H[-1].clone(), state


class Reader:
    """Reads texts with one model. Who asks about a text again, or goes on from it, waits for what is new alone."""

    def __init__(self, model: LanguageModel, *, remembered: int = 256) -> None:
        self._model = model
        self._remembered = remembered
        self._lock = threading.Lock()
        self._places: OrderedDict[int, _Place] = OrderedDict()
        """By a hash of their tokens, the one used longest ago first."""

    def read(self, prefix_N: Integers) -> Tensor:
        """[1, H] hidden state after `</s>` and the tokens of a prefix: what `log_probs` and `ranks` take."""
        tokens = tuple(prefix_N.tolist())
        place = self._furthest(tokens)
        known = 0 if place is None else len(place.tokens)
        if place is None or known < len(tokens):
            place = self._read_on(place, tokens)
            if len(tokens) <= LONGEST:
                self._remember(place)
        return place.hidden_1H

    def _read_on(self, place: _Place | None, tokens: tuple[int, ...]) -> _Place:
        if place is None:
            return _Place(tokens, *read_on(self._model, (END_ID, *tokens)))
        return _Place(tokens, *read_on(self._model, tokens[len(place.tokens) :], place.state))

    def _furthest(self, tokens: tuple[int, ...]) -> _Place | None:
        """The longest beginning that is remembered."""
        furthest = None
        with self._lock:
            for key in _hashes(tokens[:LONGEST]):
                place = self._places.get(key)
                if place is not None and place.tokens == tokens[: len(place.tokens)]:
                    self._places.move_to_end(key)
                    furthest = place
        return furthest

    def _remember(self, place: _Place) -> None:
        *_, key = _hashes(place.tokens)
        with self._lock:
            self._places[key] = place
            self._places.move_to_end(key)
            if len(self._places) > self._remembered:
                self._places.popitem(last=False)


def _hashes(tokens: tuple[int, ...]) -> list[int]:
    """Of each beginning, the empty one first."""
    hashes = [0]
    for token in tokens:
        hashes.append(hash((hashes[-1], token)))
    return hashes
