"""Lattices of a few nodes, and a language model for their words."""

from collections.abc import Iterator
from io import BytesIO

import numpy as np
from hypothesis import strategies as st

from hindcast.lm.evaluation import score
from hindcast.lm.lstm import LstmLanguageModel, LstmSpecification
from hindcast.text.vocabulary import END_ID, Vocabulary
from hindcast_scorer.lattices.lattice import Final, Lattice, LatticeFormat, Link, Node, Weights

WORDS = ["the", "rain", "fell", "well", "a"]
VOCABULARY = Vocabulary.from_words(WORDS)


def model(layers: int = 1) -> LstmLanguageModel:
    """Its next word depends much on what was read: weights are drawn large."""
    built = LstmSpecification(vocabulary_size=len(VOCABULARY), input_size=6, hidden_size=8, layers=layers).build(seed=4)
    for weight in built.parameters():
        weight.data.mul_(3.0)
    built.prepare_for_scoring()
    return built


def read(form: LatticeFormat, text: str | bytes) -> list[Lattice]:
    return list(form.read(BytesIO(text.encode() if isinstance(text, str) else text)))


def written(form: LatticeFormat, *lattices: Lattice) -> bytes:
    return b"".join(form.write(lattices))


def all_paths(lattice: Lattice) -> Iterator[tuple[list[Link], Final]]:
    """Every one, by brute force."""
    open_paths: list[tuple[int, list[Link]]] = [(lattice.start, [])]
    while open_paths:
        node, links = open_paths.pop()
        if node in lattice.finals:
            yield links, lattice.finals[node]
        open_paths += [(link.end, [*links, link]) for link in lattice.links if link.start == node]


def words_of(lattice: Lattice, links: list[Link]) -> list[str]:
    words = [lattice.nodes[lattice.start].word]
    for link in links:
        words += [link.word, lattice.nodes[link.end].word]
    return [word for word in words if word is not None]


def rescored_one_by_one(
    lattice: Lattice, weights: Weights, language_model: LstmLanguageModel
) -> dict[tuple[str, ...], float]:
    """The best total of each sequence of words, every path scored by itself as a text."""
    best: dict[tuple[str, ...], float] = {}
    for links, final in all_paths(lattice):
        words = words_of(lattice, links)
        ids = np.array([*VOCABULARY.encode(words), END_ID])
        neural = score(language_model, [ids], history="document")[0].log_probs_N.sum()
        total = weights.lm_weight * neural + weights.word_insertion_penalty * len(words)
        for scored in (*links, final):
            total += weights.am_scale * (scored.am_score or 0) + weights.graph_scale * (scored.graph_score or 0)
        best[tuple(words)] = max(float(total), best.get(tuple(words), -np.inf))
    return best


_scores = st.one_of(st.none(), st.integers(-400, 0).map(lambda quarters: quarters / 4))


@st.composite
def lattices(draw: st.DrawFn, *, kaldi: bool = False, most_nodes: int = 6) -> Lattice:
    """A way from the first node to the last, and any other links forward."""
    count = draw(st.integers(2, most_nodes))
    pairs = [(node, node + 1) for node in range(count - 1)]
    others = st.tuples(st.integers(0, count - 2), st.integers(1, count - 1)).filter(lambda pair: pair[0] < pair[1])
    pairs += draw(st.lists(others, max_size=6))
    labels = st.sampled_from([*WORDS, "unheard-of", "<eps>" if kaldi else "!NULL"])
    links = [_link(draw, start, end, draw(labels), kaldi) for start, end in draw(st.permutations(pairs))]
    nodes = [Node(str(node), time=None if kaldi else node / 10) for node in range(count)]
    return Lattice("utt", nodes, links, 0, {count - 1: Final()}, graph_holds_lm=kaldi)


def _link(draw: st.DrawFn, start: int, end: int, label: str, kaldi: bool) -> Link:
    word = None if label in ("<eps>", "!NULL") else label
    am_score, graph_score = draw(_scores), draw(_scores)
    if kaldi:
        return Link(start, end, label, word, am_score=am_score or 0.0, graph_score=graph_score or 0.0)
    lm_score = draw(_scores)
    return Link(start, end, label, word, am_score=am_score, lm_score=lm_score, graph_score=graph_score)
