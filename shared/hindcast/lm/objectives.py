"""What a language model is trained to minimise. Perplexities are always those of the exact softmax.

Shapes: N tokens, H hidden units, V vocabulary.
"""

from typing import Annotated, ClassVar, Literal, Protocol

from pydantic import ConfigDict, Field
from torch import Tensor

from hindcast.json_model import JsonModel
from hindcast.nn.losses import (
    PenalizedLoss,
    draw_samples,
    sampled_softmax_cross_entropy,
    self_normalized_cross_entropy,
    softmax_cross_entropy,
)


class WordOutput(Protocol):
    """The layer from which words are predicted."""

    @property
    def weight(self) -> Tensor:
        """[V, H]"""

    @property
    def bias(self) -> Tensor:
        """[V]"""


class _Objective(JsonModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    sparse: ClassVar[bool] = False
    """Whether a batch touches only some rows of the output's weights."""


class Softmax(_Objective):
    """Predict the next word by an exact softmax over the whole vocabulary."""

    type: Literal["softmax"] = "softmax"

    def loss(self, output: WordOutput, hidden_NH: Tensor, targets_N: Tensor) -> PenalizedLoss:
        """The sum over the tokens; a target of -1 is padding."""
        nats = softmax_cross_entropy(hidden_NH, output.weight, output.bias, targets_N)
        return PenalizedLoss(nats, nats)


class SampledSoftmax(_Objective):
    """Tell the next word from some others, drawn anew for each batch and shared by all of its words: several times
    faster for large vocabularies. The training perplexity that is shown is an estimate from the sampled words."""

    type: Literal["sampled_softmax"] = "sampled_softmax"
    samples: int = Field(default=2048, ge=1, le=1_000_000)
    """Draws, log-uniform over the vocabulary, which should be sorted by falling frequency (as those are that are
    counted from text). More are slower and nearer to the exact softmax."""

    sparse: ClassVar[bool] = True

    def loss(self, output: WordOutput, hidden_NH: Tensor, targets_N: Tensor) -> PenalizedLoss:
        """The sum over the tokens; a target of -1 is padding."""
        samples = draw_samples(self.samples, len(output.weight), device=hidden_NH.device)
        nats = sampled_softmax_cross_entropy(hidden_NH, output.weight, output.bias, targets_N, samples)
        return PenalizedLoss(nats, nats)


class SelfNormalized(_Objective):
    """An exact softmax that learns to need no sum: log Z, by whose Z it divides, is kept near 0, so that a word's logit
    alone is nearly its log-probability. The model's card records how far log Z strays."""

    type: Literal["self_normalized"] = "self_normalized"
    penalty: float = Field(default=0.1, gt=0, le=100)
    """What (log Z)² of a word costs, beside its -log p. More keeps log Z nearer to 0, and makes perplexity worse."""

    def loss(self, output: WordOutput, hidden_NH: Tensor, targets_N: Tensor) -> PenalizedLoss:
        """The sum over the tokens; a target of -1 is padding."""
        return self_normalized_cross_entropy(hidden_NH, output.weight, output.bias, targets_N, penalty=self.penalty)


EXACT = Softmax()

Objective = Annotated[Softmax | SampledSoftmax | SelfNormalized, Field(discriminator="type")]
"""THE LIST."""
