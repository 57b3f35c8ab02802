"""Whether a sampled softmax ends where the exact one does: both are trained for as many epochs on real text.

The text is the Wikipedia extract in gensim's wheel, as `make demo` reads it, or any file of yours with a paragraph a
line and blank lines between documents.
"""

import argparse
import json
import time
from pathlib import Path

import torch

from hindcast.lm.lstm import LstmSpecification
from hindcast.lm.objectives import EXACT, Objective, SampledSoftmax
from hindcast.lm.trainee import LanguageModelTrainee
from hindcast.nn.fitting import FitResult, Plan, fit
from hindcast.text.corpus import EncodedText
from hindcast.text.pipeline import pipeline
from hindcast.text.vocabulary import Vocabulary
from hindcast_standalone.demonstrations.texts import from_file, wikipedia

VALID_SHARE = 20
"""One document of so many isn't learned."""


def train(
    objective: Objective, train: EncodedText, valid: EncodedText, *, size: int, epochs: int, batch: int
) -> tuple[FitResult, float]:
    """How it went, and in how many seconds."""
    model = LstmSpecification(vocabulary_size=size, input_size=256, dropout=0.2).build(seed=1)
    trainee = LanguageModelTrainee(model, train, valid, "sentence", batch, 35, seed=1, objective=objective)
    started = time.perf_counter()
    steps = fit(trainee, Plan(learning_rate=2e-3, epochs=epochs, clip_norm=5.0, seed=1))
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value, time.perf_counter() - started


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--text", type=Path, help="default: the extract in gensim's wheel")
    parser.add_argument("--every", type=int, default=1, help="take one document of so many")
    parser.add_argument("--vocabulary", type=int, default=25_000)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--samples", type=int, nargs="+", default=[1024, 2048, 4096])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=argparse.FileType("w"))
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    source = (from_file(asked.text) if asked.text else wikipedia())[:: asked.every]
    split = pipeline("plain").document
    found = [[sentence for text in document.paragraphs for sentence in split(text)] for document in source]
    counts: dict[str, int] = {}
    for word in (word for document in found for sentence in document for word in sentence):
        counts[word] = counts.get(word, 0) + 1
    vocabulary = Vocabulary.build(counts, size=asked.vocabulary)
    learned = [document for number, document in enumerate(found) if number % VALID_SHARE]
    texts = [EncodedText.of(part, vocabulary) for part in (learned, found[::VALID_SHARE])]
    print(
        f"{len(texts[0]):,} tokens to learn, {len(texts[1]):,} held out, V = {len(vocabulary):,}, {asked.epochs} epochs"
    )
    objectives: dict[str, Objective] = {"softmax": EXACT}
    objectives |= {f"{samples} samples": SampledSoftmax(samples=samples) for samples in asked.samples}
    figures = {}
    for name, objective in objectives.items():
        result, seconds = train(objective, *texts, size=len(vocabulary), epochs=asked.epochs, batch=asked.batch_size)
        figures[name] = {
            "valid_perplexity": result.valid_perplexity,
            "tokens_per_second": result.tokens_per_second,
            "seconds": seconds,
        }
        print(f"{name:14} valid perplexity {result.valid_perplexity:8.1f} {result.tokens_per_second:10.0f} tokens/s")
    if asked.json:
        json.dump(figures, asked.json, indent=1)


if __name__ == "__main__":
    main()
