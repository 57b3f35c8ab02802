"""Losses over a vocabulary: the exact softmax, without ever holding tokens × vocabulary, and the sampled one.

Shapes: N tokens, H hidden units, V words, C tokens of one chunk, S sampled words.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import embedding, linear, softplus

PADDING = -1
"""A target that stands for no token: it has no loss and no gradient."""

_CHUNK_LOGITS = 7 << 20
_TURNED_WEIGHTS = 16 << 20
"""The gradient of so many weights is computed as [H, V], which is a little quicker, and then turned round. Of more, the
copy that this takes would be too much memory."""
_SMALLEST_SUM, _LARGEST_SUM = 1e-20, 1e30


def softmax_cross_entropy(
    hidden_NH: Tensor, weight_VH: Tensor, bias_V: Tensor, targets_N: Tensor, *, chunk: int | None = None
) -> Tensor:
    """The sum over all tokens of -log softmax(hidden · weightᵀ + bias)[target]: a scalar in nats, float64.

    Walks over the tokens `chunk` at a time (by default as many as a processor's cache has room for their logits) and
    takes the gradients of all three inputs on the way: beyond the gradients, it needs memory for chunk × V numbers.
    """
    return _walk(hidden_NH, weight_VH, bias_V, targets_N, penalty=0.0, chunk=chunk).total


class PenalizedLoss(NamedTuple):
    """Two scalars in nats, float64, summed over the tokens."""

    total: Tensor
    """What is minimised."""
    nats: Tensor
    """-log p of the targets alone; has no gradient."""


def self_normalized_cross_entropy(
    hidden_NH: Tensor,
    weight_VH: Tensor,
    bias_V: Tensor,
    targets_N: Tensor,
    *,
    penalty: float,
    chunk: int | None = None,
) -> PenalizedLoss:
    """The softmax's loss and, for each token, penalty · (log Z)², Z being what the softmax divides by.

    So log Z is learned to stay near 0, and a logit near a log-probability (Devlin et al., ACL 2014; the variance
    regularisation of Chen et al., ICASSP 2015). Walks over the tokens as `softmax_cross_entropy` does.
    """
    return _walk(hidden_NH, weight_VH, bias_V, targets_N, penalty=penalty, chunk=chunk)


def _walk(
    hidden_NH: Tensor, weight_VH: Tensor, bias_V: Tensor, targets_N: Tensor, *, penalty: float, chunk: int | None
) -> PenalizedLoss:
    hidden_NH, targets_N = _without_padding(hidden_NH, targets_N)
    chunk = chunk or chunk_tokens(len(weight_VH), device=weight_VH.device.type)
    if not torch.is_grad_enabled():  # text that isn't learned: the words' loss alone
        nats = -target_log_probs(hidden_NH, weight_VH, bias_V, targets_N, chunk=chunk).sum(dtype=torch.float64)
        return PenalizedLoss(nats, nats)
    return PenalizedLoss(
        *_SoftmaxCrossEntropy.apply(  # type: ignore[no-untyped-call]
            hidden_NH, weight_VH, bias_V, targets_N, penalty, chunk
        )
    )


def _without_padding(hidden_NH: Tensor, targets_N: Tensor) -> tuple[Tensor, Tensor]:
    token_N = targets_N != PADDING
    return (hidden_NH, targets_N) if bool(token_N.all()) else (hidden_NH[token_N], targets_N[token_N])


def sampled_softmax_cross_entropy(
    hidden_NH: Tensor, weight_VH: Tensor, bias_V: Tensor, targets_N: Tensor, samples: "Samples"
) -> Tensor:
    """The sum over all tokens of -log softmax[target] among the target and some sampled words: a scalar in nats.

    All tokens share the samples. What a sampled word adds to the softmax's sum is divided by the probability that it is
    sampled, so that the estimate of the sum has no bias, and the gradient tends to the exact one as samples become many
    (Bengio and Senécal 2008; Jean et al., ACL 2015). A sample that is a token's own target isn't counted twice. The
    gradient of `weight_VH` is sparse: it has rows for targets and samples alone.
    """
    hidden_NH, targets_N = _without_padding(hidden_NH, targets_N)
    words = torch.cat([targets_N, samples.ids_S])
    rows_WH = embedding(words, weight_VH, sparse=weight_VH.requires_grad)
    targets_NH, others_SH = rows_WH.split([len(targets_N), len(samples.ids_S)])
    chosen_N = (targets_NH * hidden_NH).sum(dim=1) + bias_V[targets_N]
    corrected_S = bias_V[samples.ids_S] - samples.log_probabilities(len(weight_VH)).to(hidden_NH.dtype)
    logits_NS = torch.addmm(corrected_S, hidden_NH, others_SH.t())
    places_N = torch.searchsorted(samples.ids_S, targets_N).clamp_(max=len(samples.ids_S) - 1)
    own = torch.nonzero(samples.ids_S[places_N] == targets_N).squeeze(1)
    logits_NS[own, places_N[own]] = -torch.inf
    others_N = logits_NS.logsumexp(dim=1)
    return softplus(others_N - chosen_N).sum(dtype=torch.float64)


class Samples(NamedTuple):
    """Words that a batch's targets are told from."""

    ids_S: Tensor
    """Each once, rising."""
    draws: int
    """How often was drawn, with replacement, to get them."""

    def log_probabilities(self, vocabulary_size: int) -> Tensor:
        """[S] float64: the log of the probability that so many draws bring each word at all."""
        ids_S = self.ids_S.double()
        of_one_draw_S = ((ids_S + 2) / (ids_S + 1)).log() / math.log(vocabulary_size + 1)
        return (-torch.expm1(self.draws * torch.log1p(-of_one_draw_S))).log()


def draw_samples(draws: int, vocabulary_size: int, *, device: torch.device | None = None) -> Samples:
    """Draw words log-uniformly: p(id) = log((id + 2) / (id + 1)) / log(V + 1), about how words are distributed in text
    where a vocabulary is sorted by falling frequency (Zipf). By torch's global random numbers."""
    uniform = torch.rand(draws, dtype=torch.float64, device=device)
    ids = (uniform * math.log(vocabulary_size + 1)).exp_().long().sub_(1).clamp_(0, vocabulary_size - 1)
    return Samples(ids.unique(), draws)


def target_log_probs(
    hidden_NH: Tensor, weight_VH: Tensor, bias_V: Tensor, targets_N: Tensor, *, chunk: int | None = None
) -> Tensor:
    """[N] log softmax(hidden · weightᵀ + bias)[target] in nats, chunk × V at a time."""
    chunk = chunk or chunk_tokens(len(weight_VH), device=weight_VH.device.type)
    log_probs_N = _dots(hidden_NH, weight_VH[targets_N]) + bias_V[targets_N]
    for start in range(0, len(targets_N), chunk):
        part = slice(start, start + chunk)
        log_probs_N[part] -= _exponentials(hidden_NH[part], weight_VH, bias_V).log_z_C
    return log_probs_N


def chunk_tokens(vocabulary_size: int, *, device: str = "cpu") -> int:
    """How many tokens to take at a time: their logits fill 28 MB, measured to be the quickest (benchmarks/); 448 MB
    elsewhere than on a processor, which larger products keep busier."""
    return max(16, _CHUNK_LOGITS * (1 if device == "cpu" else 16) // vocabulary_size)


class _SoftmaxCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden_NH: Tensor,
        weight_VH: Tensor,
        bias_V: Tensor,
        targets_N: Tensor,
        penalty: float,
        chunk: int,
    ) -> tuple[Tensor, Tensor]:
        log_z_N = hidden_NH.new_empty(len(targets_N))
        grad_hidden_NH = torch.empty_like(hidden_NH)
        turned = weight_VH.numel() <= _TURNED_WEIGHTS
        grad_weight = None
        if ctx.needs_input_grad[1]:
            grad_weight = weight_VH.new_empty(weight_VH.shape[::-1] if turned else weight_VH.shape)
        grad_bias_V = torch.zeros_like(bias_V)
        for start in range(0, len(targets_N), chunk):
            part = slice(start, start + chunk)
            exponentials_CV, sums_C, log_z_C = _exponentials(hidden_NH[part], weight_VH, bias_V)
            # Probabilities are never made: what their sums are divided by moves to the small side of each product.
            scales_C = 1.0 / sums_C
            if penalty:  # d (log Z)² / d logit = 2 log Z · p
                scales_C *= 1.0 + 2.0 * penalty * log_z_C
            grad_hidden_NH[part] = _linear(exponentials_CV, weight_VH.t()).mul_(scales_C[:, None])
            if grad_weight is not None:
                # The first product overwrites, later ones add: no pass over V × H to set zeros.
                scaled_CH = hidden_NH[part] * scales_C[:, None]
                factors = (scaled_CH.t(), exponentials_CV) if turned else (exponentials_CV.t(), scaled_CH)
                torch.addmm(grad_weight, *factors, beta=int(start > 0), out=grad_weight)
            grad_bias_V.addmv_(exponentials_CV.t(), scales_C)
            log_z_N[part] = log_z_C
            del exponentials_CV  # before the next ones are made
        targets_NH = weight_VH[targets_N]
        nats = (log_z_N - _dots(hidden_NH, targets_NH) - bias_V[targets_N]).sum(dtype=torch.float64)
        total = nats + penalty * log_z_N.square().sum(dtype=torch.float64)
        grad_hidden_NH -= targets_NH
        grad_bias_V.index_add_(0, targets_N, torch.ones_like(log_z_N), alpha=-1.0)
        grad_weight_VH = None
        if grad_weight is not None:
            grad_weight_VH = grad_weight.t().contiguous() if turned else grad_weight
            if not len(targets_N):
                grad_weight_VH.zero_()
            grad_weight_VH.index_add_(0, targets_N, hidden_NH, alpha=-1.0)
        # Saved, not kept as attributes: autograd lets go of them before it hands them to the parameters, which can
        # then take them over without a copy.
        ctx.save_for_backward(grad_hidden_NH, grad_weight_VH, grad_bias_V)
        ctx.mark_non_differentiable(nats)
        return total, nats

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        gradients = ctx.saved_tensors
        if grad_outputs[0] != 1.0:
            gradients = tuple(None if gradient is None else gradient * grad_outputs[0] for gradient in gradients)
        return *gradients, None, None, None


class _Exponentials(NamedTuple):
    """What a softmax is made of."""

    values_CV: Tensor
    """exp(logit), of each token by a factor of its own."""
    sums_C: Tensor
    """Of `values_CV` over the vocabulary."""
    log_z_C: Tensor
    """The log of what the softmax divides exp(logit) by."""


def _exponentials(hidden_CH: Tensor, weight_VH: Tensor, bias_V: Tensor) -> _Exponentials:
    """One pass over C × V numbers after the product, and one to sum them.

    A softmax usually begins by looking for the largest logit, lest an exponential be too large for its type. A trained
    network's logits are far from that, so it is only done where the sums tell that it was needed.
    """
    values_CV = _linear(hidden_CH, weight_VH, bias_V).exp_()
    sums_C = values_CV.sum(dim=1)
    if bool(((sums_C > _SMALLEST_SUM) & (sums_C < _LARGEST_SUM)).all()):
        return _Exponentials(values_CV, sums_C, sums_C.log())
    del values_CV
    logits_CV = _linear(hidden_CH, weight_VH, bias_V)
    highest_C = logits_CV.amax(dim=1)
    values_CV = logits_CV.sub_(highest_C[:, None]).exp_()
    sums_C = values_CV.sum(dim=1)
    return _Exponentials(values_CV, sums_C, sums_C.log() + highest_C)


def _dots(left_NH: Tensor, right_NH: Tensor) -> Tensor:
    """[N] the product of each row with its counterpart."""
    return (left_NH * right_NH).sum(dim=1)


def _linear(inputs_CD: Tensor, weight_ED: Tensor, bias_E: Tensor | None = None) -> Tensor:
    """inputs · weightᵀ + bias, by the quickest library at hand.

    torch gives products in single precision to MKL, which on these skinny matrices reaches 68 % of its own best rate on
    an AMD processor; oneDNN, which torch carries for its compiler, reaches 80 % there and adds the bias on the way. On
    an Intel processor MKL is ahead, with large chunks by several times.
    """
    if inputs_CD.dtype == torch.float32 and inputs_CD.device.type == "cpu" and _ONEDNN is not None:
        product: Tensor = _ONEDNN(inputs_CD, weight_ED, bias_E, "none", [], "")
        return product
    return linear(inputs_CD, weight_ED, bias_E)


def _onednn_linear() -> Callable[..., Tensor] | None:
    if "AMD" not in str(torch.cpu.get_capabilities().get("cpu_name", "")):
        return None
    if not torch.backends.mkldnn.is_available() or not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return None
    operator: Callable[..., Tensor] = torch.ops.mkldnn._linear_pointwise.default
    return operator


_ONEDNN = _onednn_linear()
