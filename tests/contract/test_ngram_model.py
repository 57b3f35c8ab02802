"""What hindcast_scorer.rescoring.ngram.NgramModel promises, held against KenLM: equal to backing off by hand."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
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
