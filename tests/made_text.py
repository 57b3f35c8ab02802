"""A made text whose domains are known, and ways to drive a computation."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hindcast.progress import Progress
from hindcast.text.corpus import Corpus, CorpusReference, Text
from hindcast.text.corpus_writer import CorpusWriter
from hindcast.text.vocabulary import Vocabulary
from hindcast_trainer.pretrain import Material

TOPICS = ("boat", "court", "farm")
DOCUMENTS, PARAGRAPHS, SENTENCES = 60, 4, 3

Steps = Generator[Progress, None, Any]


@dataclass(frozen=True)
class Checkpoint:
    """What an abandoned computation left."""

    folder: Path
    done: float
    """How far it had come."""


def write_made_corpus(folder: Path) -> Corpus:
    """Documents in turn about one of three topics: six of ten words are the topic's, the others anybody's."""
    random = np.random.default_rng(5)
    letters = "abcdefghijklmnopqrst"
    own = {topic: [topic + letter for letter in letters] for topic in TOPICS}
    anybody = ["word" + letter for letter in letters]

    def sentence(topic: str) -> list[str]:
        length = int(random.integers(5, 12))
        return [str(random.choice(own[topic] if random.random() < 0.6 else anybody)) for _ in range(length)]

    folder.mkdir()
    with CorpusWriter(folder, pipeline="plain") as writer:
        for number in range(DOCUMENTS):
            topic = TOPICS[number % len(TOPICS)]
            for _ in range(PARAGRAPHS):
                writer.add_paragraph([sentence(topic) for _ in range(SENTENCES)], split="train")
            writer.end_document(split="train", labels=[topic])
        writer.close()
    return Corpus.open(folder)


@pytest.fixture(scope="session")
def made_corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return write_made_corpus(tmp_path_factory.mktemp("made") / "corpus")


@pytest.fixture(scope="session")
def made_text(made_corpus: Corpus) -> Text:
    return Text.resolve(CorpusReference(corpora=("made",)), lambda _: made_corpus)


@pytest.fixture(scope="session")
def finish() -> Callable[..., Any]:
    """`finish(steps)` drives a computation to its end: what it returns. `finish(steps, after=checkpoint)` also sees to
    it that it goes on from there: beginning anew, it would come to the very same end."""

    def finish(steps: Steps, *, after: Checkpoint | None = None) -> Any:
        while True:
            try:
                progress = next(steps)
            except StopIteration as end:
                return end.value
            if after is not None and progress.save is not None:
                assert progress.done >= after.done, "it began anew"

    return finish


@pytest.fixture
def checkpoint_after(tmp_path: Path) -> Callable[[Steps, int], Checkpoint]:
    """Drives a computation to its nth moment that can be saved, saves it and abandons the computation."""

    def checkpoint_after(steps: Steps, moments: int) -> Checkpoint:
        savable: list[float] = []
        for progress in steps:
            if progress.save is None:
                continue
            savable.append(progress.done)
            if len(savable) == moments:
                assert savable[-1] > savable[0], "too early to tell one that goes on from one that begins anew"
                folder = tmp_path / "checkpoint"
                folder.mkdir()
                progress.save(folder)
                steps.close()
                return Checkpoint(folder, progress.done)
        raise AssertionError("it ended before that")

    return checkpoint_after


@pytest.fixture(scope="session")
def material(made_text: Text) -> Material:
    """The made text with the two rarest words unknown."""
    return material_of(made_text)


@pytest.fixture(scope="session")
def little_material(made_corpus: Corpus) -> Material:
    """A quarter of the made text."""
    reference = CorpusReference(corpora=("made",), limit_tokens=1600)
    return material_of(Text.resolve(reference, lambda _: made_corpus))


def material_of(text: Text) -> Material:
    vocabulary = Vocabulary.build(text.counts(), size=80)
    return Material(text.encoded(vocabulary), vocabulary, domains={}.__getitem__)
