"""A language model made ready to score many words quickly, in single precision.

Shapes: B lanes, N hidden states, E words to predict, D input size, H units, G = 4H gates, P what words are predicted
from, V vocabulary, C a chunk of states, K most probable words.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from hindcast.lm.base import State
from hindcast.lm.lstm import LstmLanguageModel, LstmSpecification

_CHUNK_BYTES = 8 << 20
"""Of logits: what stays in a processor's cache between their product, their exponentials and their sum."""
_SAFE_LOGIT = 80.0
"""Within it exponentials and their sums stay far from the ends of single precision."""


@dataclass(frozen=True)
class _Layer:
    """One LSTM layer's weights, its gates in the order input, forget, output, cell: three sigmoids side by side."""

    input_GD: Tensor
    bias_G: Tensor
    recurrent_HG: Tensor

    @classmethod
    def of(cls, lstm: nn.LSTM, layer: int) -> "_Layer":
        """From torch's order, which is input, forget, cell, output."""
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        input_GD, recurrent_GH, input_G, recurrent_G = (
            _reordered(getattr(lstm, f"{name}_l{layer}").detach()) for name in names
        )
        return cls(input_GD.float(), (input_G + recurrent_G).float(), recurrent_GH.float().t().contiguous())


def _reordered(weights: Tensor) -> Tensor:
    input, forget, cell, output = weights.chunk(4)
    return torch.cat([input, forget, output, cell])


