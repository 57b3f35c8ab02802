from collections import Counter

import numpy as np
import pytest

from hindcast.text.corpus import EncodedText, Text
from hindcast.text.vocabulary import Vocabulary
from hindcast_trainer.topical_words import choose

COMMON = ["the", "said", "house", "people"]
VOCABULARY = Vocabulary.from_words([*COMMON, "storm", "hurricane", "court", "judge", "7", "42", "of", "rain"])


def encoded(*documents: str) -> EncodedText:
    """Documents of sentences, each ended by a full stop."""
    parts = [[sentence.split() for sentence in document.split(".") if sentence.strip()] for document in documents]
    return EncodedText.of(parts, VOCABULARY)


def words(text: EncodedText, count: int = 100) -> list[str]:
    chosen = choose(text, VOCABULARY, count=count)
    return [VOCABULARY.words[id] for id in text.take(chosen.positions_P)]


def test_they_are_topical_words_behind_the_first_sentence() -> None:
    text = encoded("rain . the storm 7 of <unk> strange . hurricane", "court . judge of the")
    assert sorted(words(text)) == ["hurricane", "judge", "storm"]


def test_a_word_is_asked_for_where_its_sentence_has_not_said_it() -> None:
    text = encoded("the . storm the storm the storm")
    chosen = choose(text, VOCABULARY, count=5)
    assert chosen.positions_P.tolist() == [2]
    assert chosen.sentence_starts_P.tolist() == [2]
    assert chosen.document_starts_P.tolist() == [0]


def test_frequent_words_are_no_topic() -> None:
    vocabulary = Vocabulary.from_words([f"w{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(98)])
    text = EncodedText.of([[["x"], list(vocabulary.words[2:20])]], vocabulary)
    chosen = choose(text, vocabulary, count=50)
    assert sorted(text.take(chosen.positions_P)) == list(range(12, 20))  # the first tenth of 100 words is left out


def test_the_words_of_a_document_that_few_others_have_come_first() -> None:
    text = encoded(*["the . storm rain"] * 9, "the . storm hurricane judge court storm . storm hurricane")
    asked = choose(text, VOCABULARY, count=10)
    last = asked.document_starts_P == asked.document_starts_P.max()
    found = [VOCABULARY.words[id] for id in text.take(asked.positions_P[last])]
    assert found == ["hurricane"]


def test_documents_take_turns_and_no_document_has_many_while_others_have_some() -> None:
    long = "the . storm . hurricane . court . judge . rain"
    few = choose(encoded(long, "the . storm", "the . rain"), VOCABULARY, count=3)
    assert len(set(few.document_starts_P.tolist())) == 3
    many = choose(encoded(long, "the . storm", "the . rain"), VOCABULARY, count=6)
    assert sorted(Counter(many.document_starts_P.tolist()).values()) == [1, 1, 4]


def test_none_is_left_out_while_more_are_asked_for_whatever_documents_have_none():
    long = "the . storm . hurricane . court . judge . rain"
    assert len(choose(encoded(long), VOCABULARY, count=5)) == 5
    assert len(choose(encoded(long, *["the storm"] * 30), VOCABULARY, count=5)) == 5


def test_a_text_without_topical_words_has_none() -> None:
    for text in (encoded("the of 7 . 42 <unk>"), encoded("storm", "hurricane"), encoded("the")):
        assert len(choose(text, VOCABULARY, count=5)) == 0


def test_the_same_vocabulary_gives_the_same_words_and_another_seed_other_places(made_text: Text) -> None:
    vocabulary = Vocabulary.build(made_text.counts(), size=80)
    text = made_text.encoded(vocabulary)
    first, again = (choose(text, vocabulary, count=40) for _ in range(2))
    other = choose(text, vocabulary, count=40, seed=3)
    np.testing.assert_array_equal(first.positions_P, again.positions_P)
    assert first.positions_P.tolist() != other.positions_P.tolist()
    assert len(first) == len(set(first.positions_P.tolist())) == 40


@pytest.mark.parametrize("count", [1, 7, 60])
def test_each_word_stands_in_its_sentence_and_document(made_text: Text, count: int) -> None:
    vocabulary = Vocabulary.build(made_text.counts(), size=80)
    text = made_text.encoded(vocabulary)
    chosen = choose(text, vocabulary, count=count)
    sentence_starts, _ = text.unit_bounds("sentence")
    document_starts, _ = text.unit_bounds("document")
    assert len(chosen) == count
    for position, sentence, document in zip(
        chosen.positions_P, chosen.sentence_starts_P, chosen.document_starts_P, strict=True
    ):
        assert sentence == max(start for start in sentence_starts if start <= position)
        assert document == max(start for start in document_starts if start <= position) < sentence
        assert text.take(position) not in text.tokens(sentence, position)
