import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from little_lattices import lattices, read, written

from hindcast.errors import InvalidInput
from hindcast_scorer.lattices.lattice import Final, Lattice, Link, Node, Weights
from hindcast_scorer.lattices.slf import Slf

GOLDEN = Path(__file__).parent / "golden"
TEN = math.log(10)
SMALL = "VERSION=1.1\nN=2 L=1\nI=0\nI=1\nJ=0 S=0 E=1 W=the a=-1\n"


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.slf")), ids=lambda file: file.stem)
def test_what_comes_goes_out_byte_for_byte(file: Path) -> None:
    assert written(Slf(), *read(Slf(), file.read_bytes())) == file.read_bytes()


def test_several_lattices_in_one_stream() -> None:
    bodies = [(GOLDEN / name).read_bytes() for name in ("pocketsphinx.slf", "links_base_10.slf")]
    found = read(Slf(), b"".join(bodies))
    assert [len(lattice.links) for lattice in found] == [7, 4]
    assert written(Slf(), *found) == b"".join(bodies)


def test_scores_and_penalty_are_in_the_base_of_the_file() -> None:
    (lattice,) = read(Slf(), (GOLDEN / "links_base_10.slf").read_bytes())
    assert lattice.utterance == "sw-1"
    assert lattice.links[0].am_score == pytest.approx(-10 * TEN)
    assert lattice.links[1].lm_score == pytest.approx(-1.5 * TEN)
    assert lattice.weights == Weights(am_scale=0.5, lm_weight=2.0, word_insertion_penalty=pytest.approx(-0.5 * TEN))


def test_base_0_is_probabilities() -> None:
    (lattice,) = read(Slf(), (GOLDEN / "linear.slf").read_bytes())
    assert [link.lm_score for link in lattice.links] == [pytest.approx(math.log(0.25)), -math.inf]
    assert lattice.weights.word_insertion_penalty == pytest.approx(math.log(0.5))
    assert len(lattice.nodes) == 3


def test_words_without_quotes_and_variants_and_what_is_no_word() -> None:
    (lattice,) = read(Slf(), (GOLDEN / "links_base_10.slf").read_bytes())
    assert [link.word for link in lattice.links] == ["well", "'til", "the", None]
    assert lattice.links[2].label == "the(2)"


@pytest.mark.parametrize(
    ("raw", "label"),
    [
        ("'til", "'til"),
        ("\\'til", "'til"),
        ("'a b'", "a b"),
        ('"q\\"q"', 'q"q'),
        ("na\\303\\257ve", "naïve"),
        ("a\\040b", "a b"),
    ],
)
def test_quoting(raw: str, label: str) -> None:
    (lattice,) = read(Slf(), SMALL.replace("W=the", f"W={raw}"))
    assert lattice.links[0].label == label


def test_pocketsphinx_has_words_on_nodes_and_no_lm_scores() -> None:
    (lattice,) = read(Slf(), (GOLDEN / "pocketsphinx.slf").read_bytes())
    assert [node.word for node in lattice.nodes] == [None, "rain", "fell", "the", "the", None]
    assert lattice.start == 5
    assert list(lattice.finals) == [0]
    assert {link.lm_score for link in lattice.links} == {None}


@pytest.mark.parametrize(
    ("old", "new", "field", "message"),
    [
        ("E=1", "E=7", "line 5", "node 7"),
        ("N=2", "N=3", "line 2", "2 came"),
        ("L=1", "L=4", "line 2", "1 came"),
        ("N=2 L=1", "x=1", "line 1", "N=2"),
        ("VERSION=1.1", "VERSION=2", "line 1", "1.0 or 1.1"),
        ("VERSION=1.1", "base=1", "line 1", "base"),
        ("VERSION=1.1", "end=9", "line 1", "end=9"),
        ("VERSION=1.1", "SUBLAT=x", "line 1", "expanded"),
        ("VERSION=1.1", "base=0", "line 5", "probability"),
        ("a=-1", "a=nan", "line 5", "number"),
        ("a=-1", "a=1e999", "line 5", "number"),
        ("a=-1", "well", "line 5", "I=0"),
        (" E=1", "", "line 5", "E="),
        ("I=1", "I=0", "line 4", "only once"),
        ("L=1\nI=0\nI=1\n", "L=2\nI=0\nI=1\nJ=0 S=0 E=1\n", "line 6", "link J=0 must be there only once"),
        ("I=1", "I=one", "line 4", "whole number"),
        ("I=1", "I=1 L=sub", "line 4", "expanded"),
        ("L=1\nI=0\nI=1\n", "L=2\nI=0\nI=1\nJ=1 S=1 E=0\n", "line 5", "cycle"),
        ("N=2", "start=1 end=0 N=2", "line 1", "can't be reached"),
        ("N=2 L=1\nI=0\nI=1", "N=3 L=1\nI=0\nI=1\nI=2", "line 1", "end="),
    ],
)
def test_what_is_wrong_is_refused_by_name(old: str, new: str, field: str, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(Slf(), SMALL.replace(old, new))
    error = refused.value.errors[0]
    if message == "cycle":  # any link of it
        assert error.field in ("line 5", "line 6")
    else:
        assert error.field == field
    assert message in error.message


def test_bytes_that_are_no_text_are_refused_with_their_line() -> None:
    with pytest.raises(InvalidInput, match="line 2: must be UTF-8"):
        read(Slf(), b"VERSION=1.0\nN=\xff\n")


@settings(max_examples=60, deadline=None)
@given(lattices(), st.text(max_size=8))
@example(Lattice("u", [Node("0"), Node("1")], [Link(0, 1, "x", "x")], 0, {1: Final()}), "' \\\n\"")
def test_what_is_written_reads_back(lattice: Lattice, label: str) -> None:
    changed = Lattice(label, lattice.nodes, [*lattice.links, Link(0, 1, f"{label}x", f"{label}x")], 0, lattice.finals)
    (found,) = read(Slf(), written(Slf(), changed))
    assert found == changed
    assert written(Slf(), found) == written(Slf(), changed)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.one_of(st.binary(max_size=12), st.sampled_from([part.encode() for part in SMALL.split("\n")])), max_size=12
    )
)
def test_garbage_gets_a_line_or_a_lattice(lines: list[bytes]) -> None:
    problems: list[str] = []
    try:
        read(Slf(), b"\n".join(lines))
    except InvalidInput as refused:
        problems = [error.field for error in refused.errors]
    assert all(place.startswith("line ") for place in problems)


def test_other_weights_are_written_where_the_header_had_none() -> None:
    (lattice,) = read(Slf(), SMALL)
    weights = Weights(am_scale=0.1, lm_weight=2.0, word_insertion_penalty=-1.5)
    (again,) = read(Slf(), written(Slf(), replace(lattice, weights=weights)))
    assert again.weights == weights


def test_a_changed_link_keeps_what_isn_t_known_and_loses_its_posterior() -> None:
    (lattice,) = read(Slf(), (GOLDEN / "links_base_10.slf").read_bytes())
    links = [replace(lattice.links[0], lm_score=-3 * TEN), *lattice.links[1:]]
    lines = written(Slf(), replace(lattice, links=links)).decode().splitlines()
    assert "J=0 S=0 E=1 W=well      v=0 a=-10 l=-3" in lines
    assert "J=1 S=0 E=2 W=\\'til      v=0 a=-11 l=-1.5 d=:w,0.2:" in lines
    assert "# links" in lines
