"""Log-probabilities of many sentences that begin alike: each beginning is read once.

Shapes: S sentences, T the longest one's tokens, R texts that they go on from, E edges of the tree of their beginnings,
N states, P what words are predicted from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from hindcast.lm.single_precision import QuickState, SinglePrecisionModel, Singles
from hindcast.text.vocabulary import END_ID

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

_PADDING = -1
_SENTENCES = 4096
"""Read side by side, so that a request's states take no more than some tens of megabytes."""


@dataclass(frozen=True)
class ReadingPoint:
    """Where sentences begin: what a model remembers, and what it predicts the first word from; of one text, or of
    several side by side."""

    hidden_RP: Singles
    state: QuickState
    """Each [layers, R, H]."""

    @classmethod
    def start(cls, model: SinglePrecisionModel) -> "ReadingPoint":
        """The beginning of a text: `</s>` has been read, in a zero state."""
        return cls(*model.step(np.array([END_ID]), model.start_state(1)))

    def after(self, model: SinglePrecisionModel, tokens: Sequence[int]) -> "ReadingPoint":
        """Further on in a text, after these tokens; this very point where there are none."""
        if not tokens:
            return self  # so that those who begin at the same point can be told by it
        hidden_1P, state = self.hidden_RP, self.state
        for token in tokens:
            hidden_1P, state = model.step(np.array([token]), state)
        return ReadingPoint(hidden_1P, state)

    @classmethod
    def side_by_side(cls, points: Sequence["ReadingPoint"]) -> "ReadingPoint":
        """Several as one."""
        hidden, cell = zip(*(point.state for point in points), strict=True)
        return cls(
            np.concatenate([point.hidden_RP for point in points]),
            (np.concatenate(hidden, axis=1), np.concatenate(cell, axis=1)),
        )


def score_sentences(
    model: SinglePrecisionModel,
    sentences: Sequence[Sequence[int]],
    *,
    start: ReadingPoint,
    texts_S: Sequence[int] | None = None,
    normalize: bool = True,
) -> list[Reals]:
    """Natural-log probabilities of the tokens of each sentence and of the `</s>` that ends it.

    Each goes on from `start`; where that is of several texts, `texts_S` says to which of them a sentence belongs. Equal
    sentences of a text score equally, to the bit. Order and number of the others change nothing beyond some 1e-6 a
    token.
    """
    texts = texts_S or [0] * len(sentences)
    paths = [(text, *sentence, END_ID) for text, sentence in zip(texts, sentences, strict=True)]
    order = sorted(range(len(paths)), key=paths.__getitem__)
    scores: list[Reals] = [np.empty(0)] * len(paths)
    for first in range(0, len(order), _SENTENCES):
        chosen = order[first : first + _SENTENCES]
        scored = _score_sorted(model, [paths[index] for index in chosen], start, normalize=normalize)
        for index, log_probs in zip(chosen, scored, strict=True):
            scores[index] = log_probs
    return scores


@dataclass(frozen=True)
class _Edges:
    """The distinct tokens of one depth: edges from the nodes of that depth to those of the next."""

    words_E: Integers
    parents_E: Integers
    """From which node, by the number of the edge that leads to it; they never fall."""
    places_S: Integers
    """Which edge each sentence takes; meaningless beyond its end."""


def _edges(sentences: Sequence[Sequence[int]]) -> list[_Edges]:
    """Sorted sentences as a tree, depth by depth."""
    tokens_ST = np.full((len(sentences), max(map(len, sentences))), _PADDING, dtype=np.int64)
    for row_T, sentence in zip(tokens_ST, sentences, strict=True):
        row_T[: len(sentence)] = sentence
    new_ST = np.ones(tokens_ST.shape, dtype=np.bool_)
    new_ST[1:] = np.logical_or.accumulate(tokens_ST[1:] != tokens_ST[:-1], axis=1)
    new_ST &= tokens_ST != _PADDING
    places_ST = np.cumsum(new_ST, axis=0) - 1
    firsts = [np.flatnonzero(new_S) for new_S in new_ST.T]
    before_ST = np.hstack([np.zeros_like(places_ST[:, :1]), places_ST[:, :-1]])
    return [
        _Edges(tokens_ST[first_E, depth], before_ST[first_E, depth], places_ST[:, depth])
        for depth, first_E in enumerate(firsts)
    ]


def _score_sorted(
    model: SinglePrecisionModel, paths: Sequence[Sequence[int]], start: ReadingPoint, *, normalize: bool
) -> list[Reals]:
    """Paths begin with the number of their text, and end in `</s>`."""
    texts, *tree = _edges(paths)
    text_R = texts.words_E
    hidden, state = [start.hidden_RP[text_R]], _lanes(start.state, text_R)
    lanes_E = tree[0].parents_E
    rows, states = [lanes_E], len(text_R)
    for above, edges in pairwise(tree):
        first_E = np.ones(len(edges.parents_E), dtype=np.bool_)
        first_E[1:] = edges.parents_E[1:] != edges.parents_E[:-1]
        read_N = edges.parents_E[first_E]  # what nothing follows needn't be read
        hidden_NP, state = model.step(above.words_E[read_N], _lanes(state, lanes_E[read_N]))
        lanes_E = np.cumsum(first_E) - 1
        rows.append(lanes_E + states)
        hidden.append(hidden_NP)
        states += len(read_N)
    log_probs_E = model.log_probs(
        np.concatenate(hidden),
        np.concatenate(rows),
        np.concatenate([edges.words_E for edges in tree]),
        normalize=normalize,
    )
    starts = np.cumsum([0, *(len(edges.words_E) for edges in tree[:-1])])
    places_ST = np.stack([edges.places_S for edges in tree], axis=1) + starts
    return [log_probs_E[places_T[: len(path) - 1]] for places_T, path in zip(places_ST, paths, strict=True)]


def _lanes(state: QuickState, lanes_N: Integers) -> QuickState:
    """Of these lanes alone."""
    hidden_LBH, cell_LBH = state
    return hidden_LBH.take(lanes_N, axis=1), cell_LBH.take(lanes_N, axis=1)
