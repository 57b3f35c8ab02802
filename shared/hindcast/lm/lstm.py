"""The paper's language model: input vectors -> an optional linear compression -> LSTM -> softmax.

Shapes: T time, B lanes, N tokens, C tokens of one chunk, D input size, H what words are predicted from, V vocabulary,
K most probable words.
"""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import embedding
from torch.overrides import TorchFunctionMode

from hindcast.lm.base import MostProbable, Specification, State

LARGEST_SIZE = 4096
"""Units of a layer, or of a word's vector."""

Size = Annotated[int, Field(ge=1, le=LARGEST_SIZE)]

_CHUNK_TOKENS = 64
_TIED_RANGE = 0.1
"""Learned vectors that also predict words begin within it: of the usual range, the first logits would be too sure."""


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
    tied: bool = False
    """True: the vectors that words are read by also predict them. Where their size isn't the LSTM's, a linear layer
    without bias brings its state to it."""
    self_normalized: bool = False
    """Whether it was trained so that log Z is near 0: a logit is nearly a log-probability."""

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
        with torch.device("meta"), _Undrawn():
            model = LstmLanguageModel(self)
        try:
            model.load_state_dict(dict(tensors), assign=True)
        except RuntimeError as error:
            raise ValueError(str(error)) from error
        if any(tensor.dtype != torch.float32 for tensor in tensors.values()):
            raise ValueError("weights must be float32")
        return model


class _Undrawn(TorchFunctionMode):
    """Skips what torch.nn.init would write, for it will be replaced. On the device "meta" that would bring in torch's
    compiler, which takes seconds to import, and the first question to a fresh scorer would wait for it."""

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if getattr(function, "__module__", None) == nn.init.__name__:
            return args[0] if args else (kwargs or {})["tensor"]
        return function(*args, **(kwargs or {}))


class LstmLanguageModel(nn.Module):
    """A `LanguageModel`. A learned or trainable input takes sparse gradients: `fit` moves only the rows of a batch."""

    def __init__(self, specification: LstmSpecification) -> None:
        super().__init__()
        self.specification = specification
        self.vocabulary_size = specification.vocabulary_size
        trainable, tied = specification.input_trainable, specification.tied
        self.input = nn.Embedding(
            specification.vocabulary_size, specification.input_size, sparse=trainable and not tied
        )
        self.input.weight.requires_grad_(trainable)
        if tied:
            nn.init.uniform_(self.input.weight, -_TIED_RANGE, _TIED_RANGE)
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
        self.to_input_size: nn.Module = nn.Identity()
        if tied and specification.hidden_size != specification.input_size:
            self.to_input_size = nn.Linear(specification.hidden_size, specification.input_size, bias=False)
        self.output = TiedOutput(self.input) if tied else Output(specification.hidden_size, self.vocabulary_size)
        if specification.self_normalized:  # log Z begins near where it is to be (Devlin et al., 2014)
            nn.init.constant_(self.output.bias, -math.log(self.vocabulary_size))

    @property
    def predicting_size(self) -> int:
        """H, what words are predicted from: the LSTM's units, or with tied vectors their size."""
        return self.specification.input_size if self.specification.tied else self.specification.hidden_size

    def take_gradients_by_rows(self) -> None:
        """For an objective whose batches touch only some rows of the output's weights."""
        self.input.sparse, self.output.sparse = self.specification.input_trainable, True

    def prepare_for_scoring(self) -> None:
        """See `LanguageModel`. Input vectors that predict nothing stay as they are: looking them up is exact."""
        self.eval().requires_grad_(False)
        for part in (self.compression, self.lstm, self.to_input_size, self.output):
            part.double()

    def start_state(self, batch: int) -> State:
        """(hidden, cell), each [layers, B, H], of zeros."""
        zero = self.output.bias.new_zeros(self.specification.layers, batch, self.specification.hidden_size)
        return zero, zero

    def step(self, words_B: Tensor, state: State) -> tuple[Tensor, State]:
        """See `LanguageModel`."""
        hidden_1BH, state = self.run(words_B[None], state)
        return hidden_1BH[0], state

    def run(self, words_TB: Tensor, state: State) -> tuple[Tensor, State]:
        """See `LanguageModel`."""
        inputs_TBD = self.compression(self._read(words_TB).to(self.output.bias.dtype))
        hidden_TBH, (hidden, cell) = self.lstm(inputs_TBD, (state[0], state[1]))
        return self.to_input_size(self.dropout(hidden_TBH)), (hidden, cell)

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

    def ranks(self, hidden_NH: Tensor, targets_N: Tensor) -> tuple[Tensor, Tensor]:
        """See `LanguageModel`."""
        ranks_N, log_probs_N, _ = self.ranks_and_most_probable(hidden_NH, targets_N, 0)
        return ranks_N, log_probs_N

    @torch.no_grad()
    def ranks_and_most_probable(
        self, hidden_NH: Tensor, targets_N: Tensor, k: int
    ) -> tuple[Tensor, Tensor, MostProbable]:
        """See `LanguageModel`."""
        ranks_N = torch.empty(len(targets_N), dtype=torch.int64)
        log_probs_N = torch.empty(len(targets_N), dtype=torch.float64)
        most_probable = MostProbable(ranks_N.new_empty(len(targets_N), k), log_probs_N.new_empty(len(targets_N), k))
        for start in range(0, len(targets_N), _CHUNK_TOKENS):
            chunk = slice(start, start + _CHUNK_TOKENS)
            logits_CV = self._logits(hidden_NH[chunk])
            chosen_C1 = logits_CV.gather(1, targets_N[chunk, None])
            log_z_C = _log_sum_exp(logits_CV)
            ranks_N[chunk] = (logits_CV > chosen_C1).sum(dim=1) + 1
            log_probs_N[chunk] = chosen_C1.squeeze(1).double() - log_z_C
            if k:
                highest_CK, most_probable.ids_NK[chunk] = _highest(logits_CV, k)
                most_probable.log_probs_NK[chunk] = highest_CK.double() - log_z_C[:, None]
        return ranks_N, log_probs_N, most_probable

    @torch.no_grad()
    def log_normalizers(self, hidden_NH: Tensor) -> Tensor:
        """[N] float64: log Z, the log of the sum over the vocabulary of exp(logit)."""
        chunks = (self._logits(hidden_CH) for hidden_CH in hidden_NH.split(_CHUNK_TOKENS))
        return torch.cat([_log_sum_exp(logits_CV) for logits_CV in chunks])

    def tensors(self) -> Mapping[str, Tensor]:
        """See `LanguageModel`."""
        return {name: tensor.detach().float().contiguous() for name, tensor in self.state_dict().items()}

    def _read(self, words_TB: Tensor) -> Tensor:
        """[T, B, D] the words' vectors."""
        weight_VD = self.input.weight
        gradient_is_kept = weight_VD.requires_grad and weight_VD.is_leaf and torch.is_grad_enabled()
        if not (self.specification.tied and gradient_is_kept) or self.output.sparse:
            vectors_TBD: Tensor = self.input(words_TB)
            return vectors_TBD
        # The gradient of predicting is of all words. To add that of reading a few, autograd would make a third V × D.
        reading_VD = weight_VD.detach().requires_grad_()
        reading_VD.register_post_accumulate_grad_hook(partial(_add_gradient, to=weight_VD))
        return embedding(words_TB, reading_VD, sparse=True)

    def _logits(self, hidden_CH: Tensor) -> Tensor:
        """[C, V] float32. A product in double precision differs by its shape in the 15th digit only: rounded to single
        precision, words with equal weights are equally probable, and no answer depends on what else is computed."""
        return torch.mm(hidden_CH, self.output.weight.t()).float().add_(self.output.bias.float())


