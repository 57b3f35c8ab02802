"""From lattices to lattices or lists with new scores. Free of HTTP."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path as FilePath

from hindcast.errors import InvalidInput
from hindcast_scorer.lattice_files import changed_lattices, read_lattices
from hindcast_scorer.lattices.composition import Composition, Search, compose
from hindcast_scorer.lattices.lattice import Lattice, LatticeFormat, Weights
from hindcast_scorer.lattices.ngram_histories import JoinedNgram
from hindcast_scorer.lattices.paths import Path, best_path, best_paths
from hindcast_scorer.lattices.rescored import rescored_lattice
from hindcast_scorer.rescore import TEXTS_LOOKED_AT, Rescoring, Turn
from hindcast_scorer.rescoring.lists import Hypothesis, NBestList, RescoredList, Score
from hindcast_scorer.rescoring.old_model import OldLanguageModel
from hindcast_scorer.rescoring.options import RescoreOptions
from hindcast_scorer.rescoring.rescoring import ranks_by

ADDED = (
    "graph costs may hold the recogniser's own language model, and ours is added: old_ngram takes it out, "
    "graph_scale=0 leaves them out"
)
"""What is to be minded where the new scores come on top."""

_WEIGHTS = ("am_scale", "lm_weight", "word_insertion_penalty")


@dataclass(frozen=True)
class LatticeOptions:
    """How lattices are scored and searched."""

    options: RescoreOptions
    """As for lists, but for tokens and order."""
    weights_given: frozenset[str] = frozenset()
    """Names of the weights that the client stated: the others are those of the lattice's header."""
    graph_scale: float | None = None
    """Of graph scores; None: the header's."""
    recombination: int = 4
    """n: how many last words must be equal for paths to go on as one."""
    beam: float = math.inf
    """Paths whose totals are further behind the best at a node are given up."""
    states_per_node: int = 64
    """How many paths go on from a node at most."""
    old_model: OldLanguageModel | None = None
    """Taken out of graph scores, which hold it."""

    def check(self, lattice: Lattice) -> None:
        """InvalidInput where the old model can't be in its scores."""
        if self.old_model is None:
            return
        if not lattice.graph_holds_lm:
            raise InvalidInput.field(
                "old_ngram",
                "must be absent with slf: its links state the old model's scores apart (l=), which new ones replace. "
                "Only the graph costs of kaldi-lattice hold it",
            )
        for link in lattice.links:
            if link.word is not None:
                self.old_model.check((link.word,), link.place)

    def adds_to_old(self, lattice: Lattice) -> bool:
        """Whether the old model's scores stay in what counts."""
        scale = lattice.weights.graph_scale if self.graph_scale is None else self.graph_scale
        holds_old = self.old_model is None and lattice.graph_holds_lm and scale != 0
        return holds_old and any(link.graph_score for link in lattice.links)

    def search(self, lattice: Lattice) -> Search:
        """For one lattice, whose own weights count where none were given."""
        own = lattice.weights
        weights = Weights(
            **{name: getattr(self.options if name in self.weights_given else own, name) for name in _WEIGHTS},
            graph_scale=own.graph_scale if self.graph_scale is None else self.graph_scale,
        )
        return Search(weights, self.recombination, self.beam, self.states_per_node)


@dataclass(frozen=True)
class LookedThrough:
    """What a file's lattices tell before they are scored."""

    words: Sequence[str]
    """The first of them."""
    adds_to_old: bool
    """The new model's scores come on top of the old one's."""


@dataclass(frozen=True)
class LatticeFile:
    """What was sent."""

    form: LatticeFormat
    path: FilePath
    utterance: str
    """Id of a lattice that has none."""

    def looked_through(self, asked: LatticeOptions) -> LookedThrough:
        """InvalidInput for whatever is wrong, down to the last line."""
        words: list[str] = []
        adds_to_old = False
        with self.path.open("rb") as body:
            for lattice in read_lattices(self.form, body, utterance=self.utterance, check=asked.check):
                words += islice(lattice.spoken, TEXTS_LOOKED_AT - len(words))
                adds_to_old = adds_to_old or asked.adds_to_old(lattice)
        return LookedThrough(words, adds_to_old)

    def lattices(self) -> Iterator[Lattice]:
        """One in memory at a time."""
        with self.path.open("rb") as body:
            yield from read_lattices(self.form, body, utterance=self.utterance)


