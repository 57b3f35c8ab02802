"""How fast n-best lists are scored, beside the textbook's way, in one run: `python benchmarks/rescoring.py`.

The textbook arm scores each hypothesis of a list in one padded batch: nn.Embedding -> nn.LSTM -> nn.Linear ->
log_softmax over all logits, in single precision. Hindcast scores the tree of what the hypotheses begin with; a
self-normalised model is spared the sum over the vocabulary. Arms take turns, list by list. Lists are made: a sentence
of 20 words with some places where two or three words sound alike, and the hundred likeliest readings; `--lists` takes
real ones, JSON lines with the texts of `hyps`.
"""

import argparse
import gzip
import json
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch import Tensor, nn

from hindcast.lm.evaluation import score
from hindcast.lm.lstm import LstmLanguageModel, LstmSpecification
from hindcast.lm.prefix_tree import ReadingPoint, score_sentences
from hindcast.lm.single_precision import SinglePrecisionModel
from hindcast.text.vocabulary import END_ID

Hypotheses = list[list[int]]
Arm = Callable[[Hypotheses], list[float]]


def made_lists(count: int, *, hypotheses: int, words: int, vocabulary: int, seed: int = 1) -> list[Hypotheses]:
    """Lists of the likeliest readings of sentences in which every third word or so could be another."""
    random = np.random.default_rng(seed)
    lists = []
    for _ in range(count):
        sentence = random.integers(2, vocabulary, max(8, int(random.normal(words, words / 5))))
        slots = random.choice(len(sentence), 7, replace=False)
        readings = [[(int(word), 0.0)] for word in sentence]
        for slot in slots:
            others = random.integers(2, vocabulary, random.integers(1, 3))
            readings[slot] += [(int(other), float(random.exponential())) for other in others]
        paths = sorted(product(*readings), key=lambda path: sum(cost for _, cost in path))
        lists.append([[word for word, _ in path] for path in paths[:hypotheses]])
    return lists


def real_lists(file: Path, *, count: int, hypotheses: int) -> list[Hypotheses]:
    """The first hypotheses of each list of a file, their words as numbers."""
    ids: dict[str, int] = {}
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        lists = [json.loads(line)["hyps"][:hypotheses] for line, _ in zip(lines, range(count), strict=False)]
    return [[[ids.setdefault(word, len(ids) + 2) for word in hyp["text"].split()] for hyp in hyps] for hyps in lists]


def textbook(model: LstmLanguageModel) -> Arm:
    """Padded batches, all logits."""
    embedding = nn.Embedding.from_pretrained(model.input.weight.detach().float())
    lstm = nn.LSTM(model.specification.input_size, model.specification.hidden_size)
    lstm.load_state_dict({name: tensor.float() for name, tensor in model.lstm.state_dict().items()})
    output = nn.Linear(model.specification.hidden_size, model.vocabulary_size)
    output.load_state_dict({name: tensor.float() for name, tensor in model.output.state_dict().items()})

    def run(hypotheses: Hypotheses) -> list[float]:
        longest = max(map(len, hypotheses)) + 1
        targets_TB = torch.full((longest, len(hypotheses)), END_ID)
        for lane, words in enumerate(hypotheses):
            targets_TB[: len(words), lane] = torch.tensor(words)
        inputs_TB = torch.cat([torch.full((1, len(hypotheses)), END_ID), targets_TB[:-1]])
        log_probs_TBV = output(lstm(embedding(inputs_TB))[0]).log_softmax(dim=2)
        chosen_TB = log_probs_TBV.gather(2, targets_TB[..., None]).squeeze(2)
        lengths_B = torch.tensor([len(words) + 1 for words in hypotheses])
        return list((chosen_TB * (torch.arange(longest)[:, None] < lengths_B)).sum(dim=0).tolist())

    return run


