"""The exact softmax loss, without ever holding tokens × vocabulary.

Shapes: N tokens, H hidden units, V words, C tokens of one chunk.
"""

from typing import Any

import torch
from torch import Tensor

IGNORED = -1
"""A target that is padding: it has no loss and no gradient."""

CHUNK_TOKENS = 128


def softmax_cross_entropy(
    hidden_NH: Tensor, weight_VH: Tensor, bias_V: Tensor, targets_N: Tensor, *, chunk: int = CHUNK_TOKENS
) -> Tensor:
    """The sum over all tokens of -log softmax(hidden · weightᵀ + bias)[target], in nats.

    Walks over the tokens in chunks and takes the gradients of all three inputs on the way, so that memory beyond
    the gradients is chunk × V. Targets of -1 are padding.
    """
    loss: Tensor = _SoftmaxCrossEntropy.apply(hidden_NH, weight_VH, bias_V, targets_N, chunk)  # type: ignore[no-untyped-call]
    return loss


def target_log_probs(
    hidden_NH: Tensor, weight_VH: Tensor, bias_V: Tensor, targets_N: Tensor, *, chunk: int = CHUNK_TOKENS
) -> Tensor:
    """[N] log softmax(hidden · weightᵀ + bias)[target] in nats, chunk × V at a time; 0 where the target is -1."""
    log_probs = [
        _log_probs_of(torch.addmm(bias_V, hidden_CH, weight_VH.t()), targets_C)
        for hidden_CH, targets_C in zip(hidden_NH.split(chunk), targets_N.split(chunk), strict=True)
    ]
    return torch.cat(log_probs) if log_probs else hidden_NH.new_zeros(0)


def _log_probs_of(logits_CV: Tensor, targets_C: Tensor) -> Tensor:
    chosen_C = logits_CV.gather(1, targets_C.clamp(min=0)[:, None]).squeeze(1)
    return (chosen_C - logits_CV.logsumexp(dim=1)).masked_fill(targets_C == IGNORED, 0.0)


class _SoftmaxCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden_NH: Tensor, weight_VH: Tensor, bias_V: Tensor, targets_N: Tensor, chunk: int
    ) -> Tensor:
        grad_weight_VH, grad_bias_V = torch.zeros_like(weight_VH), torch.zeros_like(bias_V)
        grad_hidden_NH = torch.empty_like(hidden_NH)
        loss = torch.zeros((), dtype=torch.float64)
        for start in range(0, len(targets_N), chunk):
            hidden_CH, targets_C = hidden_NH[start : start + chunk], targets_N[start : start + chunk]
            logits_CV = torch.addmm(bias_V, hidden_CH, weight_VH.t())
            loss -= _log_probs_of(logits_CV, targets_C).sum(dtype=torch.float64)
            errors_CV = torch.softmax(logits_CV, dim=1)
            rows_C = torch.arange(len(targets_C))
            errors_CV[rows_C, targets_C.clamp(min=0)] -= 1.0
            errors_CV[targets_C == IGNORED] = 0.0
            torch.mm(errors_CV, weight_VH, out=grad_hidden_NH[start : start + chunk])
            grad_weight_VH.addmm_(errors_CV.t(), hidden_CH)
            grad_bias_V += errors_CV.sum(dim=0)
        ctx.gradients = (grad_hidden_NH, grad_weight_VH, grad_bias_V)
        return loss.to(hidden_NH.dtype)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        (scale,) = grad_outputs
        gradients = ctx.gradients
        return *(gradient * scale for gradient in gradients), None, None
