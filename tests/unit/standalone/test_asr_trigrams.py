"""A recogniser's own trigrams, from its lattices into an ARPA file, and that into Hindcast."""

import math
import sys
from pathlib import Path

import pytest

from hindcast.errors import Unavailable
from hindcast_scorer.lattices.slf import Slf
from hindcast_scorer.ngrams.arpa import check_arpa, lines_of
from hindcast_standalone.demonstrations.api_client import Refused
from hindcast_standalone.demonstrations.asr_audio import Recording
from hindcast_standalone.demonstrations.asr_decoding import Decoded
from hindcast_standalone.demonstrations.asr_ngram_upload import arpa_file, uploaded
from hindcast_standalone.demonstrations.asr_ngrams import Ngrams, ngrams_of
from hindcast_standalone.demonstrations.asr_trigrams import arpa_of, pocketsphinx_log10
from hindcast_standalone.demonstrations.asr_words import comparable

# a or the, silence or none, rain(2), ended by the node of </s>; the last node leads nowhere.
SLF = """VERSION=1.0
start=0 end=5
N=7 L=8
I=0 W=!SENT_START
I=1 W=a
I=2 W=the(2)
I=3 W=<sil>
I=4 W=rain(2)
I=5 W=!SENT_END
I=6 W=hail
J=0 S=0 E=1 a=-1
J=1 S=0 E=2 a=-1
J=2 S=1 E=3 a=-1
J=3 S=2 E=4 a=-1
J=4 S=3 E=4 a=-1
J=5 S=1 E=4 a=-1
J=6 S=4 E=5 a=-1
J=7 S=4 E=6 a=-1
"""
FILLERS = ("<sil>",)


def lattices(tmp_path, text=SLF):
    (tmp_path / "a.slf").write_text(text)
    with (tmp_path / "a.slf").open("rb") as body:
        return list(Slf().read(body))


def spelt(word):
    return () if word in FILLERS else (word,)


def test_ngrams_are_those_of_all_paths(tmp_path):
    found = ngrams_of(lattices(tmp_path), spelt)
    assert found.bigrams == {("<s>", "a"), ("<s>", "the"), ("a", "rain"), ("the", "rain"), ("rain", "</s>")}
    assert found.trigrams == {
        ("<s>", "a", "rain"),
        ("<s>", "the", "rain"),
        ("a", "rain", "</s>"),
        ("the", "rain", "</s>"),
    }
    assert found.words == {"<s>", "a", "the", "rain", "</s>"}
    assert found.left_out == []


def test_a_word_that_is_read_as_several_is_asked_for_as_these(tmp_path):
    found = ngrams_of(lattices(tmp_path), lambda word: ("uh", "oh") if word == "a" else spelt(word))
    assert ("uh", "oh", "rain") in found.trigrams
    assert ("<s>", "uh", "oh") in found.trigrams


def test_a_lattice_with_too_many_trigrams_keeps_its_bigrams(tmp_path):
    found = ngrams_of(lattices(tmp_path), spelt, most_steps=3)
    assert len(found.bigrams) == 5
    assert not found.trigrams
    assert len(found.left_out) == 1


LOG10S = {
    ("<s>",): -99.0,
    ("</s>",): -1.0,
    ("a",): -1.0,
    ("c",): -3.0,
    ("c.",): -2.0,
    ("rain",): -2.5,
    **{(f"rare{number}",): -5.0 for number in range(5)},
    ("a", "rain"): -0.5,
    ("<s>", "a", "rain"): -0.25,
}
BACKOFFS = {("a",): -0.3, ("<s>", "a"): -0.2, ("rain",): -0.1}


def own_log10(words):
    """A back-off model, as a recogniser has one."""
    words = tuple(words)
    if any((word,) not in LOG10S for word in words):
        return None
    if words in LOG10S:
        return LOG10S[words]
    return BACKOFFS.get(words[:-1], 0.0) + own_log10(words[1:])


RARE = {("<s>", f"rare{number}") for number in range(5)}
NGRAMS = Ngrams(
    RARE | {("<s>", "a"), ("a", "rain"), ("a", "c"), ("a", "c."), ("rain", "</s>"), ("a", "unheard")},
    {("<s>", "a", "rain"), ("<s>", "a", "c"), ("<s>", "a", "c."), ("a", "rain", "</s>")},
    [],
)


def sections(arpa):
    """By order: the words of each n-gram, its log10 and its back-off weight."""
    found = {}
    for part in arpa.split("-grams:\n")[1:]:
        lines = [line.split("\t") for line in part.split("\n\n")[0].splitlines()]
        found[len(lines[-1][1].split())] = {words: tuple(map(float, (log10, *rest))) for log10, words, *rest in lines}
    return found


