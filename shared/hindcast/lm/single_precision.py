"""A language model made ready to score many words quickly, in single precision.

Shapes: B lanes, N hidden states, E words to predict, L layers, D input size, H units, K = 4 gates, P what words are
predicted from, Q = P + 1, V vocabulary, C a chunk of states, M most probable words.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from hindcast.lm.lstm import LstmLanguageModel, LstmSpecification

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
QuickState = tuple[Singles, Singles]
"""Hidden and cell states, each [L, B, H]."""

_CHUNK_BYTES = 16 << 20
"""Of logits: what stays in a processor's cache between their product, their exponentials and their sum."""
_LANES = 128
"""Read at a time, so that their gates stay there too."""
_SAFE_LOGIT = 80.0
"""Within it exponentials and their sums stay far from the ends of single precision."""


@dataclass(frozen=True)
class _Layer:
    """One LSTM layer's weights by gate: input, forget, output, cell.

    The first three are squashed by a sigmoid, (1 + tanh(x / 2)) / 2: halved here, they need no more than the tanh that
    the last one is squashed by.
    """

    input_KDH: Tensor
    bias_K1H: Tensor
    recurrent_KHH: Tensor

    @classmethod
    def of(cls, lstm: nn.LSTM, layer: int) -> "_Layer":
        """From torch's order, which is input, forget, cell, output."""
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        input_GD, recurrent_GH, input_G, recurrent_G = (getattr(lstm, f"{name}_l{layer}").detach() for name in names)
        return cls(_by_gate(input_GD), _by_gate((input_G + recurrent_G)[:, None]), _by_gate(recurrent_GH))

    def from_below(self, input_BD: Singles) -> Singles:
        """[K, B, H] what inputs give to the gates, the bias included."""
        gates_KBH: Singles = torch.baddbmm(self.bias_K1H, _for_each_gate(input_BD), self.input_KDH).numpy()
        return gates_KBH

    def add_recurrent_(self, gates_KBH: Singles, hidden_BH: Singles) -> None:
        """What the states before give to the gates."""
        torch.from_numpy(gates_KBH).baddbmm_(_for_each_gate(hidden_BH), self.recurrent_KHH)


def _by_gate(weights_GX: Tensor) -> Tensor:
    """[K, X, H]"""
    input, forget, cell, output = weights_GX.chunk(4)
    return torch.stack([input / 2, forget / 2, output / 2, cell]).float().transpose(1, 2).contiguous()


def _for_each_gate(rows_BX: Singles) -> Tensor:
    """[K, B, X] the same rows."""
    return torch.from_numpy(rows_BX).expand(4, *rows_BX.shape)


