from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from little_lattices import lattices, read, written

from hindcast.errors import InvalidInput
from hindcast_scorer.lattices.kaldi_lattice import KaldiLattices
from hindcast_scorer.lattices.lattice import Final, Lattice

GOLDEN = (Path(__file__).parent / "golden" / "two.lat").read_bytes()


def test_what_comes_goes_out_byte_for_byte() -> None:
    assert written(KaldiLattices(), *read(KaldiLattices(), GOLDEN)) == GOLDEN


def test_costs_become_scores() -> None:
    first, second = read(KaldiLattices(), GOLDEN)
    assert (first.utterance, second.utterance) == ("utt-1", "utt-2")
    assert first.graph_holds_lm
    assert (first.links[0].graph_score, first.links[0].am_score, first.links[0].lm_score) == (-5.2, -103.7, None)
    assert first.links[3].word is None
    assert first.finals == {2: Final(0.0, None, 0.0), 3: Final(-3.1, None, -0.5)}


def test_numbers_stand_for_the_words_of_words_txt() -> None:
    form = KaldiLattices({1: "the", 2: "rain"})
    text = "utt\n0 1 2 1,2,3\n1 2 0 1,2,3\n2 0,0,\n\n"
    (lattice,) = read(form, text)
    assert [link.word for link in lattice.links] == ["rain", None]
    assert written(form, lattice) == text.encode()
    with pytest.raises(InvalidInput, match="line 2: word 7 must be"):
        read(form, "utt\n0 1 7 1,2,3\n1\n\n")


def test_two_streams_that_lack_a_last_blank_line_stay_apart() -> None:
    (lattice,) = read(KaldiLattices(), "utt\n0 1 the 1,2,3\n1")
    assert written(KaldiLattices(), lattice) == b"utt\n0 1 the 1,2,3\n1"
    assert len(read(KaldiLattices(), written(KaldiLattices(), lattice, lattice))) == 2


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        ("0 1 the 1,2,3\n1\n\n", "line 1", "id of an utterance"),
        ("utt\n\n", "line 1", "at least one state"),
        ("utt\n0 1 the 1,2,3\n\n", "line 1", "final state"),
        ("utt\n0 1 the 1,2,3\n2\n\n", "line 1", "can't be reached"),
        ("utt\n0 1 the 1,2,3\n1 0 the 1,2,3\n1\n\n", "line ", "cycle"),
        ("utt\n0 1 a b 1,2,3\n1\n\n", "line 2", "write-compact"),
        ("utt\n0 1 a 12\n1\n\n", "line 2", "graph, acoustic, ids"),
        ("utt\n0 1 a x,1,\n1\n\n", "line 2", "number"),
        ("utt\n0 one a 1,1,\n1\n\n", "line 2", "whole number"),
        ("utt\n0 1 a 1,1,\n1\n1\n\n", "line 4", "only once"),
    ],
)
def test_what_is_wrong_is_refused_by_name(text: str, field: str, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(KaldiLattices(), text)
    assert refused.value.errors[0].field.startswith(field)
    assert message in refused.value.errors[0].message


@settings(max_examples=60, deadline=None)
@given(lattices(kaldi=True))
def test_what_is_written_reads_back(lattice: Lattice) -> None:
    (found,) = read(KaldiLattices(), written(KaldiLattices(), lattice))

    def named(some: Lattice) -> list[tuple[object, ...]]:
        names = [node.name for node in some.nodes]
        scored = [
            (names[link.start], names[link.end], link.label, link.word, link.am_score, link.graph_score)
            for link in some.links
        ]
        return sorted(scored, key=str)

    assert named(found) == named(lattice)
    assert [found.nodes[node].name for node in found.finals] == [lattice.nodes[node].name for node in lattice.finals]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=12), st.sampled_from(GOLDEN.split(b"\n"))), max_size=12))
def test_garbage_gets_a_line_or_a_lattice(lines: list[bytes]) -> None:
    problems: list[str] = []
    try:
        read(KaldiLattices(), b"\n".join(lines))
    except InvalidInput as refused:
        problems = [error.field for error in refused.errors]
    assert all(place.startswith("line ") for place in problems)
