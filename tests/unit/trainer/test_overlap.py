from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hindcast.text.corpus import Corpus, CorpusReference, Text
from hindcast.text.corpus_writer import CorpusWriter
from hindcast_trainer import overlap as module
from hindcast_trainer.overlap import overlap

Sentences = Sequence[Sequence[str]]
WORDS = [f"w{number}" for number in range(4)] + ["<unk>"]


def text_of(folder: Path, sentences: Sentences) -> Text:
    folder.mkdir()
    with CorpusWriter(folder, pipeline="plain") as writer:
        writer.add_document([sentences], split="train")
        writer.close()
    return Text.resolve(CorpusReference(corpora=("one",)), lambda _: Corpus.open(folder))


def sequences(sentences: Sentences, n: int) -> list[tuple[str, ...]]:
    """What it counts, the slow way."""
    every = [tuple(s[start : start + n]) for s in sentences for start in range(len(s) - n + 1)]
    return [each for each in every if "<unk>" not in each]


@pytest.mark.parametrize("chunk", [7, 1 << 20])
@pytest.mark.parametrize("n", [1, 3, 4])
def test_it_is_the_share_that_a_plain_search_finds(
    tmp_path: Path, finish: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch, chunk: int, n: int
) -> None:
    monkeypatch.setattr(module, "_CHUNK_TOKENS", chunk)
    random = np.random.default_rng(n)
    test, *others = (
        [random.choice(WORDS, random.integers(1, 9)).tolist() for _ in range(count)] for count in (30, 20, 5)
    )
    texts = [text_of(tmp_path / f"{number}", each) for number, each in enumerate((test, *others))]
    found = finish(overlap(texts[0], texts[1:], n=n))
    seen = {each for sentences in others for each in sequences(sentences, n)}
    wanted = sequences(test, n)
    assert found.share == pytest.approx(sum(each in seen for each in wanted) / len(wanted))
    assert found.share > 0
    assert found.n == n


def test_progress_names_the_text_that_is_looked_into(tmp_path: Path) -> None:
    """Not how much was found, which "100 % overlap with …" looks like."""
    text = text_of(tmp_path / "valid", [["a", "b"]])
    assert next(overlap(text, [text], of="the valid text")).message == "looking in the valid text for what was learned"


def test_texts_without_a_long_sequence_in_common_share_nothing(tmp_path: Path, finish: Callable[[Any], Any]) -> None:
    sentence = [f"word{number}" for number in range(8)]
    test = text_of(tmp_path / "test", [sentence, ["short"]])
    same = text_of(tmp_path / "same", [["zero", *sentence, "nine"]])
    torn = text_of(tmp_path / "torn", [sentence[:7], sentence[7:], sentence[::-1]])
    assert finish(overlap(test, [same])).share == 1
    assert finish(overlap(test, [torn])).share == 0
    assert finish(overlap(test, [torn, same])).notable
    assert finish(overlap(text_of(tmp_path / "none", [["short"]]), [same])).share == 0
