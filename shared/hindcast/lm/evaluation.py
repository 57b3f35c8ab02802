"""Exact log-probabilities of text. Each text's are its own: nobody's depend on order, number or kind of the others.

Shapes: T time, B lanes, N tokens of one text, K most probable words.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hindcast.lm.base import History, LanguageModel, State
from hindcast.lm.lstm import LstmLanguageModel
from hindcast.lm.reading import read_on
from hindcast.lm.trainee import read_batch
from hindcast.text.batches import language_model_batches
from hindcast.text.corpus import EncodedText
from hindcast.text.vocabulary import END_ID

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

_LANES = 64
_STEPS = 128
_NORMALIZATION_TOKENS = 20_000


@dataclass(frozen=True)
class Scores:
    """What a model says of one text."""

    log_probs_N: Reals
    """Natural-log probability of each token."""
    ranks_N: Integers | None
    """1 + how many words were strictly more probable; None unless asked for."""
    top_NK: Integers
    """The words that were most probable in the place of each token, most probable first; K is 0 unless asked for."""
    top_log_probs_NK: Reals

    @classmethod
    def empty(cls, length: int, *, ranks: bool = False, top: int = 0) -> "Scores":
        """To be filled in."""
        ranks_N = np.empty(length, dtype=np.int64) if ranks or top else None
        return cls(np.empty(length), ranks_N, np.empty((length, top), dtype=np.int64), np.empty((length, top)))

    def __getitem__(self, part: slice) -> "Scores":
        """Of some of the tokens: what is written there is written here."""
        ranks_N = None if self.ranks_N is None else self.ranks_N[part]
        return Scores(self.log_probs_N[part], ranks_N, self.top_NK[part], self.top_log_probs_NK[part])

    def fill(self, found: "Scores") -> None:
        """Write down the scores of these tokens."""
        self.log_probs_N[:] = found.log_probs_N
        if self.ranks_N is not None and found.ranks_N is not None:
            self.ranks_N[:] = found.ranks_N
        self.top_NK[:], self.top_log_probs_NK[:] = found.top_NK, found.top_log_probs_NK


def score(
    model: LanguageModel, texts: Sequence[Integers], *, history: History, ranks: bool = False, top: int = 0
) -> list[Scores]:
    """Score texts, each the ids of its tokens with `</s>` after every sentence. Histories never cross texts. With `top`
    each token has its rank too, and the words that were most probable there."""
    scores = [Scores.empty(len(text), ranks=ranks, top=top) for text in texts]
    pairs = zip(texts, scores, strict=True)
    histories = [part for text, score in pairs for part in _histories(text, score, history)]
    histories.sort(key=len, reverse=True)
    for first in range(0, len(histories), _LANES):
        _score_lanes(model, histories[first : first + _LANES])
    return scores


def score_corpus(
    model: LanguageModel, text: EncodedText, *, history: History, ranks: bool = False
) -> Iterator[tuple[Integers, Scores]]:
    """The tokens and scores of every sentence, or every document, in the order of a stored text."""
    starts, ends = text.unit_bounds(history)
    bounds = zip(starts.tolist(), ends.tolist(), strict=True)
    while group := list(islice(bounds, _LANES * 16 if history == "sentence" else _LANES)):
        texts = [text.tokens(start, end) for start, end in group]
        yield from zip(texts, score(model, texts, history=history, ranks=ranks), strict=True)


def read(model: LanguageModel, prefix_N: Integers) -> Tensor:
    """[1, H] hidden state after `</s>` and the tokens of a prefix: what `log_probs` and `ranks` take."""
    hidden_1H, _ = read_on(model, (END_ID, *prefix_N.tolist()))
    return hidden_1H


@dataclass(frozen=True)
class _History:
    """Tokens that share a history, and where their scores go."""

    tokens_N: Integers
    scores: Scores

    def __len__(self) -> int:
        return len(self.tokens_N)


def _histories(text: Integers, scores: Scores, history: History) -> Iterator[_History]:
    ends = [len(text)] if history == "document" else [*(np.flatnonzero(text == END_ID) + 1).tolist(), len(text)]
    start = 0
    for end in ends:
        if end > start:
            part = slice(start, end)
            yield _History(text[part], scores[part])
        start = end


def _shifted(tokens_N: Integers, length: int) -> Integers:
    """The inputs that predict these tokens: `</s>`, then all but the last; filled up with `</s>`."""
    words = np.full(length, END_ID, dtype=np.int64)
    words[1 : len(tokens_N) + 1] = tokens_N[: length - 1]
    return words


@torch.no_grad()
def _score_lanes(model: LanguageModel, lanes: Sequence[_History]) -> None:
    """Score histories side by side, longest first: as shorter ones end, fewer lanes go on."""
    state = model.start_state(len(lanes))
    longest = len(lanes[0])
    inputs_TB = torch.from_numpy(np.stack([_shifted(lane.tokens_N, longest) for lane in lanes], axis=1))
    for start in range(0, longest, _STEPS):
        lanes = [lane for lane in lanes if len(lane) > start]
        state = tuple(tensor[:, : len(lanes)].contiguous() for tensor in state)
        hidden_TBH, state = model.run(inputs_TB[start : start + _STEPS, : len(lanes)], state)
        _score_block(model, lanes, start, hidden_TBH)


def _score_block(model: LanguageModel, lanes: Sequence[_History], start: int, hidden_TBH: Tensor) -> None:
    block = slice(start, start + len(hidden_TBH))
    parts = [lane.tokens_N[block] for lane in lanes]
    hidden_NH = torch.cat([hidden_TBH[: len(part), lane] for lane, part in enumerate(parts)])
    targets_N = torch.from_numpy(np.concatenate(parts))
    scores = _scores_of(model, hidden_NH, targets_N, like=lanes[0].scores)
    offset = 0
    for lane, part in zip(lanes, parts, strict=True):
        lane.scores[block].fill(scores[offset : offset + len(part)])
        offset += len(part)


def _scores_of(model: LanguageModel, hidden_NH: Tensor, targets_N: Tensor, *, like: Scores) -> Scores:
    """Of some tokens, as much as is asked for in `like`."""
    if like.ranks_N is None:
        return replace(Scores.empty(len(targets_N)), log_probs_N=model.target_log_probs(hidden_NH, targets_N).numpy())
    top = like.top_NK.shape[1]
    ranks_N, log_probs_N, most_probable = model.ranks_and_most_probable(hidden_NH, targets_N, top)
    return Scores(log_probs_N.numpy(), ranks_N.numpy(), *(tensor.numpy() for tensor in most_probable))


@torch.no_grad()
def normalization(
    model: LstmLanguageModel, text: EncodedText, *, history: History, tokens: int = _NORMALIZATION_TOKENS
) -> dict[str, float]:
    """How far log Z, by whose Z the softmax divides, strays over the first tokens of a text: `mean_log_z`,
    `deviation_log_z`, `largest_log_z` (by its distance from 0), and over how many `tokens`."""
    state: State = ()
    log_z_N: list[Tensor] = []
    read = 0
    batches = language_model_batches(text, history=history, batch_size=_LANES, bptt=_STEPS, seed=None, epoch=0)
    for batch in batches:
        hidden_TBH, state = read_batch(model, batch, state)
        log_z_N.append(model.log_normalizers(hidden_TBH[torch.from_numpy(batch.targets_TB) >= 0]))
        read += len(log_z_N[-1])
        if read >= tokens:
            break
    found_N = torch.cat(log_z_N)
    return {
        "mean_log_z": float(found_N.mean()),
        "deviation_log_z": float(found_N.std(correction=0)),
        "largest_log_z": float(found_N[found_N.abs().argmax()]),
        "tokens": float(read),
    }
