import math
from collections.abc import Hashable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from little_lattices import VOCABULARY, all_paths, lattices, model, read, rescored_one_by_one, words_of, written
from plain_arpa import PlainArpa

from hindcast.errors import InvalidInput
from hindcast.lm.evaluation import score
from hindcast.lm.prefix_tree import ReadingPoint
from hindcast.lm.single_precision import SinglePrecisionModel
from hindcast.text.vocabulary import END_ID
from hindcast_scorer.lattices.composition import Search, compose
from hindcast_scorer.lattices.kaldi_lattice import KaldiLattices
from hindcast_scorer.lattices.lattice import Final, Lattice, Link, Node, Weights
from hindcast_scorer.lattices.ngram_histories import JoinedNgram
from hindcast_scorer.lattices.paths import best_path, best_paths
from hindcast_scorer.lattices.rescored import rescored_lattice
from hindcast_scorer.lattices.slf import Slf
from hindcast_scorer.lattices.word_graph import Normalize
from hindcast_scorer.rescoring.old_model import OldLanguageModel
from hindcast_scorer.rescoring.options import Interpolation
from hindcast_scorer.rescoring.rescoring import interpolate

GOLDEN = Path(__file__).parent / "golden"
MODEL = model()
QUICK = SinglePrecisionModel(MODEL)
WEIGHTS = Weights(am_scale=0.5, lm_weight=1.5, word_insertion_penalty=-0.7, graph_scale=0.8)
EXACT = Search(WEIGHTS, context=None, states_per_node=None)


def sausage(length: int = 5) -> Lattice:
    """Three ways at each place."""
    words = ["the", "rain", "fell"]
    links = [
        Link(node, node + 1, word, word, am_score=-float((node * 7 + index * 3) % 5), lm_score=-9.0)
        for node in range(length)
        for index, word in enumerate(words)
    ]
    return Lattice("u", [Node(str(node)) for node in range(length + 1)], links, 0, {length: Final()})


def golden(name: str) -> Lattice:
    return read(KaldiLattices() if name.endswith(".lat") else Slf(), (GOLDEN / name).read_bytes())[0]


@pytest.mark.parametrize("name", ["links_base_10.slf", "pocketsphinx.slf", "two.lat"])
def test_golden_lattices_equal_rescoring_every_path(name: str) -> None:
    lattice = golden(name)
    expected = rescored_one_by_one(lattice, WEIGHTS, MODEL)
    found = best_paths(compose(lattice, QUICK, VOCABULARY, EXACT), 100)
    assert {path.words: path.total for path in found} == pytest.approx(expected, abs=1e-4)


@settings(max_examples=60, deadline=None)
@given(lattices(), st.integers(1, 60))
def test_exact_equals_rescoring_every_path(lattice: Lattice, count: int) -> None:
    expected = rescored_one_by_one(lattice, WEIGHTS, MODEL)
    composition = compose(lattice, QUICK, VOCABULARY, EXACT)
    found = best_paths(composition, count)
    assert [path.total for path in found] == pytest.approx(sorted(expected.values(), reverse=True)[:count], abs=1e-4)
    assert all(path.total == pytest.approx(expected[path.words], abs=1e-4) for path in found)
    assert len({path.words for path in found}) == len(found)
    assert all(first.total >= second.total for first, second in pairwise(found))
    assert best_path(composition) == found[0]


def test_a_model_of_two_layers() -> None:
    deep, lattice = model(layers=2), golden("pocketsphinx.slf")
    found = best_paths(compose(lattice, SinglePrecisionModel(deep), VOCABULARY, EXACT), 100)
    expected = rescored_one_by_one(lattice, WEIGHTS, deep)
    assert {path.words: path.total for path in found} == pytest.approx(expected, abs=1e-4)


@settings(max_examples=40, deadline=None)
@given(lattices(), st.floats(0, 5), st.integers(1, 3))
def test_a_beam_never_improves_on_the_exact_answer(lattice: Lattice, beam: float, states: int) -> None:
    exact = best_path(compose(lattice, QUICK, VOCABULARY, EXACT)).total
    pruned = compose(lattice, QUICK, VOCABULARY, replace(EXACT, beam=beam, states_per_node=states))
    assert best_path(pruned).total <= exact + 1e-4


