from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from little_lattices import WORDS, lattices, read, written

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
    assert first.finals == {
        2: Final(am_score=0.0, graph_score=0.0),
        3: Final(am_score=-3.1, graph_score=-0.5),
    }


TABLE = b"<eps> 0\n<s>\t1\n</s> 2\n#0 3\n\nthe 4\n  rain   0017 \nRain 9"


def test_numbers_stand_for_the_words_of_words_txt() -> None:
    form = KaldiLattices().with_table(BytesIO(TABLE))
    text = "utt\n0 1 17 1,2,3\n1 2 0 1,2,3\n0 2 0017 1,2,3\n2 3 1 1,1,\n2 3 2 1,1,\n2 3 3 1,1,\n3 0,0,\n\n"
    (lattice,) = read(form, text)
    assert [link.word for link in lattice.links] == ["rain", None, "rain", None, None, None]
    assert written(form, lattice) == text.encode()
    changed = replace(lattice, links=[replace(link, lm_score=-1.0) for link in lattice.links])
    assert [line.split()[2] for line in written(form, changed).decode().splitlines()[1:7]] == [
        link.label for link in lattice.links
    ]


@pytest.mark.parametrize(("label", "message"), [("7", "word 7 must be one of"), ("the", "must be a whole number")])
def test_what_is_not_in_words_txt_is_refused_by_its_line(label: str, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(KaldiLattices().with_table(BytesIO(TABLE)), f"utt\n0 1 {label} 1,2,3\n1\n\n")
    (error,) = refused.value.errors
    assert error.field == "line 2"
    assert message in error.message


def test_without_a_table_symbols_that_are_no_words_are_none_either() -> None:
    (lattice,) = read(KaldiLattices(), "utt\n0 1 <s> 1,1,\n1 2 the 1,1,\n2 3 #0 1,1,\n3 4 </s> 1,1,\n4\n\n")
    assert [link.word for link in lattice.links] == [None, "the", None, None]


@pytest.mark.parametrize(
    ("table", "field", "message"),
    [
        (b"the 1\nrain\n", "line 2", "a word and its number"),
        (b"the 1\nrain 2 3\n", "line 2", "a word and its number"),
        (b"the 1\nrain two\n", "line 2", "whole number"),
        (b"the 1\nrain -1\n", "line 2", "whole number"),
        (b"the 1\nrain 01\n", "line 2", "that of 'the' already"),
        (b"the 1\nr\xe9 2\n", "line 2", "UTF-8"),
    ],
)
def test_what_is_wrong_with_a_table_is_named_by_its_line(table: bytes, field: str, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        KaldiLattices().with_table(BytesIO(table))
    (error,) = refused.value.errors
    assert (error.field, message in error.message) == (field, True)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=12), st.sampled_from(TABLE.split(b"\n"))), max_size=8))
def test_garbage_gets_a_line_or_a_table(lines: list[bytes]) -> None:
    problems: list[str] = []
    try:
        KaldiLattices().with_table(BytesIO(b"\n".join(lines)))
    except InvalidInput as refused:
        problems = [error.field for error in refused.errors]
    assert all(place.startswith("line ") for place in problems)


@settings(max_examples=60, deadline=None)
@given(lattices(kaldi=True), st.permutations(range(1, 7)))
def test_numbers_and_words_make_the_same_lattice(lattice: Lattice, numbers: list[int]) -> None:
    number_of = {"<eps>": 0, **dict(zip([*WORDS, "unheard-of"], numbers, strict=True))}
    table = "".join(f"{word} {number}\n" for word, number in number_of.items()).encode()
    numbered = replace(
        lattice, links=[replace(link, label=str(number_of[link.label or "<eps>"])) for link in lattice.links]
    )
    form = KaldiLattices().with_table(BytesIO(table))
    text = written(form, numbered)
    (found,), (in_words,) = read(form, text), read(KaldiLattices(), written(KaldiLattices(), lattice))
    assert [link.word for link in found.links] == [link.word for link in in_words.links]
    assert written(form, found) == text


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
        ("utt\n0 1 the 1,2,3\n2\n\n", "line 2", "state 1, which is missing"),
        ("utt\n0 1 the 1,2,3\n0 2 storm 1,2,3\n1 0,0,\n\n", "line 3", "state 2, which is missing"),
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
