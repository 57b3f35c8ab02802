"""What gradcheck takes: it refuses gradients that are sparse."""

from typing import Any

import torch
from torch import Tensor


def with_dense_gradient(tensor: Tensor) -> Tensor:
    """The same tensor, to which a sparse gradient comes back with all its zeros."""
    same: Tensor = _WithDenseGradient.apply(tensor)  # type: ignore[no-untyped-call]
    return same


class _WithDenseGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        return tensor.view_as(tensor)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        (gradient,) = grad_outputs
        return gradient.to_dense() if gradient.is_sparse else gradient
