"""The exact softmax loss, without ever holding tokens × vocabulary.

Shapes: N tokens, H hidden units, V words, C tokens of one chunk.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear

PADDING = -1
"""A target that stands for no token: it has no loss and no gradient."""

_CHUNK_LOGITS = 1 << 22
_SMALLEST_CERTAIN = 1e-30


def softmax_cross_entropy(
    hidden_NH: Tensor, weight_VH: Tensor, bias_V: Tensor, targets_N: Tensor, *, chunk: int | None = None
) -> Tensor:
    """The sum over all tokens of -log softmax(hidden · weightᵀ + bias)[target]: a scalar in nats, float64.

    Walks over the tokens `chunk` at a time (by default as many as a processor's cache has room for their logits) and
    takes the gradients of all three inputs on the way: beyond the gradients, it needs memory for chunk × V numbers.
    """
    token_N = targets_N != PADDING
    if not bool(token_N.all()):
        hidden_NH, targets_N = hidden_NH[token_N], targets_N[token_N]
    chunk = chunk or chunk_tokens(len(weight_VH))
    if not torch.is_grad_enabled():
        return -target_log_probs(hidden_NH, weight_VH, bias_V, targets_N, chunk=chunk).sum(dtype=torch.float64)
    loss: Tensor = _SoftmaxCrossEntropy.apply(  # type: ignore[no-untyped-call]
        hidden_NH, weight_VH, bias_V, targets_N, chunk
    )
    return loss


def target_log_probs(
    hidden_NH: Tensor, weight_VH: Tensor, bias_V: Tensor, targets_N: Tensor, *, chunk: int | None = None
) -> Tensor:
    """[N] log softmax(hidden · weightᵀ + bias)[target] in nats, chunk × V at a time."""
    chunk = chunk or chunk_tokens(len(weight_VH))
    log_probs_N = hidden_NH.new_empty(len(targets_N))
    for start in range(0, len(targets_N), chunk):
        part = slice(start, start + chunk)
        logits_CV = _linear(hidden_NH[part], weight_VH, bias_V)
        chosen_C = logits_CV.gather(1, targets_N[part, None]).squeeze(1)
        log_probs_N[part] = chosen_C - logits_CV.logsumexp(dim=1)
    return log_probs_N


def chunk_tokens(vocabulary_size: int) -> int:
    """How many tokens to take at a time: their logits fill 16 MB, measured to be the quickest (benchmarks/)."""
    return max(16, _CHUNK_LOGITS // vocabulary_size)


class _SoftmaxCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden_NH: Tensor, weight_VH: Tensor, bias_V: Tensor, targets_N: Tensor, chunk: int
    ) -> Tensor:
        loss = torch.zeros((), dtype=torch.float64, device=hidden_NH.device)
        grad_hidden_NH = torch.empty_like(hidden_NH)
        grad_weight_VH = torch.empty_like(weight_VH) if len(targets_N) else torch.zeros_like(weight_VH)
        grad_bias_V = torch.zeros_like(bias_V)
        for start in range(0, len(targets_N), chunk):
            part = slice(start, start + chunk)
            errors_CV, losses_C = _errors(hidden_NH[part], weight_VH, bias_V, targets_N[part])
            loss += losses_C.sum(dtype=torch.float64)
            grad_hidden_NH[part] = _linear(errors_CV, weight_VH.t())
            # The first product overwrites, later ones add: no pass over V × H to set zeros.
            torch.addmm(grad_weight_VH, errors_CV.t(), hidden_NH[part], beta=int(start > 0), out=grad_weight_VH)
            grad_bias_V += errors_CV.sum(dim=0)
            del errors_CV  # before the next ones are made
        # Saved, not kept as attributes: autograd lets go of them before it hands them to the parameters, which can
        # then take them over without a copy.
        ctx.save_for_backward(grad_hidden_NH, grad_weight_VH, grad_bias_V)
        return loss

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        gradients = ctx.saved_tensors
        if grad_outputs[0] != 1.0:
            gradients = tuple(gradient * grad_outputs[0] for gradient in gradients)
        return *gradients, None, None


def _errors(hidden_CH: Tensor, weight_VH: Tensor, bias_V: Tensor, targets_C: Tensor) -> tuple[Tensor, Tensor]:
    """[C, V] gradients of the losses by the logits (probabilities, less 1 at the target), and the [C] losses."""
    errors_CV = _linear(hidden_CH, weight_VH, bias_V)
    torch.softmax(errors_CV, dim=1, out=errors_CV)
    probs_C = errors_CV.gather(1, targets_C[:, None]).squeeze(1)
    losses_C = -probs_C.log()
    vanishing_C = probs_C < _SMALLEST_CERTAIN
    if bool(vanishing_C.any()):  # too small for its type: taken from the logits instead
        losses_C[vanishing_C] = -target_log_probs(hidden_CH[vanishing_C], weight_VH, bias_V, targets_C[vanishing_C])
    errors_CV[torch.arange(len(targets_C), device=targets_C.device), targets_C] -= 1.0
    return errors_CV, losses_C


def _linear(inputs_CD: Tensor, weight_ED: Tensor, bias_E: Tensor | None = None) -> Tensor:
    """inputs · weightᵀ + bias, by the quickest library at hand.

    torch gives products in single precision to MKL, which on these skinny matrices reaches 68 % of its own best rate on
    an AMD processor; oneDNN, which torch carries for its compiler, reaches 80 % and adds the bias on the way.
    """
    if inputs_CD.dtype == torch.float32 and inputs_CD.device.type == "cpu" and _ONEDNN is not None:
        product: Tensor = _ONEDNN(inputs_CD, weight_ED, bias_E, "none", [], "")
        return product
    return linear(inputs_CD, weight_ED, bias_E)


def _onednn_linear() -> Callable[..., Tensor] | None:
    if not torch.backends.mkldnn.is_available() or not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return None
    operator: Callable[..., Tensor] = torch.ops.mkldnn._linear_pointwise.default
    return operator


_ONEDNN = _onednn_linear()