@settings(max_examples=40, deadline=None)
@given(lattices(), st.integers(0, 2), st.randoms(use_true_random=False))
def test_the_order_of_links_changes_nothing(lattice: Lattice, context: int, random: Random) -> None:
    search = replace(EXACT, context=context)
    other = replace(lattice, links=random.sample(list(lattice.links), len(lattice.links)))
    totals = [
        {path.words: path.total for path in best_paths(compose(some, QUICK, VOCABULARY, search), 50)}
        for some in (lattice, other)
    ]
    assert totals[0] == pytest.approx(totals[1], abs=1e-4)


def test_few_equal_words_are_enough_to_merge_and_all_paths_stay() -> None:
    lattice = sausage()
    exact, merged = (compose(lattice, QUICK, VOCABULARY, replace(EXACT, context=context)) for context in (None, 1))
    assert len(exact.states) == 1 + 3 + 9 + 27 + 81 + 243
    assert len(merged.states) == 1 + 5 * 3
    assert len(best_paths(merged, 1000)) == 3**5


def test_components_make_the_total() -> None:
    for name in ("links_base_10.slf", "two.lat"):
        for path in best_paths(compose(golden(name), QUICK, VOCABULARY, EXACT), 10):
            parts = WEIGHTS.am_scale * (path.am_score or 0) + WEIGHTS.graph_scale * (path.graph_score or 0)
            parts += WEIGHTS.lm_weight * path.neural_logprob + WEIGHTS.word_insertion_penalty * path.tokens
            assert path.total == pytest.approx(parts, abs=1e-9)


def test_the_old_score_is_replaced_where_it_is_stated() -> None:
    lattice = sausage()
    path = best_path(compose(lattice, QUICK, VOCABULARY, EXACT))
    assert path.old_lm_score == -45.0
    without = replace(lattice, links=[replace(link, lm_score=None) for link in lattice.links])
    assert best_path(compose(without, QUICK, VOCABULARY, EXACT)).total == path.total


class ByPlace:
    """Words after the first cost more."""

    start: Hashable = "nothing said"

    def step(self, state: Hashable, word: str) -> tuple[float, Hashable]:
        return (-0.25 if word == "</s>" else -1.0 if state == self.start else -1.5), "something said"

    def log_probs(self, words: Sequence[str]) -> np.ndarray:
        return np.array([*[-1.0, *[-1.5] * len(words)][: len(words)], -0.25])

    def can_score(self, word: str) -> bool:
        return True


def test_the_old_model_is_taken_out_of_the_graph_score() -> None:
    lattice = golden("two.lat")
    old = OldLanguageModel(ByPlace(), scale=0.5)
    composition = compose(lattice, QUICK, VOCABULARY, EXACT, old_model=old)
    path = next(path for path in best_paths(composition, 10) if path.words == ("the", "rain"))
    # By hand: the after nothing -1, rain after one word -1.5, the end -0.25; costs of the graph 5.2 + 1.5 + 0.5.
    assert path.old_lm_score == pytest.approx(0.5 * (-1 - 1.5 - 0.25))
    assert path.graph_score == pytest.approx(-7.2 + 0.5 * 2.75)
    again = read(KaldiLattices(), written(KaldiLattices(), rescored_lattice(composition)))[0]
    costs = sorted(sum(link.graph_score or 0 for link in links) for links in ways(again, ["the", "rain"]))
    assert costs[-1] == pytest.approx(path.graph_score + path.neural_logprob, abs=1e-6)


ARPA = """\\data\\
ngram 1=8
ngram 2=4
ngram 3=3

\\1-grams:
-99\t<s>\t-0.5
-0.9\t</s>
-1.2\t<unk>
-0.8\tfell\t-0.4
-1.0\twell\t-0.3
-0.7\train\t-0.2
-1.1\tthe\t-0.1
-1.3\tunheard-of\t-0.2

\\2-grams:
-0.4\t<s> the\t-0.25
-0.3\tthe rain\t-0.15
-0.2\train fell\t-0.6
-0.6\tthe unheard-of\t-0.05

\\3-grams:
-0.1\t<s> the rain
-0.05\tthe rain fell
-0.45\train fell </s>

\\end\\
"""
"""It knows a word that the neural model doesn't, and doesn't know one that the neural model does."""
NGRAM = PlainArpa(ARPA)
readings: st.SearchStrategy[Normalize] = st.sampled_from(
    [lambda word: [word], lambda word: ["rain", word], lambda word: []]
)


