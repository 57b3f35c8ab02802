"""A composition as a lattice again: the new language model's scores on its links, for the recogniser to go on with."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from hindcast_scorer.lattices.composition import Composition, Step
from hindcast_scorer.lattices.lattice import Lattice, Link, neighbors, reached


@dataclass(frozen=True)
class _Passage:
    """A link between two states, all its parts taken together."""

    source: int
    target: int
    link: int
    lm_logprob: float
    old_logprob: float


def rescored_lattice(composition: Composition) -> Lattice:
    """All paths of a composition. A node is there once for each of its states, so a path's language model score is the
    sum of its links' and its end's `lm_score`; the old one is gone. `weights` are those of the search."""
    lattice, states = composition.lattice, composition.states
    passages = list(_passages(composition))
    ends = {step.source: step for step in composition.endings}
    useful = reached(ends, neighbors((passage.target, passage.source) for passage in passages))
    numbers = {state: number for number, state in enumerate(sorted(useful))}
    links = [
        _link(lattice.links[passage.link], passage, numbers)
        for passage in passages
        if passage.source in useful and passage.target in useful
    ]
    nodes = [replace(lattice.nodes[states[state].node], name=str(number)) for state, number in numbers.items()]
    finals = {}
    for state, step in ends.items():
        final = lattice.finals[states[state].node]
        graph = _without(final.graph_score, step.ngrams.old_logprob)
        finals[numbers[state]] = replace(final, lm_score=step.lm_logprob, graph_score=graph)
    return replace(
        lattice, nodes=nodes, links=links, start=numbers[0], finals=finals, weights=composition.search.weights
    )


def _passages(composition: Composition) -> Iterator[_Passage]:
    outgoing = defaultdict[int, list[tuple[int, Step]]](list)
    for target, state in enumerate(composition.states):
        for step in state.incoming:
            outgoing[step.source].append((target, step))
    for source in range(len(composition.states)):
        for target, step in outgoing[source]:
            assert step.arc is not None
            if step.arc.first:
                passage = _Passage(source, target, step.arc.link, step.lm_logprob, step.ngrams.old_logprob)
                yield from _to_its_end(passage, composition, outgoing)


def _to_its_end(
    passage: _Passage, composition: Composition, outgoing: Mapping[int, Sequence[tuple[int, Step]]]
) -> Iterator[_Passage]:
    """Go on through the states between the parts of a link. None where the search gave up one of them."""
    while composition.states[passage.target].node >= len(composition.lattice.nodes):
        further = outgoing.get(passage.target, ())
        if not further:
            return
        target, step = further[0]  # one part follows another
        passage = replace(passage, target=target, lm_logprob=passage.lm_logprob + step.lm_logprob)
    yield passage


def _link(link: Link, passage: _Passage, numbers: Mapping[int, int]) -> Link:
    return replace(
        link,
        start=numbers[passage.source],
        end=numbers[passage.target],
        lm_score=passage.lm_logprob,
        graph_score=_without(link.graph_score, passage.old_logprob),
    )


def _without(graph_score: float | None, old_logprob: float) -> float | None:
    return graph_score if graph_score is None or not old_logprob else graph_score - old_logprob
