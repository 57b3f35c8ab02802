import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hindcast.errors import InvalidInput
from hindcast_scorer.rescoring.conventions import PRESETS, SWITCHBOARD, Convention, preset

TEXT = st.text(alphabet="abuh-_'[]()<> %", max_size=40)


def test_without_a_convention_words_are_what_stands_between_blanks() -> None:
    text = " Uh [laughter]  wor- twenty-one\tuh huh "
    assert preset("none").words(text) == ["Uh", "[laughter]", "wor-", "twenty-one", "uh", "huh"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Well UH i", ["well", "%hesitation", "i"]),
        ("um %hesitation er", ["%hesitation"] * 3),
        ("uh huh uhhuh uh_huh uh-huh Uh-Huh", ["uh-huh"] * 5),
        ("uh uh huh", ["%hesitation", "uh-huh"]),
        ("i w- i went", ["i", "i", "went"]),
        ("-no it's a back-up", ["no", "it's", "a", "back", "up"]),
        ("[laughter] yes <noise> {breath [in] } (cough)", ["yes"]),
        ("th[ey]- they", ["they"]),
        ("", []),
    ],
)
def test_switchboard_counts_what_was_said(text: str, words: list[str]) -> None:
    assert preset("switchboard").words(text) == words


def test_opened_brackets_leave_what_they_hold() -> None:
    assert Convention(brackets="opened").words("[{] a [rare] word") == ["a", "rare", "word"]


def test_brackets_that_nothing_closes_stay() -> None:
    assert Convention(brackets="dropped").words("a [b") == ["a", "[b"]


def test_a_dash_alone_stays_when_hyphens_are_parted() -> None:
    assert Convention(hyphens="parted").words("a - b-c") == ["a", "-", "b", "c"]


def test_a_mapping_takes_the_longest_from_the_left_and_maps_once() -> None:
    own = Convention(mapping={"a": "b", "a b": "c d", "b": "a", "d": ""})
    assert own.words("a b a d b") == ["c", "d", "b", "a"]


def test_a_mapping_and_fillers_fold_case_with_the_text() -> None:
    own = Convention(fold_case=True, mapping={"GONNA": "Going To"}, fillers=("UH",))
    assert own.words("Gonna uh") == ["going", "to", "uh"]
    assert Convention(mapping={"GONNA": "going to"}).words("gonna") == ["gonna"]


@pytest.mark.parametrize("wrong", [{"mapping": {" ": "a"}}, {"fillers": ["uh huh"]}, {"fillers": [""]}, {"case": True}])
def test_what_cannot_be_a_convention_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Convention.model_validate(wrong)


def test_an_unknown_name_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InvalidInput, match="none, switchboard") as caught:
        preset("librispeech")
    assert caught.value.errors[0].field == "convention"


@given(TEXT)
def test_words_hold_no_blanks(text: str) -> None:
    assert all(len(word.split()) == 1 for convention in PRESETS.values() for word in convention.words(text))


@given(TEXT)
def test_case_never_matters_to_switchboard(text: str) -> None:
    assert SWITCHBOARD.words(text.upper()) == SWITCHBOARD.words(text)
