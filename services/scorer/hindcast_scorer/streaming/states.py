"""What a decoder has read so far, many times over: a bounded store of a language model's states.

Shapes: E pairs of a state and a word, N states that are asked about, P what words are predicted from, K most probable
words.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hindcast.lm.base import History
from hindcast.lm.prefix_tree import ReadingPoint
from hindcast.lm.single_precision import SinglePrecisionModel
from hindcast.text.vocabulary import END_ID
from hindcast_scorer.state_rows import StateRows

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

EVICTED = -1
"""In the place of a state: it was there, and was evicted or released."""
UNKNOWN = -2
"""In the place of a state: it was never given."""

_START = 0
"""The row where a text begins."""
_READ = -1
"""In the place of a word: nothing is left to be read."""
_LANES = 1024
"""Advanced side by side, so that their gates take no more than some tens of megabytes."""
_OVERHEAD_BYTES = 250
"""Of a state, beside its numbers."""


@dataclass(frozen=True)
class Scored:
    """What pairs of a state and a word get."""

    states_E: Integers
    """After the word; EVICTED or UNKNOWN where there was none before it."""
    log_probs_E: Reals
    """Natural logs; NaN where there was no state."""


@dataclass(frozen=True)
class Best:
    """The most probable words after some states."""

    states_N: Integers
    """As they were asked for; EVICTED or UNKNOWN in the place of those that aren't there."""
    words_NK: Integers
    log_probs_NK: Reals
    """Natural logs; both are meaningless where there was no state."""


class States:
    """States by small integers that are never given twice. When there are more than `capacity`, the ones used longest
    ago are evicted, which is counted.

    A new state costs nothing: it is remembered as a word that is yet to be read from its parent's numbers. What a
    decoder prunes is never read. Only when it is asked about, a step of the LSTM reads that word, and one product with
    the whole vocabulary gives its log-normaliser; both are kept, so that every further word costs one short product.
    A state holds one row of numbers, its own or its parent's: there are no more rows than states.
    """

    def __init__(
        self,
        model: SinglePrecisionModel,
        start: ReadingPoint,
        *,
        capacity: int,
        history: History,
        normalize: bool = True,
    ) -> None:
        """`start`: where a text begins; with history sentence that is also where every `</s>` leads. `normalize=False`
        takes a self-normalised model's logits for log-probabilities."""
        self.capacity = capacity
        self.evicted = 0
        self._model = model
        self._normalize = normalize
        self._history = history
        self._states: OrderedDict[int, tuple[int, int]] = OrderedDict()
        """Row, and word that is to be read from there; the one used longest ago first."""
        self._given = 0
        self._rows = StateRows(model, start, normalize=normalize)

    @staticmethod
    def bytes_of(model: SinglePrecisionModel) -> int:
        """What one state takes, about."""
        sizes = model.specification
        predicting_size = sizes.input_size if sizes.tied else sizes.hidden_size
        return 4 * (2 * sizes.layers * sizes.hidden_size + predicting_size) + _OVERHEAD_BYTES

    def __len__(self) -> int:
        return len(self._states)

    def begin(self, point: ReadingPoint | None = None) -> int:
        """A state where a text begins, or at another point of one."""
        if point is None:
            self._rows.hold([_START])
            return self._add([_START], [_READ])[0]
        return self._add(self._rows.add(point.hidden_RP, point.state), [_READ])[0]

    def score(self, states_E: Sequence[int], words_E: Integers) -> Scored:
        """Log-probability of each word after its state, and the state after it. No more than `capacity` // 2 pairs."""
        assert len(states_E) <= self.capacity // 2, "what is given here must not evict what is given here"
        rows_E = self._read(states_E)
        after_E, log_probs_E = rows_E.copy(), np.full(len(rows_E), np.nan)
        found = np.flatnonzero(rows_E >= 0)
        log_probs_E[found] = self._rows.log_probs(rows_E[found], words_E[found])
        after_E[found] = self._after(rows_E[found], words_E[found])
        return Scored(after_E, log_probs_E)

    def most_probable(self, states_N: Sequence[int], k: int) -> Best:
        """The k most probable words after each state."""
        rows_N = self._read(states_N)
        log_probs_NK, words_NK = np.full((len(rows_N), k), np.nan), np.zeros((len(rows_N), k), dtype=np.int64)
        if (found := np.flatnonzero(rows_N >= 0)).size:
            hidden_NP = self._rows.hidden(rows_N[found])
            log_probs_NK[found], words_NK[found] = self._model.most_probable(hidden_NP, k, normalize=self._normalize)
        return Best(np.where(rows_N < 0, rows_N, np.asarray(states_N, dtype=np.int64)), words_NK, log_probs_NK)

    def release(self, states: Sequence[int]) -> int:
        """Forget them; how many were there."""
        rows = [self._states.pop(state)[0] for state in dict.fromkeys(states) if state in self._states]
        self._rows.let_go(rows)
        return len(rows)

    def _after(self, rows_E: Integers, words_E: Integers) -> Sequence[int]:
        """New states, after words that are read when it matters."""
        if self._history == "sentence":
            ended_E = words_E == END_ID
            rows_E, words_E = np.where(ended_E, _START, rows_E), np.where(ended_E, _READ, words_E)
        self._rows.hold(rows_E)
        return self._add(rows_E.tolist(), words_E.tolist())

    def _add(self, rows: Sequence[int], words: Sequence[int]) -> Sequence[int]:
        new = range(self._given, self._given + len(rows))
        self._given = new.stop
        self._states.update(zip(new, zip(rows, words, strict=True), strict=True))
        if (excess := len(self._states) - self.capacity) > 0:
            self._rows.let_go([self._states.popitem(last=False)[1][0] for _ in range(excess)])
            self.evicted += excess
        return new

    def _read(self, states: Sequence[int]) -> Integers:
        """Where the numbers of each state are, which they are after this; EVICTED, UNKNOWN."""
        distinct = dict.fromkeys(states)
        unread: dict[tuple[int, int], list[int]] = {}
        for state in distinct:
            if state in self._states:
                self._states.move_to_end(state)
                place = self._states[state]
                if place[1] != _READ:
                    unread.setdefault(place, []).append(state)
        places = list(unread)
        for first in range(0, len(places), _LANES):
            self._read_words({place: unread[place] for place in places[first : first + _LANES]})
        row_of = {state: self._row(state) for state in distinct}
        return np.array([row_of[state] for state in states], dtype=np.int64)

    def _read_words(self, unread: dict[tuple[int, int], list[int]]) -> None:
        """Read each of these words from its row, for the states that wait for that."""
        rows = self._rows.step(*zip(*unread, strict=True))
        self._rows.let_go([row for (row, _), waiting in unread.items() for _ in waiting])
        self._rows.hold([row for row, waiting in zip(rows, unread.values(), strict=True) for _ in waiting[1:]])
        for row, waiting in zip(rows, unread.values(), strict=True):
            self._states.update(dict.fromkeys(waiting, (row, _READ)))

    def _row(self, state: int) -> int:
        if state in self._states:
            return self._states[state][0]
        return EVICTED if 0 <= state < self._given else UNKNOWN
