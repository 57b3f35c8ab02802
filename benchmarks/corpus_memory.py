"""How much memory it takes to write a corpus of 100 million tokens, and to train on it.

Words are drawn at random, as frequent as in real text (Zipf's law). Each stage is a process of its own, whose peak is
what the system counted, pages of mapped files included.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from hindcast.lm.base import History
from hindcast.lm.lstm import LstmSpecification
from hindcast.lm.trainee import LanguageModelTrainee
from hindcast.nn.fitting import Plan, fit
from hindcast.text.corpus import Corpus, CorpusReference, Text
from hindcast.text.corpus_writer import CorpusWriter
from hindcast.text.pipeline import Sentence
from hindcast.text.vocabulary import Vocabulary

TYPES = 1_000_000
SENTENCE, PARAGRAPH, DOCUMENT = 24, 5, 20
"""Words of a sentence, sentences of a paragraph, paragraphs of a document."""
SIZES = {"vocabulary_size": 25_000, "input_size": 256, "hidden_size": 128}
REPORTS = 20
"""Seconds to train for: after the first batches memory doesn't grow."""


def write(folder: Path, tokens: int) -> None:
    """The corpus."""
    words = [f"word{number}" for number in range(TYPES)]
    cumulated = np.cumsum(1.0 / np.arange(1, TYPES + 1))
    random = np.random.default_rng(1)
    size = SENTENCE * PARAGRAPH * DOCUMENT
    with CorpusWriter(folder, pipeline="asr") as writer:
        for _ in range(tokens // (size + PARAGRAPH * DOCUMENT)):
            drawn = np.searchsorted(cumulated, random.random(size) * cumulated[-1]).tolist()
            writer.add_document(_paragraphs([words[number] for number in drawn]), split="train")
        writer.close()


def _paragraphs(words: list[str]) -> Iterator[list[Sentence]]:
    sentences = [words[start : start + SENTENCE] for start in range(0, len(words), SENTENCE)]
    return (sentences[start : start + PARAGRAPH] for start in range(0, len(sentences), PARAGRAPH))


def learn(folder: Path, history: History) -> None:
    """The beginning of an epoch, as a `language_model` job goes about it."""
    torch.set_num_threads(2)
    text = Text.resolve(CorpusReference(corpora=("corpus",)), lambda _: Corpus.open(folder), field="train")
    vocabulary = Vocabulary.build(text.counts(), size=SIZES["vocabulary_size"])
    trainee = LanguageModelTrainee(
        model=LstmSpecification(**SIZES).build(seed=1),
        train=text.encoded(vocabulary),
        valid=None,
        history=history,
        batch_size=32,
        bptt=35,
        seed=1,
    )
    for _ in islice(fit(trainee, Plan(learning_rate=2e-3, epochs=1)), REPORTS):
        pass


def _stage(*arguments: str) -> dict[str, float]:
    """Seconds, and megabytes at the peak, of this script run for one stage."""
    started = time.perf_counter()
    done = subprocess.run([sys.executable, __file__, *arguments], check=True, capture_output=True, text=True)
    return {"seconds": time.perf_counter() - started, "megabytes": float(done.stdout)}


def main() -> None:
    """Measure and print; or, given a stage, do it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=100_000_000)
    parser.add_argument("--json", type=argparse.FileType("w"))
    parser.add_argument("--stage", choices=("write", "sentence", "document"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.stage:
        write(asked.folder, asked.tokens) if asked.stage == "write" else learn(asked.folder, asked.stage)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    with tempfile.TemporaryDirectory() as folder:
        same = ("--folder", folder, "--tokens", str(asked.tokens))
        stages = {stage: _stage("--stage", stage, *same) for stage in ("write", "sentence", "document")}
    print(f"{asked.tokens:,} tokens, {TYPES:,} types to draw from, {SIZES}")
    for stage, figures in stages.items():
        print(f"{stage:10}{figures['seconds']:7.0f} s{figures['megabytes']:8.0f} MB")
    if asked.json:
        json.dump({"tokens": asked.tokens, "stages": stages}, asked.json, indent=1)


if __name__ == "__main__":
    main()