def test_an_arpa_file_has_what_the_recogniser_says():
    arpa = arpa_of(NGRAMS, own_log10, lambda word: word.rstrip("."))
    found = sections(arpa)
    assert check_arpa(lines_of([arpa.encode()])).counts == tuple(map(len, found.values()))
    assert found[1]["rain"] == (-2.5, -0.1)
    assert found[1]["a"] == (-1.0, -0.3)
    assert found[1]["c"][0] == -2.0, "of two spellings, the more probable"
    assert found[1]["<unk>"] == (-5.0, 0.0)
    assert "unheard" not in found[1]
    assert found[2]["a rain"] == (-0.5, 0.0)
    assert found[2]["<s> a"][1] == pytest.approx(-0.2), "the history of a trigram"
    assert found[3] == {"<s> a rain": (-0.25,)}


def test_what_follows_by_backing_off_is_not_written():
    found = sections(arpa_of(NGRAMS, own_log10, lambda word: word.rstrip(".")))
    assert "a c" not in found[2]
    assert "rain </s>" not in found[2]


def test_kenlm_reads_the_recognisers_probabilities(tmp_path):
    kenlm = pytest.importorskip("kenlm", reason="kenlm isn't installed")
    (tmp_path / "own.arpa").write_text(arpa_of(NGRAMS, own_log10, lambda word: word.rstrip(".")))
    model = kenlm.LanguageModel(str(tmp_path / "own.arpa"))
    asked = [("<s>", "a"), ("<s>", "a", "rain"), ("a", "rain", "</s>")]
    expected = sum(own_log10(ngram) for ngram in asked)
    assert model.score("a rain") == pytest.approx(expected, abs=1e-4)


def heard(tmp_path):
    (tmp_path / "a.slf").write_text(SLF)
    return Decoded(Recording("a", "one", tmp_path / "a.wav", 1.0, "rain"), "the rain", tmp_path / "a.slf")


def nobody():
    raise AssertionError("nothing is left to ask")


def test_nothing_is_asked_twice(tmp_path):
    said = []
    path = arpa_file([heard(tmp_path)], tmp_path, "asr", lambda: own_log10, said.append)
    assert (path.parent, len(said)) == (tmp_path, 1)
    assert "<s> a rain" in path.read_text()
    assert arpa_file([heard(tmp_path)], tmp_path, "asr", nobody, said.append) == path
    assert arpa_file([heard(tmp_path)], tmp_path, "plain", lambda: own_log10, said.append) != path, (
        "it reads other words"
    )


class Service:
    """Takes n-gram models, or can't."""

    def __init__(self, status=201):
        self.status, self.names = status, []

    def find(self, path, name):
        return {"name": name} if name in self.names else None

    def send(self, path, body, query):
        if self.status >= 400:
            raise Refused("kenlm isn't installed here", status=self.status)
        self.names.append(query["name"])


def test_an_arpa_file_is_sent_once_by_a_name_of_its_content(tmp_path):
    file: Path = tmp_path / "own.arpa"
    service, said = Service(), []
    file.write_text("one")
    first = uploaded(service, file, said.append)
    assert uploaded(service, file, said.append) == first
    file.write_text("two")
    assert uploaded(service, file, said.append) != first
    assert len(service.names) == 2
    assert not said


def test_a_server_without_kenlm_is_told_and_gone_on_with(tmp_path):
    (tmp_path / "own.arpa").write_text("one")
    said = []
    assert uploaded(Service(501), tmp_path / "own.arpa", said.append) is None
    assert "kenlm isn't installed" in said[0]
    with pytest.raises(Refused):
        uploaded(Service(422), tmp_path / "own.arpa", said.append)


def test_words_are_compared_without_what_pocketsphinx_marks():
    assert comparable("J. P. [NOISE] e  won't <sil>") == "j p e won't"


def test_the_real_trigrams_are_asked_for_the_last_word():
    pytest.importorskip("pocketsphinx", reason="PocketSphinx isn't installed")
    log10 = pocketsphinx_log10()
    assert log10(("no", "such", "wordlike")) is None
    assert log10(("out", "of", "the")) > log10(("out", "the", "of"))
    words = ("<s>", "i", "want", "to", "zebra")
    assert all(-8 < log10(words[max(0, end - 3) : end]) < 0 for end in range(2, len(words) + 1))
    assert math.isclose(log10(("of", "the", "zebra")), -5.36, abs_tol=0.2)


def test_a_missing_package_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(Unavailable, match="asr-demo"):
        pocketsphinx_log10()