@settings(max_examples=60, deadline=None)
@given(lattices(), st.sampled_from([0.0, 0.3, 1.0]), st.sampled_from(["linear", "log_linear"]), readings)
def test_joined_and_exact_equals_rescoring_every_path(
    lattice: Lattice, weight: float, mode: str, normalize: Normalize
) -> None:
    how = Interpolation.model_validate({"ngram": "by hand", "weight": weight, "mode": mode})
    composition = compose(lattice, QUICK, VOCABULARY, EXACT, joined=JoinedNgram(NGRAM, how), normalize=normalize)
    paths = best_paths(composition, 1000)
    assert {path.words for path in paths} == {tuple(words_of(lattice, links)) for links, _ in all_paths(lattice)}
    for path in paths:
        read_words = [token for word in path.words for token in normalize(word)]
        ids = np.array([*VOCABULARY.encode(read_words), END_ID])
        neural, ngram = score(MODEL, [ids], history="document")[0].log_probs_N, NGRAM.log_probs(read_words)
        assert path.neural_logprob == pytest.approx(neural.sum(), abs=1e-4)
        assert path.ngram_logprob == pytest.approx(ngram.sum(), abs=1e-9)
        assert path.lm_logprob == pytest.approx(interpolate(ngram, neural, how).sum(), abs=1e-4)
        fixed = WEIGHTS.am_scale * (path.am_score or 0) + WEIGHTS.graph_scale * (path.graph_score or 0)
        fixed += WEIGHTS.word_insertion_penalty * path.tokens
        assert path.total == pytest.approx(fixed + WEIGHTS.lm_weight * path.lm_logprob, abs=1e-9)
    lm_scores = [
        sum(part.lm_score or 0 for part in way) for way in ways(rescored_lattice(composition), list(paths[0].words))
    ]
    assert min(abs(lm_score - paths[0].lm_logprob) for lm_score in lm_scores) < 1e-9


@settings(max_examples=40, deadline=None)
@given(lattices(), st.integers(0, 3))
def test_n_gram_scores_are_those_of_the_path_however_paths_merge(lattice: Lattice, context: int) -> None:
    joined, search = JoinedNgram(NGRAM, Interpolation(ngram="by hand")), replace(EXACT, context=context)
    for path in best_paths(compose(lattice, QUICK, VOCABULARY, search, joined=joined), 1000):
        assert path.ngram_logprob == pytest.approx(NGRAM.log_probs(path.words).sum(), abs=1e-9)


def test_merging_by_as_many_words_as_the_n_gram_model_looks_at_keeps_no_more_paths_apart() -> None:
    joined, search = JoinedNgram(NGRAM, Interpolation(ngram="by hand")), replace(EXACT, context=2)
    alone = compose(sausage(), QUICK, VOCABULARY, search)
    assert len(compose(sausage(), QUICK, VOCABULARY, search, joined=joined).states) == len(alone.states)


def test_the_same_model_taken_out_and_put_in_leaves_every_cost_as_it_was() -> None:
    lattice = golden("two.lat")
    composition = compose(
        lattice,
        QUICK,
        VOCABULARY,
        Search(context=None, states_per_node=None),
        joined=JoinedNgram(NGRAM, Interpolation(ngram="by hand", weight=0.0)),
        old_model=OldLanguageModel(NGRAM),
    )
    (again,) = read(KaldiLattices(), written(KaldiLattices(), rescored_lattice(composition)))

    def totals(some: Lattice) -> list[tuple[list[str], float]]:
        return sorted(
            (words_of(some, links), sum((part.am_score or 0) + (part.graph_score or 0) for part in (*links, final)))
            for links, final in all_paths(some)
        )

    assert [words for words, _ in totals(again)] == [words for words, _ in totals(lattice)]
    assert [total for _, total in totals(again)] == pytest.approx([total for _, total in totals(lattice)], abs=1e-6)


def ways(lattice: Lattice, words: list[str]) -> list[list[Link | Final]]:
    return [[*links, final] for links, final in all_paths(lattice) if words_of(lattice, links) == words]


def test_an_old_model_is_refused_where_the_lattice_states_its_scores() -> None:
    with pytest.raises(InvalidInput, match="old_model"):
        compose(sausage(), QUICK, VOCABULARY, EXACT, old_model=OldLanguageModel(ByPlace()))


@pytest.mark.parametrize("name", ["links_base_10.slf", "pocketsphinx.slf", "two.lat"])
@pytest.mark.parametrize("normalize", [lambda word: [word], lambda word: ["rain", word], lambda word: []])
def test_the_rescored_lattice_has_the_same_paths_with_their_new_scores(name: str, normalize: Normalize) -> None:
    composition = compose(golden(name), QUICK, VOCABULARY, EXACT, normalize=normalize)
    form = KaldiLattices() if name.endswith(".lat") else Slf()
    (again,) = read(form, written(form, rescored_lattice(composition)))
    for path in best_paths(composition, 100):
        expected = path.neural_logprob + (path.graph_score or 0)
        lm_scores = [
            sum((part.lm_score or 0) + (part.graph_score or 0) for part in way) for way in ways(again, list(path.words))
        ]
        assert min(abs(lm_score - expected) for lm_score in lm_scores) < 1e-6


