"""Where a language model's states lie side by side, each for as long as somebody holds it.

Shapes: S rows, B rows that are added, E pairs of a row and a word, L layers, H units, P what words are predicted from.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hindcast.lm.prefix_tree import ReadingPoint
from hindcast.lm.single_precision import QuickState, SinglePrecisionModel, Singles

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

_FIRST_ROWS = 64


class StateRows:
    """The numbers of states. A row that nobody holds any more is taken for the next one.

    A state's log-normaliser costs a product with the whole vocabulary: it is taken when first asked for, and kept.
    """

    def __init__(self, model: SinglePrecisionModel, start: ReadingPoint, *, normalize: bool = True) -> None:
        """`start` is row 0, held once. `normalize=False` takes logits for log-probabilities, as a self-normalised model
        allows."""
        self._model, self._normalize = model, normalize
        self._hidden_SP = start.hidden_RP[:0]
        self._state: QuickState = (start.state[0][:, :0], start.state[1][:, :0])
        """Each [L, S, H]."""
        self._log_z_S: Reals = np.empty(0)
        """NaN where nobody asked for it yet."""
        self._holders_S: Integers = np.empty(0, dtype=np.int64)
        self._free: list[int] = []
        self.add(start.hidden_RP[:1], (start.state[0][:, :1], start.state[1][:, :1]))

    def __len__(self) -> int:
        """How many are held."""
        return len(self._holders_S) - len(self._free)

    def add(self, hidden_BP: Singles, state: QuickState) -> list[int]:
        """Rows with these numbers, each held once."""
        while len(self._free) < len(hidden_BP):
            self._grow()
        rows = [self._free.pop() for _ in range(len(hidden_BP))]
        self._hidden_SP[rows] = hidden_BP
        for part_LSH, part_LBH in zip(self._state, state, strict=True):
            part_LSH[:, rows] = part_LBH
        self._log_z_S[rows] = np.nan
        self._holders_S[rows] = 1
        return rows

    def step(self, rows: Sequence[int], words: Sequence[int]) -> list[int]:
        """New rows, each held once: what there is after reading a word in each of these."""
        hidden_LSH, cell_LSH = self._state
        before = hidden_LSH.take(rows, axis=1), cell_LSH.take(rows, axis=1)
        return self.add(*self._model.step(np.array(words, dtype=np.int64), before))

    def hold(self, rows: Integers | Sequence[int]) -> None:
        """One holder more, each time that a row stands there."""
        np.add.at(self._holders_S, np.asarray(rows, dtype=np.int64), 1)

    def let_go(self, rows: Sequence[int]) -> list[int]:
        """One holder less, each time that a row stands there; the rows that nobody holds any more."""
        rows_N = np.asarray(rows, dtype=np.int64)
        np.subtract.at(self._holders_S, rows_N, 1)
        touched = np.unique(rows_N)
        gone: list[int] = touched[self._holders_S[touched] == 0].tolist()
        self._free += gone
        return gone

    def hidden(self, rows_N: Integers) -> Singles:
        """[N, P]"""
        return self._hidden_SP.take(rows_N, axis=0)

    def log_probs(self, rows_E: Integers, words_E: Integers) -> Reals:
        """[E] natural-log probability of each word after the row beside it."""
        rows_N, places_E = np.unique(rows_E, return_inverse=True)
        hidden_NP = self.hidden(rows_N)
        logits_E = self._model.logits(hidden_NP, places_E, words_E)
        return logits_E - self._log_normalizers(rows_N, hidden_NP)[places_E] if self._normalize else logits_E

    def _log_normalizers(self, rows_N: Integers, hidden_NP: Singles) -> Reals:
        log_z_N = self._log_z_S[rows_N]
        if (new := np.flatnonzero(np.isnan(log_z_N))).size:
            log_z_N[new] = self._model.log_normalizers(hidden_NP[new])
            self._log_z_S[rows_N] = log_z_N
        return log_z_N

    def _grow(self) -> None:
        """Half as many again."""
        there = len(self._holders_S)
        new = max(_FIRST_ROWS, there // 2)
        self._hidden_SP = _longer(self._hidden_SP, new, axis=0)
        self._state = (_longer(self._state[0], new, axis=1), _longer(self._state[1], new, axis=1))
        self._log_z_S = np.concatenate([self._log_z_S, np.full(new, np.nan)])
        self._holders_S = np.concatenate([self._holders_S, np.zeros(new, dtype=np.int64)])
        self._free += reversed(range(there, there + new))


def _longer(numbers: Singles, new: int, *, axis: int) -> Singles:
    """With so many new rows, of anything, at the end."""
    shape = list(numbers.shape)
    shape[axis] = new
    return np.concatenate([numbers, np.empty(shape, dtype=numbers.dtype)], axis=axis)
