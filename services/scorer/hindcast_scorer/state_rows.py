"""Where a language model's states lie side by side, each for as long as somebody holds it.

Shapes: S rows, B rows that are added, E pairs of a row and a word, L layers, H units, P what words are predicted from.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hindcast.lm.base import State
from hindcast.lm.prefix_tree import ReadingPoint
from hindcast.lm.single_precision import SinglePrecisionModel

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
        self._hidden_SP = start.hidden_RP.new_empty(0, start.hidden_RP.shape[1])
        self._parts_LSH = [part.new_empty(len(part), 0, part.shape[2]) for part in start.state]
        self._log_z_S: Reals = np.empty(0)
        """NaN where nobody asked for it yet."""
        self._holders_S: Integers = np.empty(0, dtype=np.int64)
        self._free: list[int] = []
        self.add(start.hidden_RP[:1], tuple(part[:, :1] for part in start.state))

    def __len__(self) -> int:
        """How many are held."""
        return len(self._holders_S) - len(self._free)

    def add(self, hidden_BP: Tensor, state: State) -> list[int]:
        """Rows with these numbers, each held once."""
        while len(self._free) < len(hidden_BP):
            self._grow()
        rows = [self._free.pop() for _ in range(len(hidden_BP))]
        rows_B = torch.tensor(rows)
        self._hidden_SP[rows_B] = hidden_BP
        for part_LSH, part_LBH in zip(self._parts_LSH, state, strict=True):
            part_LSH[:, rows_B] = part_LBH
        self._log_z_S[rows] = np.nan
        self._holders_S[rows] = 1
        return rows

    def step(self, rows: Sequence[int], words: Sequence[int]) -> list[int]:
        """New rows, each held once: what there is after reading a word in each of these."""
        rows_B = torch.tensor(rows)
        hidden_BP, state = self._model.step(
            torch.tensor(words), tuple(part_LSH[:, rows_B] for part_LSH in self._parts_LSH)
        )
        return self.add(hidden_BP, state)

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

    def hidden(self, rows_N: Integers) -> Tensor:
        """[N, P]"""
        return self._hidden_SP[torch.from_numpy(rows_N)]

    def log_probs(self, rows_E: Integers, words_E: Integers) -> Reals:
        """[E] natural-log probability of each word after the row beside it."""
        rows_N, places_E = np.unique(rows_E, return_inverse=True)
        hidden_NP = self.hidden(rows_N)
        logits_E: Reals = self._model.logits(hidden_NP, torch.from_numpy(places_E), torch.from_numpy(words_E)).numpy()
        return logits_E - self._log_normalizers(rows_N, hidden_NP)[places_E] if self._normalize else logits_E

    def _log_normalizers(self, rows_N: Integers, hidden_NP: Tensor) -> Reals:
        log_z_N = self._log_z_S[rows_N]
        if (new := np.flatnonzero(np.isnan(log_z_N))).size:
            log_z_N[new] = self._model.log_normalizers(hidden_NP[torch.from_numpy(new)]).numpy()
            self._log_z_S[rows_N] = log_z_N
        return log_z_N

    def _grow(self) -> None:
        """Half as many again."""
        there = len(self._holders_S)
        new = max(_FIRST_ROWS, there // 2)
        self._hidden_SP = torch.cat([self._hidden_SP, self._hidden_SP.new_empty(new, self._hidden_SP.shape[1])])
        self._parts_LSH = [
            torch.cat([part_LSH, part_LSH.new_empty(len(part_LSH), new, part_LSH.shape[2])], dim=1)
            for part_LSH in self._parts_LSH
        ]
        self._log_z_S = np.concatenate([self._log_z_S, np.full(new, np.nan)])
        self._holders_S = np.concatenate([self._holders_S, np.zeros(new, dtype=np.int64)])
        self._free += reversed(range(there, there + new))