class LatticeRescoring:
    """Scores lattices with the models that are served."""

    def __init__(self, rescoring: Rescoring) -> None:
        self._rescoring = rescoring

    def check(self, reference: str, file: LatticeFile, asked: LatticeOptions) -> Sequence[str | None]:
        """What is to be minded, if anything. InvalidInput for whatever is wrong, down to the last line."""
        found = file.looked_through(asked)
        return [ADDED if found.adds_to_old else None, self._strange(reference, file, found.words, asked)]

    def _strange(self, reference: str, file: LatticeFile, words: Sequence[str], asked: LatticeOptions) -> str | None:
        if file.form.table is not None and words and all(word.isdecimal() for word in words):
            return f"all words are numbers: send the lattices in a tar archive with their {file.form.table}"
        return self._rescoring.strange(reference, words, asked.options)

    def lattices(self, reference: str, file: LatticeFile, asked: LatticeOptions) -> Iterator[bytes]:
        """All paths that were looked at, in the format that came. With a session, each lattice goes on after the best
        path of the one before."""
        joined = self._joined(asked.options)
        with self._rescoring.turn(reference, asked.options) as turn, file.path.open("rb") as body:

            def change(lattice: Lattice) -> Lattice:
                composition = self._composed(turn, lattice, asked, joined)
                if turn.in_session:
                    _hear(turn, best_path(composition))
                return rescored_lattice(composition)

            yield from changed_lattices(file.form, body, change, utterance=file.utterance)

    def lists(self, reference: str, file: LatticeFile, asked: LatticeOptions, *, count: int) -> Iterator[RescoredList]:
        """The `count` best sequences of words of each lattice, best first."""
        joined = self._joined(asked.options)
        with self._rescoring.turn(reference, asked.options) as turn:
            for lattice in file.lattices():
                composition = self._composed(turn, lattice, asked, joined)
                paths = best_paths(composition, count)
                _hear(turn, paths[0])
                yield _list(lattice, paths, composition.search.weights)

    def _joined(self, options: RescoreOptions) -> JoinedNgram | None:
        model = self._rescoring.ngram(options)
        if model is None or options.interpolation is None:
            return None
        return JoinedNgram(model, options.interpolation)

    def _composed(self, turn: Turn, lattice: Lattice, asked: LatticeOptions, joined: JoinedNgram | None) -> Composition:
        with self._rescoring.batching.slot():
            return compose(
                lattice,
                turn.served.quick,
                turn.served.bundle.vocabulary,
                asked.search(lattice),
                normalize=turn.words_of,
                joined=joined,
                old_model=asked.old_model,
                start=turn.heard.point,
                exact_sum=asked.options.sum == "exact",
                oov_logprob=asked.options.oov_logprob,
            )


def _hear(turn: Turn, path: Path) -> None:
    turn.hear(turn.words_of(" ".join(path.words)))


def _list(lattice: Lattice, paths: Sequence[Path], weights: Weights) -> RescoredList:
    ranks_before = ranks_by([_total_before(path, weights) for path in paths])
    return RescoredList(
        NBestList(lattice.utterance, [_hypothesis(path) for path in paths]),
        [
            Score(
                am_score=path.am_score,
                ngram_logprob=path.ngram_logprob,
                neural_logprob=path.neural_logprob,
                lm_logprob=path.lm_logprob,
                words=path.tokens,
                oov=path.oov,
                total=path.total,
                rank_before=rank_before,
                rank_after=rank_after,
            )
            for rank_after, (path, rank_before) in enumerate(zip(paths, ranks_before, strict=True), start=1)
        ],
    )


def _hypothesis(path: Path) -> Hypothesis:
    scores = {"am_score": path.am_score, "lm_score": path.old_lm_score, "graph_score": path.graph_score}
    told = {name: score for name, score in scores.items() if score is not None}
    return Hypothesis(" ".join(path.words), path.am_score, path.old_lm_score, {"jsonl": told})


def _total_before(path: Path, weights: Weights) -> float:
    """With the recogniser's own language model in the place of ours."""
    acoustic = weights.am_scale * (path.am_score or 0.0) + weights.graph_scale * (path.graph_score or 0.0)
    return acoustic + weights.lm_weight * (path.old_lm_score or 0.0) + weights.word_insertion_penalty * path.tokens
