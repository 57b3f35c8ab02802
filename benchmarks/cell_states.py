"""What every cell state costs beside a plain forward pass, by two exact methods, in one run: `make bench`.

`keep`: hindcast.nn.bilstm.cell_states does what the LSTM does and keeps the cells; here no two steps have the same
input, so that it is spared nothing. `recompute`: all gates from the hidden states of nn.LSTM in one product, then a
scan of the elementwise recurrence. Methods take turns.

Then the same for all that pre-training does with them: reading a text in its units, both directions, cell states summed
by word, beside a forward pass over the same batches by nn.LSTM.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from hindcast.nn.bilstm import BidirectionalLSTM, cell_states
from hindcast.text.batches import unit_batches
from hindcast.text.corpus import EncodedText
from hindcast.text.vocabulary import Vocabulary
from hindcast_trainer.pretrain import Material
from hindcast_trainer.pretraining.averaging import BATCH_TOKENS, Averaging, average_states
from hindcast_trainer.pretraining.bilstm import LONGEST_PIECE

SHAPES = [(25, 8), (25, 16), (25, 64), (25, 256), (100, 16), (100, 64), (100, 256), (400, 8), (400, 64)]
"""Words of a unit, units side by side."""
UNITS = {"sentence": 25, "paragraph": 100}
"""What a text is read in, and how many words it has in the mean."""
CELLS, BOTH_MEANS = Averaging("cell", "concatenate", None), Averaging("cell", "average", None)
TEXT_WORDS = 300_000
TEXT_VOCABULARY = 25_000


@torch.no_grad()
def forward(lstm: nn.LSTM, inputs_TBD: Tensor) -> Tensor:
    """Hidden states alone."""
    hidden_TBH, _ = lstm(inputs_TBD)
    return hidden_TBH


@torch.no_grad()
def recompute(lstm: nn.LSTM, inputs_TBD: Tensor) -> Tensor:
    """Cell states from hidden states. The output gate is not needed, so 3H of its 4H columns are."""
    hidden_TBH, _ = lstm(inputs_TBD)
    size = lstm.hidden_size
    weight_ih, weight_hh, bias_ih, bias_hh = (parameter.detach()[: 3 * size] for parameter in lstm.parameters())
    gates = linear(inputs_TBD, weight_ih, bias_ih + bias_hh)
    gates[1:].view(-1, 3 * size).addmm_(hidden_TBH[:-1].reshape(-1, size), weight_hh.t())
    enter, keep, candidate = gates.split(size, dim=2)
    cells, keep = enter.sigmoid().mul_(candidate.tanh()), keep.sigmoid()
    for step in range(1, len(cells)):
        cells[step].addcmul_(keep[step], cells[step - 1])
    return cells


def keep(lstm: nn.LSTM, inputs_TBD: Tensor) -> Tensor:
    """Cell states step by step."""
    time_steps, batch, _ = inputs_TBD.shape
    return cell_states(lstm, inputs_TBD.flatten(0, 1), torch.arange(time_steps * batch).view(time_steps, batch))


METHODS: dict[str, Callable[[nn.LSTM, Tensor], Tensor]] = {"keep": keep, "recompute": recompute}


def measure(time_steps: int, batch: int, *, input_size: int, hidden_size: int, repeats: int) -> dict[str, float]:
    """Each method's time over the forward pass's (median of ratios), and how far it is from the other's states."""
    torch.manual_seed(1)
    lstm, inputs_TBD = nn.LSTM(input_size, hidden_size), torch.randn(time_steps, batch, input_size)
    difference = (keep(lstm, inputs_TBD) - recompute(lstm, inputs_TBD)).abs().max().item()
    ratios: dict[str, list[float]] = {name: [] for name in METHODS}
    for _ in range(repeats):
        plain = _seconds(lambda: forward(lstm, inputs_TBD))
        for name, method in METHODS.items():
            ratios[name].append(_seconds(lambda method=method: method(lstm, inputs_TBD)) / plain)
    return {name: statistics.median(values) for name, values in ratios.items()} | {"difference": difference}


def made_text(words_a_unit: int) -> Material:
    """Units of words drawn as natural ones are: the n-th most frequent is 1/n as frequent, and lengths vary widely."""
    random = np.random.default_rng(1)
    words = [f"word{number}" for number in range(TEXT_VOCABULARY - 2)]
    shares = 1 / np.arange(1, len(words) + 1)
    lengths = 1 + random.geometric(1 / words_a_unit, size=TEXT_WORDS // words_a_unit)
    drawn = iter(random.choice(words, size=int(lengths.sum()), p=shares / shares.sum()).tolist())
    vocabulary = Vocabulary.from_words(words)
    units = [[[next(drawn) for _ in range(length)]] for length in lengths.tolist()]
    return Material(EncodedText.of(units, vocabulary), vocabulary, domains={}.__getitem__)


@torch.no_grad()
def read(network: BidirectionalLSTM, material: Material) -> None:
    """The plain forward pass over a text, both directions, in the batches that averaging reads."""
    for batch in unit_batches(
        material.text, unit="paragraph", tokens_per_batch=BATCH_TOKENS, max_length=LONGEST_PIECE, seed=0, epoch=0
    ):
        words_TB = torch.from_numpy(batch.words_TB)
        forward(network.forward_lstm, network.embedding(words_TB))
        forward(network.backward_lstm, network.embedding(words_TB.flip(0)))


def measure_averaging(
    words_a_unit: int, *, input_size: int, hidden_size: int, repeats: int, averaging: Averaging
) -> float:
    """The time of averaging over a text, over that of reading it (median of ratios)."""
    torch.manual_seed(1)
    material = made_text(words_a_unit)
    network = BidirectionalLSTM(vocabulary_size=TEXT_VOCABULARY, input_size=input_size, size=2 * hidden_size)
    ratios = []
    for _ in range(repeats):
        plain = _seconds(lambda: read(network, material))
        steps = average_states(network, material, averaging, unit="paragraph", max_length=LONGEST_PIECE)
        ratios.append(_seconds(lambda steps=steps: list(steps)) / plain)
    return statistics.median(ratios)


def _seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input-size", type=int, default=128)
    parser.add_argument("--hidden-size", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--shapes", type=int, default=len(SHAPES), help="measure only the first of them")
    parser.add_argument("--text-repeats", type=int, default=3)
    parser.add_argument("--json", type=argparse.FileType("w"))
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    results = []
    print(f"times a forward pass, {asked.threads} thread(s)")
    print(f"{'words':>6}{'units':>7}{'keep':>7}{'recompute':>11}{'differ by':>11}")
    for words, units in SHAPES[: asked.shapes]:
        of = measure(words, units, input_size=asked.input_size, hidden_size=asked.hidden_size, repeats=asked.repeats)
        results.append({"words": words, "units": units, **of})
        print(f"{words:6}{units:7}{of['keep']:7.2f}{of['recompute']:11.2f}{of['difference']:11.0e}")
    print(f"{'averaging over a text of':<30}{'units':>7}{'ratio':>7}")
    for unit, words in UNITS.items():
        for averaging, units in ((CELLS, asked.hidden_size), (BOTH_MEANS, 2 * asked.hidden_size)):
            ratio = measure_averaging(
                words, input_size=asked.input_size, hidden_size=units, repeats=asked.text_repeats, averaging=averaging
            )
            results.append({"unit": unit, "combine": averaging.combine, "hidden_size": units, "ratio": ratio})
            print(f"{f'{unit}s, {averaging.combine}':<30}{units:7}{ratio:7.2f}")
    if asked.json:
        json.dump(results, asked.json, indent=1)


if __name__ == "__main__":
    main()
