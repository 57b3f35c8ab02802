"""Adam for embeddings of which a step touches a few rows: what isn't touched costs nothing.

Shapes: V rows, D their size, R rows touched by one step.
"""

import torch
from torch import nn


class RowAdam:
    """Adam [27] by rows, for a parameter whose gradient is sparse (`nn.Embedding(..., sparse=True)`).

    Each row counts its own steps, so that the bias of its moments is corrected by how often it was seen: a rare
    word's first step is as long as a frequent word's was.
    """

    def __init__(self, weight: nn.Parameter, *, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8) -> None:
        self.weight = weight
        self.betas = betas
        self.eps = eps
        self.state = {
            "exp_avg": torch.zeros_like(weight),
            "exp_avg_sq": torch.zeros_like(weight),
            "steps": torch.zeros_like(weight[:, 0]),
        }

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Move the rows that `weight.grad` (sparse, coalesced) has; nothing happens without a gradient."""
        gradient = self.weight.grad
        if gradient is None:
            return
        rows_R, gradient_RD = gradient._indices()[0], gradient._values()
        steps_R = self.state["steps"][rows_R] + 1.0
        first_RD = self.state["exp_avg"][rows_R].lerp_(gradient_RD, 1.0 - self.betas[0])
        second_RD = self.state["exp_avg_sq"][rows_R].lerp_(gradient_RD.square(), 1.0 - self.betas[1])
        self.state["steps"][rows_R] = steps_R
        self.state["exp_avg"][rows_R] = first_RD
        self.state["exp_avg_sq"][rows_R] = second_RD
        correct_first_R, correct_second_R = (1.0 - beta**steps_R for beta in self.betas)
        deviation_RD = second_RD.div_(correct_second_R[:, None]).sqrt_().add_(self.eps)
        step_RD = first_RD.div_(correct_first_R[:, None]).div_(deviation_RD)
        self.weight.index_add_(0, rows_R, step_RD, alpha=-learning_rate)