class SinglePrecisionModel:
    """The same model as a `LstmLanguageModel` that was prepared for scoring, several times as fast.

    What each word of the vocabulary gives to the gates of the first layer is computed once; the products of the output
    are taken in single precision, over chunks of logits that stay in the cache; where several words are predicted from
    one state they share its sum. Log-probabilities differ from the exact ones by some 1e-6 a word.
    """

    @torch.no_grad()
    def __init__(self, model: LstmLanguageModel) -> None:
        self.specification = model.specification
        self.self_normalized = model.specification.self_normalized
        """Whether logits are nearly log-probabilities."""
        self._layers = [_Layer.of(model.lstm, layer) for layer in range(self.specification.layers)]
        self._gates_VG = self._gates_of_words(model)
        self._output_VP = model.output.weight.detach().float()
        self._output_PV = self._output_VP.t()
        self._bias_V = model.output.bias.detach().float()
        to_input_size = getattr(model.to_input_size, "weight", None)
        self._to_input_size_PH = None if to_input_size is None else to_input_size.detach().float()
        self._exponentials_are_safe = self._largest_logit() < _SAFE_LOGIT

    @staticmethod
    def bytes_of(specification: LstmSpecification) -> int:
        """What it holds, about, beside the model that it is made of."""
        predicting_size = specification.input_size if specification.tied else specification.hidden_size
        return 4 * specification.vocabulary_size * (4 * specification.hidden_size + predicting_size)

    def start_state(self, batch: int) -> State:
        """See `LanguageModel`."""
        zero = torch.zeros(self.specification.layers, batch, self.specification.hidden_size)
        return zero, zero

    @torch.no_grad()
    def step(self, words_B: Tensor, state: State) -> tuple[Tensor, State]:
        """Read one word in each lane: hidden_BP, from which the next is predicted, and the state after it."""
        hidden: list[Tensor] = []
        cell: list[Tensor] = []
        from_below_BG = self._gates_VG.index_select(0, words_B)
        for number, layer in enumerate(self._layers):
            if number:
                from_below_BG = linear(hidden[-1], layer.input_GD, layer.bias_G)
            h_BH, c_BH = _cell(from_below_BG.addmm_(state[0][number], layer.recurrent_HG), state[1][number])
            hidden.append(h_BH)
            cell.append(c_BH)
        top_BP = hidden[-1] if self._to_input_size_PH is None else linear(hidden[-1], self._to_input_size_PH)
        return top_BP, (_stacked(hidden), _stacked(cell))

    @torch.no_grad()
    def log_probs(self, hidden_NP: Tensor, rows_E: Tensor, words_E: Tensor, *, normalize: bool = True) -> Tensor:
        """[E] float64: natural-log probability of word `words_E[i]` after the state in row `rows_E[i]`. All words that
        follow a state share its normaliser. `normalize=False` takes the logits, as a self-normalised model allows."""
        logits_E = self.logits(hidden_NP, rows_E, words_E)
        return logits_E - self.log_normalizers(hidden_NP)[rows_E] if normalize else logits_E

    @torch.no_grad()
    def logits(self, hidden_NP: Tensor, rows_E: Tensor, words_E: Tensor) -> Tensor:
        """[E] float64: the logit of word `words_E[i]` after the state in row `rows_E[i]`, one short product for each.
        Less the state's log-normaliser it is the natural-log probability."""
        chosen_EP = self._output_VP[words_E].mul_(hidden_NP[rows_E])
        return chosen_EP.sum(dim=1).add_(self._bias_V[words_E]).double()

    @torch.no_grad()
    def log_normalizers(self, hidden_NP: Tensor) -> Tensor:
        """[N] float64: the log of the sum over the vocabulary of exp(logit), one product with all of it for each."""
        return torch.cat([torch.empty(0, dtype=torch.float64), *map(self._log_sum_exp_, self._all_logits(hidden_NP))])

    @torch.no_grad()
    def most_probable(self, hidden_NP: Tensor, k: int, *, normalize: bool = True) -> tuple[Tensor, Tensor]:
        """[N, k] float64 natural-log probabilities and [N, k] words: the k most probable after each state, best first.
        `normalize=False` as in `log_probs`."""
        log_probs, words = [], []
        for logits_CV in self._all_logits(hidden_NP):
            best_CK, words_CK = logits_CV.topk(k, dim=1)
            log_probs_CK = best_CK.double()
            log_probs.append(log_probs_CK - self._log_sum_exp_(logits_CV)[:, None] if normalize else log_probs_CK)
            words.append(words_CK)
        return torch.cat(log_probs), torch.cat(words)

    def _all_logits(self, hidden_NP: Tensor) -> Iterator[Tensor]:
        """Each [C, V], of so many states that they stay in the cache, in the same memory as the ones before."""
        states = max(1, _CHUNK_BYTES // (4 * len(self._bias_V)))
        logits_CV = torch.empty(min(states, len(hidden_NP)), len(self._bias_V))
        for chunk_CP in hidden_NP.split(states) if len(hidden_NP) else ():
            yield torch.addmm(self._bias_V, chunk_CP, self._output_PV, out=logits_CV[: len(chunk_CP)])

    def _gates_of_words(self, model: LstmLanguageModel) -> Tensor:
        """[V, G] what each word gives to the gates of the first layer, its bias included."""
        first = self._layers[0]
        parts = [
            linear(model.compression(vectors_VD.to(model.output.bias.dtype)).float(), first.input_GD, first.bias_G)
            for vectors_VD in model.input.weight.detach().split(4096)
        ]
        return torch.cat(parts)

    def _largest_logit(self) -> float:
        """No logit can be further from 0: the LSTM's units lie between -1 and 1."""
        weights_VH = self._output_VP if self._to_input_size_PH is None else self._output_VP @ self._to_input_size_PH
        return float((weights_VH.abs().sum(dim=1) + self._bias_V.abs()).max())

    def _log_sum_exp_(self, logits_CV: Tensor) -> Tensor:
        """[C] float64; overwrites the logits."""
        if self._exponentials_are_safe:
            return logits_CV.exp_().sum(dim=1).double().log_()
        highest_C1 = logits_CV.amax(dim=1, keepdim=True)
        sums_C = logits_CV.sub_(highest_C1).exp_().sum(dim=1)
        return sums_C.double().log_().add_(highest_C1.squeeze(1))


def _stacked(layers: list[Tensor]) -> Tensor:
    """[layers, B, H]; a view where there is one layer, for there are many small steps."""
    return layers[0][None] if len(layers) == 1 else torch.stack(layers)


def _cell(gates_BG: Tensor, cell_BH: Tensor) -> tuple[Tensor, Tensor]:
    """Hidden and cell state after gates that are not yet squashed, which it overwrites."""
    units = cell_BH.shape[1]
    input_BH, forget_BH, output_BH = gates_BG[:, : 3 * units].sigmoid_().chunk(3, dim=1)
    after_BH = torch.addcmul(forget_BH * cell_BH, input_BH, gates_BG[:, 3 * units :].tanh_())
    return output_BH * after_BH.tanh(), after_BH
