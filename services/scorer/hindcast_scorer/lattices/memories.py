"""What a model remembers after the words of many paths; paths with equal words share it."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hindcast.lm.prefix_tree import ReadingPoint
from hindcast.lm.single_precision import SinglePrecisionModel
from hindcast_scorer.state_rows import StateRows

Reals = npt.NDArray[np.float64]


class Memories:
    """Rows of memory, each there as long as somebody holds it. Row 0 is where paths begin, and is held once.

    In lattices most states differ in times or fillers, not in words: each sequence of words is read once, and the sum
    over the vocabulary after it is taken once, however many states and links ask for it.
    """

    def __init__(self, model: SinglePrecisionModel, start: ReadingPoint, *, normalize: bool = True) -> None:
        """See `StateRows`."""
        self._rows = StateRows(model, start, normalize=normalize)
        self._row_after: dict[tuple[int, int], int] = {}
        """By a row and the word that was read after it."""
        self._came_from: dict[int, tuple[int, int]] = {}
        self._words_after = defaultdict[int, set[int]](set)

    def __len__(self) -> int:
        """How many are held."""
        return len(self._rows)

    def hold(self, row: int) -> int:
        """The same row, held once more."""
        self._rows.hold([row])
        return row

    def release(self, row: int) -> None:
        """Held once less; it's gone when nobody holds it."""
        if not self._rows.let_go([row]):
            return
        origin = self._came_from.pop(row, None)
        if origin is not None and self._row_after.get(origin) == row:
            del self._row_after[origin]
        for word in self._words_after.pop(row, ()):
            self._row_after.pop((row, word), None)

    def after(self, rows_and_words: Sequence[tuple[int, int]]) -> list[int]:
        """For each row and word, the row after it, held once more. Those that aren't there are read in one batch."""
        new = {pair for pair in rows_and_words if pair not in self._row_after}
        if new:
            self._read(sorted(new))
        after = [self._row_after[pair] for pair in rows_and_words]
        self._rows.hold(after)
        # Reading held what is new once, for it to be there until now.
        self._rows.let_go([self._row_after[pair] for pair in new])
        return after

    def log_probs(self, rows: Sequence[int], words: Sequence[int]) -> Reals:
        """Natural-log probability of each word after the row beside it."""
        return self._rows.log_probs(np.array(rows, dtype=np.int64), np.array(words, dtype=np.int64))

    def _read(self, pairs: Sequence[tuple[int, int]]) -> None:
        before, words = zip(*pairs, strict=True)
        for row, (origin, word) in zip(self._rows.step(before, words), pairs, strict=True):
            self._row_after[origin, word] = row
            self._came_from[row] = origin, word
            self._words_after[origin].add(word)
