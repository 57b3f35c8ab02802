"""What every bootstrap here has in common: how many resamples, from which seed, and what is told of them."""

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
