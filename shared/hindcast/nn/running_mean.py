"""A figure of the latest batches that a checkpoint keeps."""

import math

import torch
from torch import Tensor, nn

_SMOOTHING = 0.02


class RunningMean(nn.Module):
    """A mean over about the last hundred batches. A buffer, and so part of what `fit` saves; of no model's weights."""

    _value: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("_value", torch.tensor(math.nan, dtype=torch.float64), persistent=False)

    def add(self, figure: float) -> None:
        """Of one more batch."""
        before = self.value
        self._value.fill_(figure if before is None else before + _SMOOTHING * (figure - before))

    @property
    def value(self) -> float | None:
        """None before the first."""
        value = float(self._value)
        return None if math.isnan(value) else value
