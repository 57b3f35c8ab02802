"""How fast a language model learns, beside the textbook's way, in one run: `make bench`.

The textbook arm is nn.Embedding -> nn.LSTM -> nn.Linear -> F.cross_entropy over all logits, with torch's Adam as it
comes. Arms take turns, step by step, on the same words with the same shapes and threads, so that what else the machine
does meets all of them alike; medians of the steps are compared.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from hindcast.lm.lstm import LstmLanguageModel, LstmSpecification
from hindcast.lm.objectives import EXACT, Objective, SampledSoftmax, SelfNormalized
from hindcast.nn.device import torch_device
from hindcast.nn.fitting import Loss, Plan, State, fit

CLIP_NORM = 5.0
LEARNING_RATE = 2e-3


@dataclass(frozen=True)
class Shapes:
    """What all arms share."""

    vocabulary: int
    input_size: int
    hidden_size: int
    lanes: int
    steps: int
    threads: int
    device: str
    """`cpu` or `cuda`, where products may be taken by TF32 in every arm."""

    @property
    def tokens(self) -> int:
        """Of one training step."""
        return self.lanes * self.steps


class Textbook(nn.Module):
    """As every tutorial has it."""

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        self.embedding = nn.Embedding(shapes.vocabulary, shapes.input_size)
        self.lstm = nn.LSTM(shapes.input_size, shapes.hidden_size)
        self.output = nn.Linear(shapes.hidden_size, shapes.vocabulary)

    def forward(self, words_TB: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Logits [T, B, V] and the state."""
        hidden_TBH, state = self.lstm(self.embedding(words_TB), state)
        return self.output(hidden_TBH), state


