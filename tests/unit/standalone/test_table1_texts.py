"""What `make table1` uploads."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from table1_data import numbered, write_split

from hindcast.errors import InvalidInput
from hindcast_standalone.demonstrations.table1_texts import SourceText, select


def of(texts: Sequence[SourceText], corpus: str, split: str) -> list[str]:
    [text] = [text for text in texts if text.name == corpus]
    return [document.id for document in text.documents if document.split == split]


def test_held_out_text_is_the_same_mixture_as_train(data: Path) -> None:
    texts = select(data)
    assert len(of(texts, "20newsgroups", "train")) == 100
    assert len(of(texts, "20newsgroups", "test")) == len(of(texts, "20newsgroups", "valid")) == 5


def test_a_corpus_without_a_test_part_shares_out_its_valid_part(data: Path) -> None:
    texts = select(data)
    assert len(of(texts, "reuters21578", "train")) == 140
    valid, test = (of(texts, "reuters21578", split) for split in ("valid", "test"))
    assert len(valid) == len(test) == 4
    assert not set(valid) & set(test)


def test_nothing_that_is_held_out_is_learned_under_any_id_in_any_corpus(data: Path) -> None:
    copied = [("brown/valid/new", "bbc_news train 3 " + "WORD  " * 47), ("brown/train/1", "something else")]
    write_split(data / "brown", "valid", [*copied, *numbered("brown", "valid", 2)])
    write_split(data / "brown", "test", [*numbered("brown", "valid", 1), *numbered("brown", "test", 3)])
    texts = select(data)
    learned = {document.text_digest for text in texts for document in text.documents if document.split == "train"}
    held_out = [document for text in texts for document in text.documents if document.split != "train"]
    assert not learned & {document.text_digest for document in held_out}
    assert len({document.id for document in held_out}) == len(held_out)
    assert sorted(of(texts, "brown", "valid")) == ["brown/valid/0", "brown/valid/1"]
    assert len(of(texts, "brown", "test")) == 3


def test_a_beginning_of_a_corpus_is_no_beginning_of_its_file(data: Path) -> None:
    ids = of(select(data), "novels", "train")
    assert ids[:20] != [f"novels/train/{n}" for n in range(20)]
    assert ids == of(select(data), "novels", "train")


def test_equal_text_gives_equal_bytes_in_the_form_that_corpora_take(data: Path) -> None:
    [first, *_], [again, *_] = select(data), select(data)
    assert first.body() == again.body()
    line = json.loads(gzip.decompress(first.body()).decode().splitlines()[0])
    assert line == {**line, "domain": None, "split": "train"}


def test_a_folder_that_lacks_a_corpus_is_a_sentence(data: Path) -> None:
    (data / "masc" / "documents.train.jsonl.gz").unlink()
    with pytest.raises(InvalidInput, match=r"masc has no train documents"):
        select(data)
    (data / "masc" / "documents.train.jsonl.gz").write_bytes(gzip.compress(b'["no document"]\n'))
    with pytest.raises(InvalidInput, match=r"DATA.*line 1 is no document with an id and paragraphs"):
        select(data)
    (data / "masc" / "documents.train.jsonl.gz").write_bytes(b"no gzip")
    with pytest.raises(InvalidInput, match=r"DATA.*can't be read"):
        select(data)
