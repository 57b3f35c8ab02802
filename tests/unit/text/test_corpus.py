"""What was written comes back, in any part and any unit."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from hindcast.errors import Corrupt, InvalidInput
from hindcast.text.corpus import NO_LABEL, SEVERAL_LABELS, UNITS, Corpus, CorpusReference, EncodedText, Text
from hindcast.text.corpus_writer import CorpusWriter
from hindcast.text.pipeline import PipelineName, Sentence
from hindcast.text.vocabulary import Vocabulary

Document = list[list[Sentence]]
sentences = st.lists(st.sampled_from(["a", "b", "storm", "é", "<unk>"]), max_size=6)
documents = st.lists(st.lists(st.lists(sentences, max_size=3), max_size=3), min_size=1, max_size=6)


def written(folder: Path, splits: Mapping[str, Sequence[Document]], *, pipeline: PipelineName = "plain") -> Corpus:
    folder.mkdir(parents=True)
    with CorpusWriter(folder, pipeline=pipeline) as writer:
        for split, parts in splits.items():
            for document in parts:
                writer.add_document(document, split=split)
        writer.close()
    return Corpus.open(folder)


def words_of(text: Text) -> list[str]:
    vocabulary = Vocabulary.build(text.counts())
    encoded = text.encoded(vocabulary)
    return [vocabulary.words[id] for id in encoded.tokens(0, len(encoded)).tolist()]


def tokens_of(parts: Sequence[Document]) -> list[str]:
    return [word for document in parts for paragraph in document for s in paragraph for word in (*s, "</s>")]


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """Seven tokens to train on, five to validate with."""
    train: list[Document] = [[[["a", "b"], ["a"]]], [[["c"]]]]
    return written(tmp_path / "one", {"train": train, "valid": [[[["a", "d", "d", "e"]]]]})


def resolve(reference: Any, **corpora: Corpus) -> Text:
    return Text.resolve(CorpusReference.model_validate(reference), corpora.__getitem__, field="train")


@given(parts=documents)
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_comes_back(parts: list[Document], tmp_path_factory: pytest.TempPathFactory) -> None:
    parts = [*parts, [[["end"]]]]
    text = resolve("c", c=written(tmp_path_factory.mktemp("corpus") / "c", {"train": parts}))
    assert words_of(text) == tokens_of(parts)
    assert text.counts() == Counter(tokens_of(parts))
    assert text.units("document") == sum(1 for document in parts if any(document))
    assert text.units("paragraph") == sum(1 for document in parts for paragraph in document if paragraph)
    assert text.units("sentence") == text.sentences == tokens_of(parts).count("</s>")
    assert text.words == text.tokens - text.sentences


def test_statistics_are_those_of_the_contract(tmp_path: Path) -> None:
    with CorpusWriter(tmp_path, pipeline="asr", facts={"sha256": "00"}) as writer:
        writer.add_document([[["a", "b"], []], [["a"]]], split="train", labels=["sport"])
        writer.add_document([[["c"]]], split="valid", labels=["sport", "news"])
        writer.add_document([[]], split="test", labels=["empty"])
        statistics = writer.close()
    assert statistics == {
        "documents": 2,
        "paragraphs": 3,
        "sentences": 4,
        "tokens": 8,
        "words": 4,
        "types": 3,
        "splits": {
            "train": {"documents": 1, "paragraphs": 2, "sentences": 3, "tokens": 6, "words": 3},
            "valid": {"documents": 1, "paragraphs": 1, "sentences": 1, "tokens": 2, "words": 1},
            "test": {"documents": 0, "paragraphs": 0, "sentences": 0, "tokens": 0, "words": 0},
        },
        "domains": {"news": 1, "sport": 2},
        "pipeline": "asr",
        "sha256": "00",
    }
    assert Corpus.open(tmp_path).statistics == statistics
    assert Corpus.open(tmp_path).splits == ("train", "valid")


def test_more_than_a_buffer_is_written_whole(tmp_path: Path) -> None:
    sentence = [str(number % 997) for number in range(1500)]
    corpus = written(tmp_path / "big", {"train": [[[sentence]] * 1500]})
    tokens = corpus.split("train").tokens
    assert len(tokens) == 1500 * 1501
    assert np.array_equal(tokens[-1501:], tokens[:1501])


def test_its_arrays_are_mapped_not_read(corpus: Corpus) -> None:
    split = corpus.split("train")
    arrays = [split.tokens, split.document_labels, *(split.ends(unit) for unit in UNITS)]
    assert all(isinstance(array.base, np.memmap) for array in arrays)


def test_a_text_without_words_is_refused(tmp_path: Path) -> None:
    with CorpusWriter(tmp_path, pipeline="wikitext") as writer:
        writer.add_document([[[]]], split="train")
        with pytest.raises(InvalidInput, match="no words"):
            writer.close()


@pytest.mark.parametrize("broken", ["corpus.json", "train/tokens.u32", "valid/sentences.u64", "valid/documents.u64"])
def test_a_folder_that_is_not_whole_is_corrupt(corpus: Corpus, broken: str) -> None:
    file = corpus.folder / broken
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(Corrupt):
        Corpus.open(corpus.folder)


def test_an_unfinished_corpus_is_corrupt(tmp_path: Path) -> None:
    with CorpusWriter(tmp_path, pipeline="plain") as writer:
        writer.add_document([[["a"]]], split="train")
    with pytest.raises(Corrupt):
        Corpus.open(tmp_path)


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("c", "a b </s> a </s> c </s> a d d e </s>"),
        ({"corpus": "c", "split": "valid"}, "a d d e </s>"),
        ({"corpora": ["c"], "split": "train", "limit_tokens": 6}, "a b </s> a </s>"),
        ({"corpus": "c", "split": "train", "limit_tokens": 5}, "a b </s> a </s>"),
        ({"corpus": "c", "split": "train", "limit_tokens": 4}, "a b </s>"),
        ({"corpus": "c", "split": "train", "limit_tokens": 700}, "a b </s> a </s> c </s>"),
        ({"corpus": "c", "limit_tokens": 6}, "a b </s>"),
    ],
)
def test_a_reference_is_the_part_it_says(corpus: Corpus, reference: object, words: str) -> None:
    assert " ".join(words_of(resolve(reference, c=corpus))) == words


def test_several_corpora_are_one_text(corpus: Corpus, tmp_path: Path) -> None:
    other = written(tmp_path / "two", {"train": [[[["e", "a", "new"]], [["b"]]]]})
    text = resolve({"corpora": ["c", "o"], "split": "train"}, c=corpus, o=other)
    encoded = text.encoded(Vocabulary.from_words(["new", "a"]))
    assert " ".join(words_of(text)) == "a b </s> a </s> c </s> e a new </s> b </s>"
    assert list(text.counts().items()) == [("</s>", 5), ("a", 3), ("b", 2), ("c", 1), ("e", 1), ("new", 1)]
    assert encoded.tokens(5, 9).tolist() == [0, 1, 0, 3]
    assert encoded.take(np.array([[9, 0], [8, 6]])).tolist() == [[2, 3], [3, 1]]
    assert [bounds.tolist() for bounds in encoded.unit_bounds("document")] == [[0, 5, 7], [5, 7, 13]]
    assert [bounds.tolist() for bounds in encoded.unit_bounds("paragraph")] == [[0, 5, 7, 11], [5, 7, 11, 13]]


def test_a_limit_is_shared_in_proportion(tmp_path: Path) -> None:
    large = written(tmp_path / "large", {"train": [[[["a"]] * 300]]})
    small = written(tmp_path / "small", {"train": [[[["b"]] * 100]]})
    counts = resolve({"corpora": ["l", "s"], "limit_tokens": 80}, l=large, s=small).counts()
    assert (counts["a"], counts["b"], counts["</s>"]) == (30, 10, 40)


def test_a_unit_that_the_limit_cuts_ends_there(corpus: Corpus) -> None:
    encoded = resolve({"corpus": "c", "split": "train", "limit_tokens": 4}, c=corpus).encoded(
        Vocabulary.from_words("a")
    )
    assert [bounds.tolist() for bounds in encoded.unit_bounds("document")] == [[0], [3]]
    assert encoded.labels("document").tolist() == [NO_LABEL]


@pytest.mark.parametrize(
    ("reference", "field"),
    [
        ({"corpus": "c", "split": "test"}, "train.split"),
        ({"corpora": ["c", "w"]}, "train.corpora"),
        ({"corpus": "c", "limit_tokens": 1}, "train.limit_tokens"),
    ],
)
def test_a_reference_to_nothing_names_its_field(corpus: Corpus, tmp_path: Path, reference: object, field: str) -> None:
    wikitext = written(tmp_path / "wiki", {"train": [[[["a"]]]]}, pipeline="wikitext")
    with pytest.raises(InvalidInput) as caught:
        resolve(reference, c=corpus, w=wikitext)
    assert caught.value.errors[0].field == field


@pytest.mark.parametrize(
    "reference",
    [
        {},
        {"corpora": []},
        {"corpora": ["c", "c"]},
        {"corpus": "c", "corpora": ["d"]},
        {"corpus": ["c"]},
        {"corpus": "c", "limit_tokens": 0},
        {"corpus": "c", "part": "train"},
        7,
    ],
)
def test_what_is_no_reference_is_refused(reference: object) -> None:
    with pytest.raises(ValidationError):
        CorpusReference.model_validate(reference)


def test_a_reference_survives_being_stored() -> None:
    reference = CorpusReference.model_validate({"corpus": "c", "split": "train"})
    assert CorpusReference.model_validate(reference.model_dump(mode="json")) == reference


def test_units_have_the_labels_of_their_documents(tmp_path: Path) -> None:
    corpora = {}
    for name, labels in {"first": [["news"], []], "second": [["sport"], ["news", "sport"]]}.items():
        (tmp_path / name).mkdir()
        with CorpusWriter(tmp_path / name, pipeline="plain") as writer:
            for number, of_document in enumerate(labels):
                writer.add_document([[["a"]] * (number + 1)], split="train", labels=of_document)
            writer.close()
        corpora[name] = Corpus.open(tmp_path / name)
    encoded = resolve({"corpora": ["first", "second"]}, **corpora).encoded(Vocabulary.from_words("a"))
    assert encoded.label_names == ("news", "sport")
    assert encoded.labels("document").tolist() == [0, NO_LABEL, 1, SEVERAL_LABELS]
    assert encoded.labels("sentence").tolist() == [0, NO_LABEL, NO_LABEL, 1, SEVERAL_LABELS, SEVERAL_LABELS]


def test_sentences_at_hand_are_a_text_too() -> None:
    encoded = EncodedText.of([[["a", "x"], []], [], [["b"]]], Vocabulary.from_words("ab"))
    assert encoded.tokens(0, len(encoded)).tolist() == [2, 0, 1, 1, 3, 1]
    assert [bounds.tolist() for bounds in encoded.unit_bounds("document")] == [[0, 4], [4, 6]]
    assert encoded.unit_bounds("sentence")[1].tolist() == [3, 4, 6]


def test_excerpts_say_where_they_stand(tmp_path: Path) -> None:
    (tmp_path / "labelled").mkdir()
    with CorpusWriter(tmp_path / "labelled", pipeline="plain") as writer:
        writer.add_paragraph([["a", "b"], ["c"]], split="train")
        writer.add_paragraph([["d"]], split="train")
        writer.end_document(split="train", labels=["weather"])
        writer.add_document([[["e", "a"]]], split="train")
        writer.add_paragraph([["f"]], split="test")
        writer.end_document(split="test", labels=["weather", "advice"])
        writer.close()
    labelled = Corpus.open(tmp_path / "labelled")
    other = written(tmp_path / "other", {"train": [[[["x"]]]]})
    text = resolve({"corpora": ["labelled", "other"]}, labelled=labelled, other=other)

    def told(unit: Any, *places: int) -> list[tuple[Any, ...]]:
        found = text.excerpts(unit, places)
        return [(each.corpus, each.split, each.document, each.label, " ".join(each.words)) for each in found]

    assert told("paragraph", 4, 0, 1) == [
        (other, "train", 0, None, "x"),
        (labelled, "train", 0, "weather", "a b c"),
        (labelled, "train", 0, "weather", "d"),
    ]
    assert told("document", 1, 2) == [(labelled, "train", 1, None, "e a"), (labelled, "test", 0, None, "f")]
    assert [told("sentence", place)[0][-1] for place in range(6)] == ["a b", "c", "d", "e a", "f", "x"]
    assert told("sentence") == []