def test_a_rescored_slf_says_by_which_weights() -> None:
    (again,) = read(
        Slf(), written(Slf(), rescored_lattice(compose(golden("pocketsphinx.slf"), QUICK, VOCABULARY, EXACT)))
    )
    assert vars(again.weights) == pytest.approx(vars(WEIGHTS))
    assert b"p=" not in written(Slf(), again).split(b"Link", 1)[-1]


@settings(max_examples=30, deadline=None)
@given(lattices(), st.integers(0, 2), st.integers(1, 4))
def test_the_rescored_lattice_of_a_search_has_its_best_path(lattice: Lattice, context: int, states: int) -> None:
    composition = compose(lattice, QUICK, VOCABULARY, replace(EXACT, context=context, states_per_node=states))
    path, rescored = best_path(composition), rescored_lattice(composition)
    lm_scores = [sum(part.lm_score or 0 for part in way) for way in ways(rescored, list(path.words))]
    assert min(abs(lm_score - path.neural_logprob) for lm_score in lm_scores) < 1e-9


def test_one_word_may_be_read_as_several_or_none() -> None:
    lattice = Lattice("u", [Node("0"), Node("1")], [Link(0, 1, "rainfell", "rainfell")], 0, {1: Final()})
    path = best_path(compose(lattice, QUICK, VOCABULARY, EXACT, normalize=lambda word: ["rain", "fell"]))
    ids = np.array([*VOCABULARY.encode(["rain", "fell"]), END_ID])
    assert path.neural_logprob == pytest.approx(score(MODEL, [ids], history="document")[0].log_probs_N.sum(), abs=1e-6)
    assert (path.words, path.tokens, path.oov) == (("rainfell",), 2, 0)
    silent = best_path(compose(lattice, QUICK, VOCABULARY, EXACT, normalize=lambda word: []))
    assert (silent.tokens, silent.links) == (0, (0,))


def test_the_first_node_s_word_is_read() -> None:
    lattice = Lattice("u", [Node("0", "rain", "rain"), Node("1", "fell", "fell")], [Link(0, 1)], 0, {1: Final()})
    path = best_path(compose(lattice, QUICK, VOCABULARY, EXACT))
    assert path.words == ("rain", "fell")
    assert {path.words: pytest.approx(path.total)} == rescored_one_by_one(lattice, WEIGHTS, MODEL)


def test_unknown_words_are_read_as_unknown() -> None:
    lattice = Lattice("u", [Node("0"), Node("1")], [Link(0, 1, "unheard", "unheard")], 0, {1: Final()})
    assert best_path(compose(lattice, QUICK, VOCABULARY, EXACT)).oov == 1


def test_a_start_carries_on_from_what_was_said() -> None:
    before = np.array([*VOCABULARY.encode(["the", "rain"]), END_ID])
    lattice = Lattice("u", [Node("0"), Node("1")], [Link(0, 1, "fell", "fell")], 0, {1: Final()})
    start = ReadingPoint.start(QUICK).after(QUICK, before.tolist())
    path = best_path(compose(lattice, QUICK, VOCABULARY, EXACT, start=start))
    ids = np.array([*before, *VOCABULARY.encode(["fell"]), END_ID])
    expected = score(MODEL, [ids], history="document")[0].log_probs_N[3:].sum()
    assert path.neural_logprob == pytest.approx(expected, abs=1e-6)


def test_impossible_paths_are_left_out() -> None:
    lattice = sausage(1)
    links = [replace(link, am_score=-math.inf) for link in lattice.links[1:]]
    composition = compose(replace(lattice, links=[lattice.links[0], *links]), QUICK, VOCABULARY, EXACT)
    assert [path.words for path in best_paths(composition, 9)] == [("the",)]
    with pytest.raises(InvalidInput, match="probability above zero"):
        compose(replace(lattice, links=links), QUICK, VOCABULARY, EXACT)


@pytest.mark.parametrize(
    ("field", "value"), [("context", -1), ("states_per_node", 0), ("beam", -1.0), ("beam", math.nan)]
)
def test_settings_that_make_no_sense_are_refused(field: str, value: float) -> None:
    with pytest.raises(InvalidInput, match=field):
        replace(EXACT, **{field: value})
