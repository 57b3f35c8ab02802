"""What every language model offers. Shapes: T time, B lanes, N tokens, H hidden units, V vocabulary,
K most probable words."""

from collections.abc import Mapping
from typing import Literal, NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict
from torch import Tensor

History = Literal["sentence", "document"]
"""How far back a model looks: its state is reset at the start of each sentence, or of each document."""

State = tuple[Tensor, ...]
"""What a model remembers of each lane. Opaque: made by `start_state`, handed from call to call."""


class Specification(BaseModel):
    """A network's sizes and settings, as JSON: enough to build it again and load its weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class MostProbable(NamedTuple):
    """The K most probable next words after each of N, most probable first, equals in the vocabulary's order."""

    ids_NK: Tensor
    log_probs_NK: Tensor
    """float64."""


class LanguageModel(Protocol):
    """Predicts the next word from the words so far. The word before a reset history's first is `</s>`.

    Once `prepare_for_scoring` was called, products are taken in double precision: what a text scores does not depend
    on which others it is scored with.
    """

    vocabulary_size: int

    def prepare_for_scoring(self) -> None:
        """End training: no dropout, no gradients, double precision."""
        ...

    def start_state(self, batch: int) -> State:
        """The state before any word, for `batch` lanes."""
        ...

    def step(self, words_B: Tensor, state: State) -> tuple[Tensor, State]:
        """Read one word in each lane: hidden_BH, from which the next is predicted, and the state after it."""
        ...

    def run(self, words_TB: Tensor, state: State) -> tuple[Tensor, State]:
        """Read T words in each lane: hidden_TBH and the state after the last."""
        ...

    def log_probs(self, hidden_NH: Tensor) -> Tensor:
        """[N, V] float64: natural-log probabilities of every next word. Meant for one or a few tokens."""
        ...

    def target_log_probs(self, hidden_NH: Tensor, targets_N: Tensor) -> Tensor:
        """[N] float64: natural-log probabilities of the targets, without ever holding N × V."""
        ...

    def ranks(self, hidden_NH: Tensor, targets_N: Tensor) -> tuple[Tensor, Tensor]:
        """[N] ranks (1 + how many words are strictly more probable) and [N] float64 log-probabilities of the targets.

        Counts, never sorts. A word is more probable by this exactly if `log_probs` says so.
        """
        ...

    def ranks_and_most_probable(
        self, hidden_NH: Tensor, targets_N: Tensor, k: int
    ) -> tuple[Tensor, Tensor, MostProbable]:
        """What `ranks` says, and the k most probable words, from one product with the vocabulary.

        Selects, never sorts it: beyond the product, some passes over N × V.
        """
        ...

    def tensors(self) -> Mapping[str, Tensor]:
        """All weights in single precision, by name: with the specification, the whole model."""
        ...
