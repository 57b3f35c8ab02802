"""What every cell state costs beside a plain forward pass, by two exact methods, in one run: `make bench`.

`keep`: hindcast.nn.bilstm.cell_states does what the LSTM does and keeps the cells. `recompute`: all gates from the
hidden states of nn.LSTM in one product, then a scan of the elementwise recurrence. Methods take turns.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from hindcast.nn.bilstm import cell_states

SHAPES = [(25, 8), (25, 16), (25, 64), (25, 256), (100, 16), (100, 64), (100, 256), (400, 8), (400, 64)]
"""Words of a unit, units side by side."""


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


METHODS: dict[str, Callable[[nn.LSTM, Tensor], Tensor]] = {"keep": cell_states, "recompute": recompute}


def measure(time_steps: int, batch: int, *, input_size: int, hidden_size: int, repeats: int) -> dict[str, float]:
    """Each method's time over the forward pass's (median of ratios), and how far it is from the other's states."""
    torch.manual_seed(1)
    lstm, inputs_TBD = nn.LSTM(input_size, hidden_size), torch.randn(time_steps, batch, input_size)
    difference = (cell_states(lstm, inputs_TBD) - recompute(lstm, inputs_TBD)).abs().max().item()
    ratios: dict[str, list[float]] = {name: [] for name in METHODS}
    for _ in range(repeats):
        plain = _seconds(lambda: forward(lstm, inputs_TBD))
        for name, method in METHODS.items():
            ratios[name].append(_seconds(lambda method=method: method(lstm, inputs_TBD)) / plain)
    return {name: statistics.median(values) for name, values in ratios.items()} | {"difference": difference}


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
    parser.add_argument("--json", type=argparse.FileType("w"))
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    results = []
    print(f"times a forward pass, {asked.threads} thread(s)")
    print(f"{'words':>6}{'units':>7}{'keep':>7}{'recompute':>11}{'differ by':>11}")
    for words, units in SHAPES:
        of = measure(words, units, input_size=asked.input_size, hidden_size=asked.hidden_size, repeats=asked.repeats)
        results.append({"words": words, "units": units, **of})
        print(f"{words:6}{units:7}{of['keep']:7.2f}{of['recompute']:11.2f}{of['difference']:11.0e}")
    if asked.json:
        json.dump(results, asked.json, indent=1)


if __name__ == "__main__":
    main()
