"""Adam (Kingma and Ba, 2015, algorithm 1), for a network whose large layers are touched a few rows at a time.

torch's own `Adam` and `SparseAdam` compute the same to the bit (a test holds ours to that), but bring in torch's
compiler, which takes a process as long to load as the rest of torch, and need two optimizers for one network.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8


@dataclass
class Moments:
    """What Adam remembers of a parameter."""

    step: Tensor
    """Scalar, float32: steps that this parameter took. On its device, where the fused kernel wants it."""
    exp_avg: Tensor
    """Running mean of its gradients, of the parameter's shape."""
    exp_avg_sq: Tensor
    """Running mean of their squares, of the parameter's shape."""


class Adam:
    """Moves parameters against their gradients. Where a gradient is sparse (coalesced, its indices rows), only the rows
    that it has move, and only their moments decay: "lazy" Adam, as torch's `SparseAdam`."""

    def __init__(self, parameters: Iterable[nn.Parameter], *, learning_rate: float) -> None:
        self.parameters = list(parameters)
        self.learning_rate = learning_rate
        self.moments: dict[nn.Parameter, Moments] = {}
        """A parameter that never had a gradient has no entry."""

    @torch.no_grad()
    def step(self) -> None:
        """Move each parameter that has a gradient."""
        dense: list[tuple[nn.Parameter, Tensor, Moments]] = []
        for parameter in self.parameters:
            gradient = parameter.grad
            if gradient is None:
                continue
            moments = self.moments.get(parameter)
            if moments is None:
                moments = self.moments[parameter] = _nothing_yet(parameter)
            if gradient.is_sparse:
                self._move_rows(parameter, gradient, moments)
            else:
                dense.append((parameter, gradient, moments))
        self._move(dense)

    def _move(self, dense: list[tuple[nn.Parameter, Tensor, Moments]]) -> None:
        """All at once, in torch's fused kernel."""
        if dense:
            parameters, gradients, moments = (list(each) for each in zip(*dense, strict=True))
            adam(
                parameters,
                gradients,
                [each.exp_avg for each in moments],
                [each.exp_avg_sq for each in moments],
                [],
                [each.step for each in moments],
                fused=True,
                amsgrad=False,
                beta1=_BETA1,
                beta2=_BETA2,
                lr=self.learning_rate,
                weight_decay=0.0,
                eps=_EPSILON,
                maximize=False,
            )

    def _move_rows(self, parameter: nn.Parameter, gradient: Tensor, moments: Moments) -> None:
        """R rows of V, D numbers each."""
        (rows_R,), gradient_RD = gradient.indices(), gradient.values()
        moments.step += 1
        step = int(moments.step)
        mean_RD, square_RD = moments.exp_avg[rows_R], moments.exp_avg_sq[rows_R]
        mean_change_RD = gradient_RD.sub(mean_RD).mul_(1 - _BETA1)
        square_change_RD = gradient_RD.pow(2).sub_(square_RD).mul_(1 - _BETA2)
        moments.exp_avg.index_add_(0, rows_R, mean_change_RD)
        moments.exp_avg_sq.index_add_(0, rows_R, square_change_RD)
        numerator_RD = mean_change_RD.add_(mean_RD)
        denominator_RD = square_change_RD.add_(square_RD).sqrt_().add_(_EPSILON)
        step_size = self.learning_rate * math.sqrt(1 - _BETA2**step) / (1 - _BETA1**step)
        parameter.index_add_(0, rows_R, numerator_RD.div_(denominator_RD).mul_(-step_size))


def _nothing_yet(parameter: nn.Parameter) -> Moments:
    step = torch.zeros((), dtype=torch.float32, device=parameter.device)
    return Moments(step, torch.zeros_like(parameter), torch.zeros_like(parameter))
