"""What a model remembers after the words of many paths; paths with equal words share it.

Shapes: R rows of memory, N of them, E words to predict, P what words are predicted from, H units.
"""

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor

from hindcast.lm.base import State
from hindcast.lm.prefix_tree import ReadingPoint
from hindcast.lm.single_precision import SinglePrecisionModel
from hindcast.text.vocabulary import END_ID

_FIRST_ROWS = 256


class Memories:
    """Rows of memory, each there as long as somebody holds it. Row 0 is where paths begin, and is held once.

    In lattices most states differ in times or fillers, not in words: each sequence of words is read once, and the sum
    over the vocabulary after it is taken once, however many states and links ask for it.
    """

    def __init__(self, model: SinglePrecisionModel, start: ReadingPoint, *, normalize: bool = True) -> None:
        """`normalize=False` takes logits for log-probabilities, as a self-normalised model allows."""
        self._model, self._normalize = model, normalize
        self._hidden_RP = start.hidden_RP[:1]
        self._state: State = tuple(part[:, :1] for part in start.state)
        self._log_sum_R = torch.full((1,), torch.nan, dtype=torch.float64)
        self._holders = [1]
        self._free: list[int] = []
        self._row_after: dict[tuple[int, int], int] = {}
        """By a row and the word that was read after it."""
        self._came_from: dict[int, tuple[int, int]] = {}
        self._words_after = defaultdict[int, set[int]](set)
        self._grow(_FIRST_ROWS)

    def __len__(self) -> int:
        """How many are held."""
        return len(self._holders) - len(self._free)

    def hold(self, row: int) -> int:
        """The same row, held once more."""
        self._holders[row] += 1
        return row

    def release(self, row: int) -> None:
        """Held once less; it's gone when nobody holds it."""
        self._holders[row] -= 1
        if self._holders[row]:
            return
        origin = self._came_from.pop(row, None)
        if origin is not None and self._row_after.get(origin) == row:
            del self._row_after[origin]
        for word in self._words_after.pop(row, ()):
            self._row_after.pop((row, word), None)
        self._free.append(row)

    def after(self, rows_and_words: Sequence[tuple[int, int]]) -> list[int]:
        """For each row and word, the row after it, held once more. Those that aren't there are read in one batch."""
        new = [pair for pair in dict.fromkeys(rows_and_words) if pair not in self._row_after]
        if new:
            self._read(new)
        return [self.hold(self._row_after[pair]) for pair in rows_and_words]

    def log_probs(self, rows: Sequence[int], words: Sequence[int]) -> Tensor:
        """[E] float64: natural-log probability of each word after the row beside it."""
        rows_E, words_E = torch.tensor(rows, dtype=torch.int64), torch.tensor(words, dtype=torch.int64)
        logits_E = self._model.log_probs(self._hidden_RP, rows_E, words_E, normalize=False)
        if not self._normalize:
            return logits_E
        unsummed_N = torch.unique(rows_E[self._log_sum_R[rows_E].isnan()])
        if len(unsummed_N):
            self._log_sum_R[unsummed_N] = self._log_sums(self._hidden_RP[unsummed_N])
        return logits_E - self._log_sum_R[rows_E]

    def _log_sums(self, hidden_NP: Tensor) -> Tensor:
        """[N] float64: what any word's logit exceeds its log-probability by."""
        rows_N = torch.arange(len(hidden_NP))
        end_N = torch.full_like(rows_N, END_ID)
        logits_N, log_probs_N = (
            self._model.log_probs(hidden_NP, rows_N, end_N, normalize=normalize) for normalize in (False, True)
        )
        return logits_N - log_probs_N

    def _read(self, pairs: Sequence[tuple[int, int]]) -> None:
        while len(self._free) < len(pairs):
            self._grow(2 * len(self._holders))
        before_N = torch.tensor([row for row, _ in pairs])
        words_N = torch.tensor([word for _, word in pairs])
        hidden_NP, state = self._model.step(words_N, tuple(part[:, before_N] for part in self._state))
        rows = [self._free.pop() for _ in pairs]
        rows_N = torch.tensor(rows)
        self._hidden_RP[rows_N] = hidden_NP
        for part, new in zip(self._state, state, strict=True):
            part[:, rows_N] = new
        self._log_sum_R[rows_N] = torch.nan
        for row, (before, word) in zip(rows, pairs, strict=True):
            self._row_after[before, word] = row
            self._came_from[row] = before, word
            self._words_after[before].add(word)

    def _grow(self, rows: int) -> None:
        more = rows - len(self._holders)
        self._hidden_RP = torch.cat([self._hidden_RP, self._hidden_RP.new_zeros(more, self._hidden_RP.shape[1])])
        self._state = tuple(
            torch.cat([part, part.new_zeros(part.shape[0], more, part.shape[2])], dim=1) for part in self._state
        )
        self._log_sum_R = torch.cat([self._log_sum_R, self._log_sum_R.new_full((more,), torch.nan)])
        self._free += range(rows - 1, len(self._holders) - 1, -1)
        self._holders += [0] * more
