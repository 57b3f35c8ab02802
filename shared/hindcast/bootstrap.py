"""What every bootstrap here has in common: how many resamples, from which seed, what seeds of training add to them, and
what is told of them.

B resamples, R models of a row (one for each seed of training).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]

RESAMPLES = 10_000
SEED = 20190915
"""Of all random draws: equal scores have equal intervals."""
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """The middle 95 % of the resamples."""

    low: float
    high: float

    @classmethod
    def of(cls, resampled_B: Reals) -> Self:
        """Of what each of B resamples gives."""
        tail = (1 - CONFIDENCE) / 2
        low, high = np.quantile(resampled_B, [tail, 1 - tail])
        return cls(float(low), float(high))


def scatter_of_seeds(rows: Sequence[Reals], resamples: int, seed: int = SEED) -> Reals:
    """[B] what other seeds of training might have added to the difference of the rows' means, or to the mean of the
    only one; zeros where no row has two.

    Draws from Student's t, scaled by the standard error over the seeds. (Resampling two or three seeds would make their
    scatter too small, by a third with three.) The scatter of two rows is pooled: 2 (R - 1) degrees of freedom instead
    of R - 1, without which two seeds would tell nothing.
    """
    degrees = sum(len(row_R) - 1 for row_R in rows)
    if degrees == 0:
        return np.zeros(resamples)
    variance = sum(float(((row_R - row_R.mean()) ** 2).sum()) for row_R in rows) / degrees
    error = np.sqrt(variance * sum(1 / len(row_R) for row_R in rows))
    scatter_B: Reals = error * np.random.default_rng([seed, 1]).standard_t(degrees, resamples)
    return scatter_B


def p_of(resampled_B: Reals, seen: float) -> float:
    """Two-sided: how often resamples lie at least so far from what was seen as that lies from no difference (their
    distribution, shifted to where there is none). Never below 1 / (B + 1); 1 where nothing differs."""
    extreme = int(np.count_nonzero(np.abs(resampled_B - seen) >= abs(seen)))
    return (1 + extreme) / (1 + len(resampled_B))