def exact(model: LstmLanguageModel) -> Arm:
    """What `/perplexity` does: double precision, hypotheses side by side, no sharing."""

    def run(hypotheses: Hypotheses) -> list[float]:
        texts = [np.array([*words, END_ID]) for words in hypotheses]
        return [float(scores.log_probs_N.sum()) for scores in score(model, texts, history="sentence")]

    return run


def tree(model: SinglePrecisionModel, *, normalize: bool) -> Arm:
    """What `/rescore` does."""
    start = ReadingPoint.start(model)

    def run(hypotheses: Hypotheses) -> list[float]:
        scores = score_sentences(model, hypotheses, start=start, normalize=normalize)
        return [float(log_probs.sum()) for log_probs in scores]

    return run


@torch.no_grad()
def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vocabulary", type=int, default=25_000)
    parser.add_argument("--input-size", type=int, default=256)
    parser.add_argument("--hidden-size", type=int, default=128)
    parser.add_argument("--hypotheses", type=int, default=100)
    parser.add_argument("--words", type=int, default=20)
    parser.add_argument("--count", type=int, default=20, help="of lists")
    parser.add_argument("--lists", type=Path, help="real ones, .jsonl.gz")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    model = LstmSpecification(
        vocabulary_size=asked.vocabulary, input_size=asked.input_size, hidden_size=asked.hidden_size
    ).build(seed=1)
    nn.init.normal_(model.output.bias, std=1.5)
    model.prepare_for_scoring()
    quick = SinglePrecisionModel(model)
    lists = (
        real_lists(asked.lists, count=asked.count, hypotheses=asked.hypotheses)
        if asked.lists
        else made_lists(asked.count, hypotheses=asked.hypotheses, words=asked.words, vocabulary=asked.vocabulary)
    )
    arms = {
        "textbook": textbook(model),
        "hindcast, exact": exact(model),
        "hindcast, tree": tree(quick, normalize=True),
        "hindcast, tree, no sum": tree(quick, normalize=False),
    }
    figures = measure(arms, lists)
    tokens = sum(len(words) + 1 for hypotheses in lists for words in hypotheses)
    shared = tokens / sum(_beginnings(hypotheses) for hypotheses in lists)
    print(f"{len(lists)} lists, {tokens:,} tokens, {shared:.1f} × as many as distinct ones; {asked.threads} thread(s)")
    print(f"{'arm':24}{'ms/list':>9}{'ratio':>8}{'differs by':>12}")
    for name, figure in figures.items():
        print(f"{name:24}{figure['milliseconds']:9.1f}{figure['ratio']:8.2f}{figure['difference']:12.1e}")
    if asked.json:
        asked.json.write_text(json.dumps({"tokens": tokens, "shared": shared, "arms": figures}, indent=1))


def measure(arms: dict[str, Arm], lists: list[Hypotheses]) -> dict[str, dict[str, float]]:
    """Medians over lists: milliseconds, times the textbook's speed, and the largest difference of a score to it."""
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    differences = dict.fromkeys(arms, 0.0)
    for hypotheses in [lists[0], *lists]:
        scores: dict[str, Tensor] = {}
        for name, arm in arms.items():
            started = time.perf_counter()
            scores[name] = torch.tensor(arm(hypotheses), dtype=torch.float64)
            seconds[name].append(time.perf_counter() - started)
        for name in arms:
            difference = float((scores[name] - scores["textbook"]).abs().max())
            differences[name] = max(differences[name], difference)
    measured = {name: times[1:] for name, times in seconds.items()}
    return {
        name: {
            "milliseconds": 1000 * median(times),
            "ratio": median(base / time for base, time in zip(measured["textbook"], times, strict=True)),
            "difference": differences[name],
        }
        for name, times in measured.items()
    }


def _beginnings(hypotheses: Hypotheses) -> int:
    return len({tuple(words[:end]) for words in ([*h, END_ID] for h in hypotheses) for end in range(1, len(words) + 1)})


if __name__ == "__main__":
    main()