class Output(nn.Linear):
    """A weight for each word, learned for nothing but to predict it."""

    sparse = False
    """See hindcast.nn.fitting.Trainee.module."""


class TiedOutput(nn.Module):
    """Predicts words by the vectors that they are read by (Press and Wolf, EACL 2017)."""

    sparse = False
    """As the output's."""

    def __init__(self, input: nn.Embedding) -> None:
        super().__init__()
        self._input = (input,)  # in a tuple, it is no part of this module: its weights are the model's once
        self.bias = nn.Parameter(torch.zeros(input.num_embeddings))

    @property
    def weight(self) -> Tensor:
        """[V, D]"""
        return self._input[0].weight

    def double(self) -> "TiedOutput":
        """The vectors too."""
        self._input[0].double()
        return super().double()


def _add_gradient(reading_VD: Tensor, *, to: Tensor) -> None:
    """Move a gradient of few rows into another's."""
    gradient, reading_VD.grad = reading_VD.grad, None
    assert gradient is not None
    to.grad = gradient if to.grad is None else to.grad.add_(gradient)


def _log_sum_exp(logits_CV: Tensor) -> Tensor:
    """[C] float64, summed in double precision."""
    highest_C1 = logits_CV.amax(dim=1, keepdim=True)
    sums_C = (logits_CV - highest_C1).exp_().sum(dim=1, dtype=torch.float64)
    return sums_C.log() + highest_C1.squeeze(1)


def _highest(logits_CV: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """[C, K] the k highest logits of each row, and their places: highest first, equals by their places."""
    highest_CK, ids_CK = logits_CV.topk(k)
    # topk takes any of those that are as high as the last: where there are more of them, the first are wanted.
    at_least_C = (logits_CV >= highest_CK[:, -1:]).sum(dim=1)
    for row in torch.nonzero(at_least_C > k).flatten().tolist():
        candidates = torch.nonzero(logits_CV[row] >= highest_CK[row, -1]).flatten()
        ids_CK[row] = candidates[logits_CV[row, candidates].argsort(descending=True, stable=True)[:k]]
    ids_CK = ids_CK.sort(dim=1).values
    highest_CK, order_CK = logits_CV.gather(1, ids_CK).sort(dim=1, descending=True, stable=True)
    return highest_CK, ids_CK.gather(1, order_CK)
