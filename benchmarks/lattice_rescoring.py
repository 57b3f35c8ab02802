"""How fast lattices are rescored, beside rescoring some of their paths: `python benchmarks/lattice_rescoring.py`.

Lattices are made: each word between nodes that lie one after the other is one of a few. The list's arm scores the
hundred best paths, what they begin with shared, without finding them. With one thread, time is the processor's, so that
a busy machine tells the same.
"""

import argparse
import json
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch import nn

from hindcast.lm.lstm import LstmSpecification
from hindcast.lm.prefix_tree import ReadingPoint, score_sentences
from hindcast.lm.single_precision import SinglePrecisionModel
from hindcast.text.vocabulary import Vocabulary
from hindcast_scorer.lattices.composition import Search, compose
from hindcast_scorer.lattices.lattice import Final, Lattice, Link, Node
from hindcast_scorer.lattices.paths import best_paths

SEARCHES = ((4, 8), (4, 64), (1, 64))
"""Last words that must be equal for paths to merge, and states of a node at most."""
REACH = 3
"""Nodes that a link leads on, at most."""
LIST = 100


def made_lattice(nodes: int, links: int, vocabulary: Vocabulary, *, seed: int) -> Lattice:
    """A way through all nodes, and other links forward; a few words are likely at each place."""
    random = np.random.default_rng(seed)
    pairs = [(node, node + 1) for node in range(nodes - 1)]
    while len(pairs) < links:
        start = int(random.integers(0, nodes - 1))
        pairs.append((start, int(min(nodes - 1, start + 1 + random.integers(0, REACH)))))
    likely = {node: random.integers(2, len(vocabulary), 8) for node in range(nodes)}
    made = []
    for start, end in pairs:
        word = vocabulary.words[int(random.choice(likely[end]))]
        made.append(Link(start, end, word, word, am_score=-float(random.exponential(3.0))))
    return Lattice("made", [Node(str(node)) for node in range(nodes)], made, 0, {nodes - 1: Final()})


def _clock() -> float:
    return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vocabulary", type=int, default=10_000)
    parser.add_argument("--hidden-size", type=int, default=200)
    parser.add_argument("--nodes", type=int, default=30)
    parser.add_argument("--links", type=int, default=200)
    parser.add_argument("--count", type=int, default=5, help="of lattices")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    vocabulary = Vocabulary.from_words([f"w{number}" for number in range(asked.vocabulary - 2)])
    specification = LstmSpecification(vocabulary_size=len(vocabulary), input_size=128, hidden_size=asked.hidden_size)
    model = specification.build(seed=1)
    nn.init.normal_(model.output.bias, std=1.5)
    model.prepare_for_scoring()
    quick = SinglePrecisionModel(model)
    lattices = [made_lattice(asked.nodes, asked.links, vocabulary, seed=seed) for seed in range(asked.count)]
    figures = {
        f"n={context}, {states} states": _measured(lattices, quick, vocabulary, context, states)
        for context, states in SEARCHES
    }
    figures[f"a list of {LIST}"] = _list(lattices, quick, vocabulary)
    print(f"{asked.count} lattices of {asked.nodes} nodes, {asked.links} links; {asked.threads} thread(s)")
    print(f"{'arm':20}{'ms/lattice':>12}{'states':>9}")
    for name, figure in figures.items():
        print(f"{name:20}{figure['milliseconds']:12.1f}{figure.get('states', 0):9.0f}")
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=1))


def _measured(
    lattices: list[Lattice], quick: SinglePrecisionModel, vocabulary: Vocabulary, context: int, states: int
) -> dict[str, float]:
    search = Search(context=context, states_per_node=states)
    compose(lattices[0], quick, vocabulary, search)
    seconds, sizes = [], []
    for lattice in lattices:
        began = _clock()
        sizes.append(len(compose(lattice, quick, vocabulary, search).states))
        seconds.append(_clock() - began)
    return {"milliseconds": 1000 * median(seconds), "states": median(sizes)}


def _list(lattices: list[Lattice], quick: SinglePrecisionModel, vocabulary: Vocabulary) -> dict[str, float]:
    """What it takes to score the best paths as a list, without finding them."""
    seconds = []
    for lattice in lattices:
        paths = best_paths(compose(lattice, quick, vocabulary, Search(context=1, states_per_node=8)), LIST)
        sentences = [vocabulary.encode(path.words).tolist() for path in paths]
        began = _clock()
        score_sentences(quick, sentences, start=ReadingPoint.start(quick))
        seconds.append(_clock() - began)
    return {"milliseconds": 1000 * median(seconds)}


if __name__ == "__main__":
    main()
