"""What a language model is told beside its text: its input, how it is optimised, a second task."""

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from hindcast.json_model import JsonModel
from hindcast.lm.auxiliary import Schedule
from hindcast.lm.lstm import LARGEST_SIZE
from hindcast.nn.embedding_table import Normalization

Units = Annotated[int, Field(ge=1, le=LARGEST_SIZE)]


class SpecificationPart(JsonModel):
    """A part of a specification."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class LearnedInput(SpecificationPart):
    """The baseline: the words' vectors are learned with the rest of the network, from a random start."""

    type: Literal["learned"] = "learned"
    size: Units = 256
    """Of a word's vector."""
    trainable: ClassVar[bool] = True
    compression: ClassVar[None] = None


class TableInput(SpecificationPart):
    """The words' vectors come from a pre-trained embedding table."""

    type: Literal["table"] = "table"
    table: str = Field(min_length=1)
    """Its id or name."""
    normalization: Normalization = "none"
    """With statistics over all rows of the table. `mean_variance` divides by the variance, as the paper prints it."""
    trainable: bool = False
    """Whether training moves the vectors; the paper keeps them as they are."""
    compression: Units | None = None
    """Units of a linear layer, without activation, between vectors and LSTM; null: there is none. In the paper it helps
    domain embeddings and not word2vec's."""


class AuxiliarySettings(SpecificationPart):
    """A second task: at every word, tell the domain of the text (the paper's section 6)."""

    domains: str = Field(min_length=1, max_length=200)
    """The id or name of domains that were found in this same corpus reference as `train`, or `gold`: the labels of the
    corpus's documents. Words of text with other than one label are learned as words alone."""
    weight: float = Field(default=0.1, gt=0, le=100)
    """What -log p of a word's domain counts, where that of the word counts 1."""
    schedule: Schedule = "constant"
    """`linear`: the weight falls evenly from epoch to epoch, to nothing after the last of `optimizer.epochs`."""


class OptimizerSettings(SpecificationPart):
    """How the weights are found: by Adam. After an epoch that betters the perplexity on `valid` by less than 0.2 % the
    learning rate is halved; the best weights are kept."""

    learning_rate: float = Field(default=2e-3, gt=0, le=1)
    batch_size: int = Field(default=32, ge=1, le=4096)
    """Sentences or documents that are read side by side. For much less than a million words, fewer do better."""
    bptt: int = Field(default=35, ge=1, le=1000)
    """Words through which gradients flow back; the state is carried further."""
    epochs: int = Field(default=10, ge=1, le=1000)
    """At most."""
    patience: int | None = Field(default=2, ge=1, le=1000)
    """Stop after so many epochs in a row that better the perplexity on `valid` by less than 0.2 %; null: never."""
    clip_norm: float | None = Field(default=5.0, gt=0)
    """Longest gradient, over all weights together, of a usual batch's mean loss per word; null: any length."""
