import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hindcast_scorer.rescoring.conventions import preset
from hindcast_scorer.rescoring.word_errors import WordErrors, list_errors, oracle, summed

NONE = preset("none")
WORDS = st.lists(st.sampled_from(["a", "b", "c"]), max_size=6)


@pytest.mark.parametrize(
    ("reference", "hypothesis", "substitutions", "insertions", "deletions"),
    [
        ("the cat sat", "the cat sat", 0, 0, 0),
        ("the cat sat", "the hat sat", 1, 0, 0),
        ("the cat sat", "the big cat sat", 0, 1, 0),
        ("the cat sat", "cat sat", 0, 0, 1),
        ("the cat sat", "", 0, 0, 3),
        ("", "uh yes", 0, 2, 0),
        ("", "", 0, 0, 0),
        ("a b c d", "x b c d e", 1, 1, 0),
        ("a b c d e", "x c d e", 1, 0, 1),
    ],
)
def test_hand_worked(reference: str, hypothesis: str, substitutions: int, insertions: int, deletions: int) -> None:
    found = list_errors(reference, [hypothesis], NONE).of(0)
    assert found == WordErrors(substitutions, insertions, deletions, len(reference.split()))


def test_a_set_has_the_errors_and_the_words_of_all_its_lists() -> None:
    errors = [
        list_errors("the cat sat", ["a cat", "the cat sat down", "the cat sat down"], NONE),
        list_errors("yes", ["yes", "no"], NONE),
    ]
    before, lowest = summed(errors, [0, 1]), oracle(errors)
    assert (before.errors, before.words, before.wer) == (3, 4, 75.0)
    assert lowest == WordErrors(0, 1, 0, 4)
    assert errors[0].oracle == 1  # the first of two that are as good


def test_insertions_alone_can_exceed_the_reference() -> None:
    assert list_errors("yes", ["a b c"], NONE).of(0).wer == 300


def test_without_reference_words_there_is_no_rate() -> None:
    assert list_errors("", ["yes"], NONE).of(0).wer is None


def test_the_convention_holds_for_both_sides() -> None:
    found = list_errors("%hesitation well i w- uhhuh", ["Um well I uh_huh", "well i uh huh"], preset("switchboard"))
    assert found.words == 4
    assert found.errors.tolist() == [0, 1]


def test_a_list_without_hypotheses_has_no_counts() -> None:
    assert list_errors("a", [], NONE).counts_H3.shape == (0, 3)


@given(WORDS, st.lists(WORDS, min_size=1, max_size=4))
def test_errors_are_levenshteins_and_account_for_the_lengths(reference: list[str], guesses: list[list[str]]) -> None:
    found = list_errors(" ".join(reference), [" ".join(guess) for guess in guesses], NONE)
    assert found.errors.tolist() == [_levenshtein(reference, guess) for guess in guesses]
    _, insertions_H, deletions_H = found.counts_H3.T
    assert (insertions_H - deletions_H == [len(guess) - len(reference) for guess in guesses]).all()


def _levenshtein(reference: list[str], guess: list[str]) -> int:
    row = np.arange(len(guess) + 1)
    for place, word in enumerate(reference, 1):
        last, row = row, np.full(len(guess) + 1, place)
        for other, guessed in enumerate(guess, 1):
            row[other] = min(last[other] + 1, row[other - 1] + 1, last[other - 1] + (word != guessed))
    return int(row[-1])
