"""What hindcast_scorer.rescoring.ngram.NgramModel promises, held against KenLM: equal to backing off by hand."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plain_arpa import PlainArpa

from hindcast.errors import Corrupt
from hindcast_scorer.ngrams.kenlm_model import KenlmModel

pytest.importorskip("kenlm", reason="needs kenlm: make kenlm")

FILES = Path(__file__).parents[1] / "unit" / "scorer" / "ngram_files"
ARPA = (FILES / "little.arpa").read_text()
WORDS = ["schools", "closed", "rain", "the", "typhoon", "<unk>", "ß", "two words", "", "\ud800", "a\x1cb", "\x00"]


@pytest.fixture(scope="module", params=["little.arpa", "little.probing.klm", "little.trie.klm"])
def model(request) -> KenlmModel:
    return KenlmModel(FILES / request.param)


@settings(max_examples=300, deadline=None)
@given(words=st.lists(st.sampled_from(WORDS), max_size=8))
def test_it_backs_off_as_by_hand(model, words):
    assert model.log_probs(words) == pytest.approx(PlainArpa(ARPA).log_probs(words), abs=1e-5)


@pytest.fixture(params=["kenlm", "by hand"])
def stepping(request, model):
    """Either implementer."""
    return model if request.param == "kenlm" else PlainArpa(ARPA)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(st.sampled_from(WORDS), max_size=8))
def test_step_by_step_it_says_what_it_says_of_a_sentence(stepping, words):
    state, told = stepping.start, []
    for word in [*words, "</s>"]:
        logprob, state = stepping.step(state, word)
        told.append(logprob)
    assert told == pytest.approx(stepping.log_probs(words), abs=1e-9)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(WORDS), max_size=4), st.lists(st.sampled_from(WORDS), min_size=2, max_size=4))
def test_states_are_equal_after_equal_last_words(stepping, words, last):
    # All that an order of 3 looks at, however the sentence began.
    states = []
    for sentence in (last, [*words, *last]):
        state = stepping.start
        for word in sentence:
            _, state = stepping.step(state, word)
        states.append(state)
    assert states[0] == states[1]
    assert len(set(states)) == 1


def test_a_state_is_not_changed_by_going_on_from_it(stepping):
    start = stepping.start
    first = stepping.step(start, "schools")
    assert stepping.step(start, "the") != first
    assert stepping.step(start, "schools") == first
    assert start == stepping.start


def test_a_word_of_its_own_or_unk_is_scored(stepping):
    assert all(stepping.can_score(word) for word in ("schools", "</s>", "typhoon", "two words", "\ud800"))


@pytest.mark.parametrize("made", ["kenlm", "by hand"])
def test_without_unk_other_words_are_not(tmp_path, made):
    text = ARPA.replace("-1.2\t<unk>\n", "").replace("ngram 1=7", "ngram 1=6")
    (tmp_path / "arpa").write_text(text)
    model = KenlmModel(tmp_path / "arpa") if made == "kenlm" else PlainArpa(text)
    assert [model.can_score(word) for word in ("schools", "typhoon", "two words", "\ud800")] == [True] + [False] * 3


@pytest.mark.parametrize(
    ("sentence", "log10s"),
    [
        ("schools closed", [-0.4, -0.1, -0.05]),
        ("the rain", [-0.9, -0.45, -0.05 - 0.2 - 0.9]),
        ("typhoon", [-0.5 - 1.2, -0.9]),
        ("", [-0.5 - 0.9]),
    ],
)
def test_it_says_what_stands_in_the_file(model, sentence, log10s):
    got = model.log_probs(sentence.split())
    assert got.dtype == np.float64
    assert got == pytest.approx(np.array(log10s) * math.log(10), abs=1e-6)
    assert PlainArpa(ARPA).log_probs(sentence.split()) == pytest.approx(got, abs=1e-6)


def test_case_counts(model):
    assert model.log_probs(["RAIN"]) == pytest.approx(model.log_probs(["<unk>"]))


def test_without_unk_there_is_a_stand_in(tmp_path):
    text = ARPA.replace("-1.2\t<unk>\n", "").replace("ngram 1=7", "ngram 1=6")
    (tmp_path / "arpa").write_text(text)
    got = KenlmModel(tmp_path / "arpa").log_probs(["typhoon", "rain"])
    assert got == pytest.approx(PlainArpa(text).log_probs(["typhoon", "rain"]), abs=1e-4)
    assert got[0] == pytest.approx((-100 - 0.5) * math.log(10))


def test_what_kenlm_cannot_read_is_corrupt(tmp_path):
    (tmp_path / "nonsense").write_bytes(b"nonsense")
    with pytest.raises(Corrupt, match="nonsense"):
        KenlmModel(tmp_path / "nonsense")
