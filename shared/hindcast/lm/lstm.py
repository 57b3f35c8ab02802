"""The paper's language model: input vectors -> an optional linear compression -> LSTM -> softmax.

Shapes: T time, B lanes, N tokens, C tokens of one chunk, D input size, H hidden units, V vocabulary.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from hindcast.lm.base import Specification, State
from hindcast.nn.losses import softmax_cross_entropy

LARGEST_SIZE = 4096
"""Units of a layer, or of a word's vector."""

Size = Annotated[int, Field(ge=1, le=LARGEST_SIZE)]

_CHUNK_TOKENS = 64


class LstmSpecification(Specification):
    """The sizes of an `LstmLanguageModel`."""

    kind: Literal["lstm"] = "lstm"
    vocabulary_size: Annotated[int, Field(ge=2)]
    input_size: Size
    """D: of a learned embedding, or of the table's vectors."""
    input_trainable: bool = True
    """False: the input vectors stay what they were given as."""
    compression: Size | None = None
    """Units of a linear layer, without activation, between the input vectors and the LSTM; None: there is none."""
    hidden_size: Size = 128
    layers: Annotated[int, Field(ge=1, le=8)] = 1
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the units dropped after each LSTM layer while training."""

    def build(self, *, seed: int, input_VD: Tensor | None = None) -> "LstmLanguageModel":
        """A fresh network; equal seeds give equal weights. `input_VD` are the rows of a table, else they are drawn."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = LstmLanguageModel(self)
        if input_VD is not None:
            with torch.no_grad():
                model.input.weight.copy_(input_VD)
        return model

    def restore(self, tensors: Mapping[str, Tensor]) -> "LstmLanguageModel":
        """The network with these weights, taken over as they are. ValueError where they don't fit."""
        with torch.device("meta"):
            model = LstmLanguageModel(self)
        try:
            model.load_state_dict(dict(tensors), assign=True)
        except RuntimeError as error:
            raise ValueError(str(error)) from error
        if any(tensor.dtype != torch.float32 for tensor in tensors.values()):
            raise ValueError("weights must be float32")
        return model


class LstmLanguageModel(nn.Module):
    """A `LanguageModel`. A learned or trainable input takes sparse gradients: `fit` moves only the rows of a batch."""

    def __init__(self, specification: LstmSpecification) -> None:
        super().__init__()
        self.specification = specification
        self.vocabulary_size = specification.vocabulary_size
        self.input = nn.Embedding(
            specification.vocabulary_size, specification.input_size, sparse=specification.input_trainable
        )
        self.input.weight.requires_grad_(specification.input_trainable)
        compressed = specification.compression or specification.input_size
        self.compression: nn.Module = nn.Identity()
        if specification.compression is not None:
            self.compression = nn.Linear(specification.input_size, compressed)
        self.lstm = nn.LSTM(
            compressed,
            specification.hidden_size,
            num_layers=specification.layers,
            dropout=specification.dropout if specification.layers > 1 else 0.0,
        )
        self.dropout = nn.Dropout(specification.dropout)
        self.output = nn.Linear(specification.hidden_size, specification.vocabulary_size)

    def prepare_for_scoring(self) -> None:
        """See `LanguageModel`. The input vectors stay as they are: looking them up is exact in any precision."""
        self.eval().requires_grad_(False)
        for part in (self.compression, self.lstm, self.output):
            part.double()

    def start_state(self, batch: int) -> State:
        """(hidden, cell), each [layers, B, H], of zeros."""
        zero = self.output.weight.new_zeros(self.specification.layers, batch, self.specification.hidden_size)
        return zero, zero

    def step(self, words_B: Tensor, state: State) -> tuple[Tensor, State]:
        """See `LanguageModel`."""
        hidden_1BH, state = self.run(words_B[None], state)
        return hidden_1BH[0], state

    def run(self, words_TB: Tensor, state: State) -> tuple[Tensor, State]:
        """See `LanguageModel`."""
        inputs_TBD = self.compression(self.input(words_TB).to(self.output.weight.dtype))
        hidden_TBH, (hidden, cell) = self.lstm(inputs_TBD, (state[0], state[1]))
        return self.dropout(hidden_TBH), (hidden, cell)

    def loss(self, hidden_NH: Tensor, targets_N: Tensor) -> Tensor:
        """The sum of -log p of the targets in nats, to be trained on; -1 is padding."""
        return softmax_cross_entropy(hidden_NH, self.output.weight, self.output.bias, targets_N)

    @torch.no_grad()
    def log_probs(self, hidden_NH: Tensor) -> Tensor:
        """See `LanguageModel`."""
        logits_NV = self._logits(hidden_NH)
        return logits_NV.double() - _log_sum_exp(logits_NV)[:, None]

    @torch.no_grad()
    def target_log_probs(self, hidden_NH: Tensor, targets_N: Tensor) -> Tensor:
        """See `LanguageModel`."""
        log_probs_N = torch.empty(len(targets_N), dtype=torch.float64)
        for start in range(0, len(targets_N), _CHUNK_TOKENS):
            chunk = slice(start, start + _CHUNK_TOKENS)
            logits_CV = self._logits(hidden_NH[chunk])
            chosen_C = logits_CV.gather(1, targets_N[chunk, None]).squeeze(1)
            log_probs_N[chunk] = chosen_C.double() - _log_sum_exp(logits_CV)
        return log_probs_N

    @torch.no_grad()
    def ranks(self, hidden_NH: Tensor, targets_N: Tensor) -> tuple[Tensor, Tensor]:
        """See `LanguageModel`."""
        ranks_N = torch.empty(len(targets_N), dtype=torch.int64)
        log_probs_N = torch.empty(len(targets_N), dtype=torch.float64)
        for start in range(0, len(targets_N), _CHUNK_TOKENS):
            chunk = slice(start, start + _CHUNK_TOKENS)
            logits_CV = self._logits(hidden_NH[chunk])
            chosen_C1 = logits_CV.gather(1, targets_N[chunk, None])
            ranks_N[chunk] = (logits_CV > chosen_C1).sum(dim=1) + 1
            log_probs_N[chunk] = chosen_C1.squeeze(1).double() - _log_sum_exp(logits_CV)
        return ranks_N, log_probs_N

    def tensors(self) -> Mapping[str, Tensor]:
        """See `LanguageModel`."""
        return {name: tensor.detach().float().contiguous() for name, tensor in self.state_dict().items()}

    def _logits(self, hidden_CH: Tensor) -> Tensor:
        """[C, V] float32. A product in double precision differs by its shape in the 15th digit only: rounded to single
        precision, words with equal weights are equally probable, and no answer depends on what else is computed."""
        return torch.mm(hidden_CH, self.output.weight.t()).float().add_(self.output.bias.float())


def _log_sum_exp(logits_CV: Tensor) -> Tensor:
    """[C] float64, summed in double precision."""
    highest_C1 = logits_CV.amax(dim=1, keepdim=True)
    sums_C = (logits_CV - highest_C1).exp_().sum(dim=1, dtype=torch.float64)
    return sums_C.log() + highest_C1.squeeze(1)