class SinglePrecisionModel:
    """The same model as a `LstmLanguageModel` that was prepared for scoring, several times as fast. Several threads may
    use it.

    What each word of the vocabulary gives to the gates of the first layer is computed once; the products of the output
    are taken in single precision, over chunks of logits that stay in the cache; where several words are predicted from
    one state they share its sum. Steps of a few lanes are many calls that compute little: numpy's cost a third of
    torch's. Products are torch's alone, so that one setting says how many threads there are. Log-probabilities differ
    from the exact ones by some 1e-6 a word.
    """

    @torch.no_grad()
    def __init__(self, model: LstmLanguageModel) -> None:
        self.specification = model.specification
        self.self_normalized = model.specification.self_normalized
        """Whether logits are nearly log-probabilities."""
        self._layers = [_Layer.of(model.lstm, layer) for layer in range(self.specification.layers)]
        self._gates_KVH = self._gates_of_words(model)
        # The bias is one column more, for a state that is always 1. Added to the logits, it would cost a sixth of them.
        self._output_VQ = torch.cat([model.output.weight, model.output.bias[:, None]], dim=1).float().numpy()
        to_input_size = getattr(model.to_input_size, "weight", None)
        self._to_input_size_HP = None if to_input_size is None else to_input_size.detach().float().t().contiguous()
        self._exponentials_are_safe = self._largest_logit() < _SAFE_LOGIT

    @staticmethod
    def bytes_of(specification: LstmSpecification) -> int:
        """What it holds, about, beside the model that it is made of."""
        predicting_size = specification.input_size if specification.tied else specification.hidden_size
        return 4 * specification.vocabulary_size * (4 * specification.hidden_size + predicting_size)

    def start_state(self, batch: int) -> QuickState:
        """Before any word, of zeros."""
        zero = np.zeros((self.specification.layers, batch, self.specification.hidden_size), dtype=np.float32)
        return zero, zero

    def step(self, words_B: Integers, state: QuickState) -> tuple[Singles, QuickState]:
        """Read one word in each lane: hidden_BP, from which the next is predicted, and the state after it. What it was
        given stays as it is."""
        hidden_LBH, cell_LBH = np.empty_like(state[0]), np.empty_like(state[1])
        for first in range(0, len(words_B), _LANES):
            lanes = slice(first, first + _LANES)
            gates_KBH = self._gates_KVH.take(words_B[lanes], axis=1)
            for number, layer in enumerate(self._layers):
                if number:
                    gates_KBH = layer.from_below(hidden_LBH[number - 1, lanes])
                layer.add_recurrent_(gates_KBH, state[0][number, lanes])
                _cell_(gates_KBH, state[1][number, lanes], hidden_LBH[number, lanes], cell_LBH[number, lanes])
        hidden_BP: Singles = hidden_LBH[-1]
        if self._to_input_size_HP is not None:
            hidden_BP = torch.mm(torch.from_numpy(hidden_BP), self._to_input_size_HP).numpy()
        return hidden_BP, (hidden_LBH, cell_LBH)

    def log_probs(self, hidden_NP: Singles, rows_E: Integers, words_E: Integers, *, normalize: bool = True) -> Reals:
        """[E] natural-log probability of word `words_E[i]` after the state in row `rows_E[i]`. All words that follow a
        state share its normaliser. `normalize=False` takes the logits, as a self-normalised model allows."""
        logits_E = self.logits(hidden_NP, rows_E, words_E)
        return logits_E - self.log_normalizers(hidden_NP)[rows_E] if normalize else logits_E

    def logits(self, hidden_NP: Singles, rows_E: Integers, words_E: Integers) -> Reals:
        """[E] the logit of word `words_E[i]` after the state in row `rows_E[i]`, one short product for each. Less the
        state's log-normaliser it is the natural-log probability."""
        chosen_EQ = self._output_VQ.take(words_E, axis=0)
        chosen_EP, bias_E = chosen_EQ[:, :-1], chosen_EQ[:, -1]
        chosen_EP *= hidden_NP.take(rows_E, axis=0)
        logits_E: Reals = (chosen_EP.sum(axis=1) + bias_E).astype(np.float64)
        return logits_E

    def log_normalizers(self, hidden_NP: Singles) -> Reals:
        """[N] the log of the sum over the vocabulary of exp(logit), one product with all of it for each."""
        return np.concatenate([np.empty(0), *map(self._log_sum_exp_, self._all_logits(hidden_NP))])

    def most_probable(self, hidden_NP: Singles, count: int, *, normalize: bool = True) -> tuple[Reals, Integers]:
        """[N, M] natural-log probabilities and [N, M] words: the `count` most probable after each state, best first.
        `normalize=False` as in `log_probs`."""
        log_probs, words = [np.empty((0, count))], [np.empty((0, count), dtype=np.int64)]
        for logits_CV in self._all_logits(hidden_NP):
            best_CM, words_CM = logits_CV.topk(count, dim=1)
            log_probs_CM: Reals = best_CM.double().numpy()
            log_probs.append(log_probs_CM - self._log_sum_exp_(logits_CV)[:, None] if normalize else log_probs_CM)
            words.append(words_CM.numpy())
        return np.concatenate(log_probs), np.concatenate(words)

    def _all_logits(self, hidden_NP: Singles) -> Iterator[Tensor]:
        """Each [C, V], of so many states that they stay in the cache, in the same memory as the ones before."""
        output_QV, words = torch.from_numpy(self._output_VQ).t(), len(self._output_VQ)
        states = max(1, min(len(hidden_NP), _CHUNK_BYTES // (4 * words)))
        logits_CV = torch.empty(states, words)
        state_CQ = torch.ones(states, self._output_VQ.shape[1])
        for first in range(0, len(hidden_NP), states):
            chunk_CP = torch.from_numpy(hidden_NP[first : first + states])
            state_CQ[: len(chunk_CP), :-1] = chunk_CP
            yield torch.mm(state_CQ[: len(chunk_CP)], output_QV, out=logits_CV[: len(chunk_CP)])

    def _gates_of_words(self, model: LstmLanguageModel) -> Singles:
        """[K, V, H] what each word gives to the gates of the first layer, its bias included."""
        first, weight_VD = self._layers[0], model.input.weight.detach()
        gates_KVH = np.empty((4, len(weight_VD), self.specification.hidden_size), dtype=np.float32)
        for start in range(0, len(weight_VD), 4096):
            vectors_BD = model.compression(weight_VD[start : start + 4096].to(model.output.bias.dtype)).float()
            gates_KVH[:, start : start + 4096] = first.from_below(vectors_BD.numpy())
        return gates_KVH

    def _largest_logit(self) -> float:
        """No logit can be further from 0: the LSTM's units lie between -1 and 1."""
        output_VQ = torch.from_numpy(self._output_VQ)
        weights_VH, bias_V = output_VQ[:, :-1], output_VQ[:, -1]
        if self._to_input_size_HP is not None:
            weights_VH = weights_VH @ self._to_input_size_HP.t()
        return float((weights_VH.abs().sum(dim=1) + bias_V.abs()).max())

    def _log_sum_exp_(self, logits_CV: Tensor) -> Reals:
        """[C]; overwrites the logits."""
        if self._exponentials_are_safe:
            sums_C: Reals = logits_CV.exp_().sum(dim=1).double().log_().numpy()
            return sums_C
        highest_C1 = logits_CV.amax(dim=1, keepdim=True)
        exponentials_C = logits_CV.sub_(highest_C1).exp_().sum(dim=1)
        log_sums_C: Reals = exponentials_C.double().log_().add_(highest_C1.squeeze(1)).numpy()
        return log_sums_C


def _cell_(gates_KBH: Singles, before_BH: Singles, hidden_BH: Singles, after_BH: Singles) -> None:
    """Hidden and cell state after gates that are not yet squashed, which it overwrites."""
    np.tanh(gates_KBH, out=gates_KBH)
    input_BH, forget_BH, output_BH, cell_BH = gates_KBH
    twice_sigmoids_KBH = gates_KBH[:3]
    twice_sigmoids_KBH += 1
    np.multiply(forget_BH, before_BH, out=after_BH)
    input_BH *= cell_BH
    after_BH += input_BH
    after_BH *= 0.5
    np.tanh(after_BH, out=hidden_BH)
    hidden_BH *= output_BH
    hidden_BH *= 0.5