def textbook_steps(shapes: Shapes, batches: list[Tensor]) -> Iterator[float]:
    """Mean loss of each training step."""
    torch.manual_seed(1)
    model, state = Textbook(shapes).to(shapes.device), None
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    for words_TB in batches:
        optimizer.zero_grad()
        logits_TBV, state = model(words_TB[:-1], state)
        loss = cross_entropy(logits_TBV.flatten(0, 1), words_TB[1:].flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
        optimizer.step()
        state = tuple(tensor.detach() for tensor in state)
        yield loss.item()


@dataclass(frozen=True)
class RandomText:
    """See hindcast.nn.fitting.Trainee."""

    module: LstmLanguageModel
    words: list[Tensor]
    tokens_per_batch: int
    objective: Objective

    @property
    def tokens_per_epoch(self) -> int:
        """All are full."""
        return self.tokens_per_batch * len(self.words)

    def batches(self, *, epoch: int, skip: int) -> Iterator[Tensor]:
        """All of them."""
        return iter(self.words[skip:])

    def loss(self, batch: Tensor, state: State) -> Loss:
        """Of the next words."""
        hidden_TBH, state = self.module.run(batch[:-1], state or self.module.start_state(batch.shape[1]))
        targets_N = batch[1:].flatten()
        total, nats = self.objective.loss(self.module.output, hidden_TBH.flatten(0, 1), targets_N)
        return Loss(total, len(targets_N), state, nats)

    def validation(self) -> None:
        """None."""


def hindcast_steps(
    shapes: Shapes, batches: list[Tensor], *, frozen: bool = False, objective: Objective = EXACT
) -> Iterator[float]:
    """Mean loss of each training step, with a learned input, or on a frozen table."""
    model = LstmSpecification(
        vocabulary_size=shapes.vocabulary,
        input_size=shapes.input_size,
        hidden_size=shapes.hidden_size,
        input_trainable=not frozen,
    ).build(seed=1)
    # Its loss is compared with the textbook's: the same weights, whatever each is wont to start from.
    torch.manual_seed(1)
    textbook = Textbook(shapes)
    model.load_state_dict({name.replace("embedding", "input"): value for name, value in textbook.state_dict().items()})
    model.to(shapes.device)
    if objective.sparse:
        model.take_gradients_by_rows()
    trainee = RandomText(model, batches, shapes.tokens, objective)
    plan = Plan(learning_rate=LEARNING_RATE, epochs=1, clip_norm=CLIP_NORM)
    nats = 0.0
    for progress in fit(trainee, plan, report_seconds=0.0):
        if not progress.milestone:
            summed = progress.metrics["train_loss"] * progress.done
            yield (summed - nats) / shapes.tokens
            nats = summed


def sgemm_rate(device: str) -> float:
    """The most GFLOP/s that a product of square matrices reaches here."""
    size = 2048 if device == "cpu" else 8192
    left, right, product = (torch.randn(size, size, device=device) for _ in range(3))
    seconds = min(seconds_of(lambda: torch.mm(left, right, out=product)) for _ in range(7))
    return 2 * size**3 / seconds / 1e9


def seconds_of(run: Callable[[], object]) -> float:
    """That it takes, a device's work included."""
    _await_device()
    started = time.perf_counter()
    run()
    _await_device()
    return time.perf_counter() - started


def _await_device() -> None:
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()


def measure(shapes: Shapes, steps: int) -> dict[str, object]:
    """Tokens per second of each arm, ratios to the textbook, losses' difference, and the rate of the machine."""
    torch.set_num_threads(shapes.threads)
    torch_device(shapes.device)  # which lets a GPU take products by TF32, as it does in training
    generator = torch.Generator().manual_seed(1)
    size = (shapes.steps + 1, shapes.lanes)
    batches = [torch.randint(shapes.vocabulary, size, generator=generator).to(shapes.device) for _ in range(steps + 2)]
    arms = {
        "textbook": textbook_steps(shapes, batches),
        "hindcast, learned input": hindcast_steps(shapes, batches),
        "hindcast, frozen table": hindcast_steps(shapes, batches, frozen=True),
        "self-normalised": hindcast_steps(shapes, batches, objective=SelfNormalized()),
        "sampled softmax": hindcast_steps(shapes, batches, objective=SampledSoftmax()),
        "sampled, frozen table": hindcast_steps(shapes, batches, frozen=True, objective=SampledSoftmax()),
    }
    first = {name: next(arm) for name, arm in arms.items()}
    for arm in arms.values():
        next(arm)
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    rates = [sgemm_rate(shapes.device)]
    for _ in range(steps):
        for name, arm in arms.items():
            seconds[name].append(seconds_of(lambda arm=arm: next(arm)))
    rates.append(sgemm_rate(shapes.device))
    return {
        "shapes": vars(shapes),
        "steps": steps,
        "loss_difference": abs(first["textbook"] - first["hindcast, learned input"]),
        "sgemm_gflops": max(rates),
        "arms": {
            name: _figures(shapes, taken, seconds["textbook"], max(rates), sampled="sampled" in name)
            for name, taken in seconds.items()
        },
    }


def _figures(
    shapes: Shapes, taken: list[float], textbook: list[float], sgemm: float, *, sampled: bool
) -> dict[str, float]:
    median = statistics.median(taken)
    # The exact softmax's products alone; a sampled one takes few of them.
    products = 0.0 if sampled else 6e-9 * shapes.tokens * shapes.vocabulary * shapes.hidden_size
    gflops = products / median
    return {
        "milliseconds": 1e3 * median,
        "tokens_per_second": shapes.tokens / median,
        "ratio": statistics.median(theirs / ours for theirs, ours in zip(textbook, taken, strict=True)),
        "softmax_gflops": gflops,
        "share_of_sgemm": gflops / sgemm,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vocabulary", type=int, default=25_000)
    parser.add_argument("--input-size", type=int, default=256)
    parser.add_argument("--hidden-size", type=int, default=128)
    parser.add_argument("--lanes", type=int, default=32)
    parser.add_argument("--bptt", type=int, default=35)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--json", type=argparse.FileType("w"))
    asked = parser.parse_args()
    shapes = Shapes(
        asked.vocabulary, asked.input_size, asked.hidden_size, asked.lanes, asked.bptt, asked.threads, asked.device
    )
    result = measure(shapes, asked.steps)
    print(
        f"{shapes}\nsgemm {result['sgemm_gflops']:.0f} GFLOP/s, first losses differ by {result['loss_difference']:.1e}"
    )
    print(f"{'arm':26}{'ms/step':>9}{'tokens/s':>10}{'ratio':>7}{'GFLOP/s':>9}{'of sgemm':>9}")
    for name, of in result["arms"].items():
        print(
            f"{name:26}{of['milliseconds']:9.1f}{of['tokens_per_second']:10.0f}{of['ratio']:7.2f}"
            f"{of['softmax_gflops']:9.0f}{of['share_of_sgemm']:9.0%}"
        )
    if asked.json:
        json.dump(result, asked.json, indent=1)


if __name__ == "__main__":
    main()
