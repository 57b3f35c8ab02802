"""Which words have ids, and which ids they have."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hindcast.errors import InvalidInput
from hindcast.text.vocabulary import END_ID, UNKNOWN_ID, Vocabulary, VocabularySpec

COUNTS = {"</s>": 90, "b": 2, "the": 50, "a": 2, "<unk>": 70, "rare": 1}
counted = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 9), min_size=1)


def no_model(reference: str) -> list[str]:
    raise AssertionError(reference)


def test_words_come_by_falling_count_then_by_first_appearance() -> None:
    assert Vocabulary.build(COUNTS).words == ("<unk>", "</s>", "the", "b", "a", "rare")


def test_size_counts_the_two_symbols() -> None:
    assert Vocabulary.build(COUNTS, size=4).words == ("<unk>", "</s>", "the", "b")


def test_min_count_leaves_out_rare_words() -> None:
    assert Vocabulary.build(COUNTS, min_count=2).words == ("<unk>", "</s>", "the", "b", "a")


@given(counts=counted, size=st.integers(3, 12))
def test_no_word_outside_occurs_more_often_than_one_inside(counts: dict[str, int], size: int) -> None:
    vocabulary = Vocabulary.build(counts, size=size)
    inside = [counts[word] for word in vocabulary.words[2:]]
    outside = [count for word, count in counts.items() if word not in vocabulary]
    assert len(vocabulary) == min(size, len(counts) + 2)
    assert inside == sorted(inside, reverse=True)
    assert max(outside, default=0) <= inside[-1]


def test_encoding_maps_what_is_not_there_to_unknown() -> None:
    vocabulary = Vocabulary.from_words(["storm", "</s>", "rain"])
    ids = vocabulary.encode(["rain", "sun", "</s>", "<unk>", "storm"])
    assert ids.dtype == np.int64
    assert ids.tolist() == [3, UNKNOWN_ID, END_ID, UNKNOWN_ID, 2]
    assert [vocabulary.id("rain"), vocabulary.id("sun")] == [3, 0]


def test_its_checksum_is_of_its_words_in_order() -> None:
    vocabulary = Vocabulary.from_words(["é", "a"])
    assert vocabulary.sha256 == hashlib.sha256("<unk>\n</s>\né\na".encode()).hexdigest()
    assert vocabulary.sha256 != Vocabulary.from_words(["a", "é"]).sha256


def test_json_brings_it_back() -> None:
    vocabulary = Vocabulary.build(COUNTS)
    assert Vocabulary.from_json(vocabulary.to_json()) == vocabulary


@pytest.mark.parametrize("words", [None, {"a": 1}, [1], ["a"], ["</s>", "<unk>"], ["<unk>", "</s>", "a", "a"]])
def test_what_is_no_vocabulary_is_refused(words: object) -> None:
    with pytest.raises(InvalidInput, match="vocabulary"):
        Vocabulary.from_json(words)


@pytest.mark.parametrize(
    ("counts", "options", "field"),
    [
        (COUNTS, {"size": 2}, "vocabulary.size"),
        (COUNTS, {"size": 10**9}, "vocabulary.size"),
        (COUNTS, {"min_count": 51}, "vocabulary.min_count"),
        ({"</s>": 4, "<unk>": 3}, {"size": 100}, "vocabulary"),
    ],
)
def test_a_vocabulary_without_words_is_refused(counts: dict[str, int], options: dict[str, int], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Vocabulary.build(counts, **options)
    assert caught.value.errors[0].field == field


def test_without_a_choice_it_has_25_000_symbols() -> None:
    assert VocabularySpec.model_validate({}).size == VocabularySpec().size == 25_000


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ({"size": 2}, ("size",)),
        ({"size": 10**9}, ("size",)),
        ({"min_count": 0}, ("min_count",)),
        ({"words": []}, ("words",)),
        ({"words": ["New York"]}, ("words", 0)),
        ({"words": ["a", "a"]}, ()),
        ({"size": 9, "min_count": 2}, ()),
        ({"size": None}, ()),
        ({"limit": 9}, ("limit",)),
    ],
)
def test_a_wrong_choice_names_its_field(written: dict[str, object], place: tuple[str | int, ...]) -> None:
    with pytest.raises(ValidationError) as caught:
        VocabularySpec.model_validate(written)
    assert caught.value.errors()[0]["loc"] == place


def test_a_choice_survives_being_stored() -> None:
    spec = VocabularySpec(min_count=3)
    assert VocabularySpec.model_validate(spec.model_dump(mode="json")) == spec


def test_each_choice_builds_what_it_says() -> None:
    built = VocabularySpec(size=3).build(COUNTS, same_as=no_model)
    listed = VocabularySpec(words=("x", "<unk>")).build(COUNTS, same_as=no_model)
    same = VocabularySpec(same_as="lm_1").build(COUNTS, same_as={"lm_1": ["y"]}.__getitem__)
    assert [v.words[2:] for v in (built, listed, same)] == [("the",), ("x",), ("y",)]
