"""Hindcast's word2vec beside gensim's own `train()`, at equal workers, in one run: `make bench`.

Both arms make a model from the same counts and train it on the same sentences of the Wikipedia extract in gensim's
wheel: gensim is handed a list of lists of words in memory, Hindcast a text of ids from which it looks each batch up.
Arms take turns; the ratio, of gensim's time to ours, is the median over the rounds. With one worker the vectors are
compared bit by bit.
"""

import argparse
import json
import statistics
import time
from collections import Counter

import numpy as np
import numpy.typing as npt
from gensim.models import Word2Vec as GensimWord2Vec

from hindcast.text.corpus import EncodedText
from hindcast.text.pipeline import END, pipeline
from hindcast.text.vocabulary import Vocabulary
from hindcast_standalone.demonstrations.texts import wikipedia
from hindcast_trainer.pretrain import Material
from hindcast_trainer.pretraining.word2vec import Word2Vec

Vectors = npt.NDArray[np.float32]


def material(tokens: int) -> Material:
    """About so many tokens of the extract, in the 25,000 most frequent words."""
    read = pipeline("plain")
    documents, count = [], 0
    for article in wikipedia():
        documents.append([sentence for paragraph in article.paragraphs for sentence in read.document(paragraph)])
        count += sum(len(sentence) + 1 for sentence in documents[-1])
        if count >= tokens:
            break
    counts = Counter(word for document in documents for sentence in document for word in (*sentence, END))
    vocabulary = Vocabulary.build(counts, size=25_000)
    return Material(EncodedText.of(documents, vocabulary), vocabulary, domains={}.__getitem__)


def hindcast(spec: Word2Vec, text: Material) -> Vectors:
    """Our generator, from the untrained model to the table."""
    steps = spec.pretrain(text, checkpoint=None, threads=spec.workers)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value.vectors


def gensim(spec: Word2Vec, counts: dict[str, int], sentences: list[list[str]]) -> Vectors:
    """gensim's own way, with the same settings."""
    model = GensimWord2Vec(
        vector_size=spec.size,
        window=spec.window,
        negative=spec.negative,
        sg=int(spec.skip_gram),
        workers=spec.workers,
        seed=spec.seed,
        min_count=1,
        sorted_vocab=0,
    )
    model.build_vocab_from_freq(counts)
    model.train(sentences, total_examples=len(sentences), epochs=spec.epochs)
    return model.wv.vectors


def measure(spec: Word2Vec, text: Material, *, rounds: int) -> dict[str, float | bool | None]:
    """How fast each arm is, as tokens a second (medians), their ratio, and whether they agree to the bit."""
    words = np.array(text.vocabulary.words, dtype=object)
    tokens = text.text.tokens(0, len(text.text))
    starts, ends = text.text.unit_bounds("sentence")
    sentences = [words[tokens[start:end]].tolist() for start, end in zip(starts, ends, strict=True)]
    counts = np.bincount(tokens, minlength=len(words)).tolist()
    frequencies = dict(zip(words.tolist(), counts, strict=True))
    seconds: dict[str, list[float]] = {"hindcast": [], "gensim": []}
    arms = {"hindcast": lambda: hindcast(spec, text), "gensim": lambda: gensim(spec, frequencies, sentences)}
    vectors: dict[str, Vectors] = {}
    for number in range(rounds):
        for name in sorted(arms, reverse=bool(number % 2)):  # each goes first in turn
            started = time.perf_counter()
            vectors[name] = arms[name]()
            seconds[name].append(time.perf_counter() - started)
    equal = bool(np.array_equal(*vectors.values())) if spec.workers == 1 else None
    ratios = [theirs / ours for ours, theirs in zip(*seconds.values(), strict=True)]
    speeds = {name: spec.epochs * len(tokens) / statistics.median(times) for name, times in seconds.items()}
    return {**speeds, "ratio": statistics.median(ratios), "bit by bit": equal}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=400_000)
    parser.add_argument("--epochs", type=int, default=4, help="of CBOW; skip-gram, which is slower, has half")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=argparse.FileType("w"))
    asked = parser.parse_args()
    text = material(asked.tokens)
    print(f"{len(text.text):,} tokens, {len(text.vocabulary):,} words; tokens a second")
    print(f"{'model':<12}{'workers':>8}{'hindcast':>10}{'gensim':>10}{'ratio':>7}  equal bit by bit")
    results = []
    for skip_gram, workers in ((False, 1), (False, 2), (True, 1), (True, 2)):
        epochs = max(1, asked.epochs // 2) if skip_gram else asked.epochs
        spec = Word2Vec(corpus="extract", epochs=epochs, skip_gram=skip_gram, workers=workers)
        of = measure(spec, text, rounds=asked.rounds)
        name = "skip-gram" if skip_gram else "CBOW"
        results.append({"model": name, "workers": workers, **of})
        told = {True: "yes", False: "NO", None: "(not repeatable)"}[of["bit by bit"]]
        print(f"{name:<12}{workers:>8}{of['hindcast']:>10,.0f}{of['gensim']:>10,.0f}{of['ratio']:>7.2f}  {told}")
    if asked.json:
        json.dump(results, asked.json, indent=1)


if __name__ == "__main__":
    main()
