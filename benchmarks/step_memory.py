"""What a training step holds, beside its weights and their moments: `python benchmarks/step_memory.py --words 1000000`.

Each case is a process of its own, whose peak is what the system counted, less what it held before the first step. The
bound is 1.3 × (parameters + optimiser state) + 200 MB. Text is drawn at random; after each of two epochs other such
text is checked on and the best weights are kept; before and after the last check a checkpoint is saved.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hindcast.lm.lstm import LstmSpecification
from hindcast.lm.objectives import EXACT, Objective, SampledSoftmax, SelfNormalized
from hindcast.nn.fitting import Loss, Plan, State, fit

OBJECTIVES: dict[str, Objective] = {
    "softmax": EXACT,
    "sampled_softmax": SampledSoftmax(),
    "self_normalized": SelfNormalized(),
}
BATCHES = 2
FLOAT = 4


class RandomText:
    """A language model and words to learn that nobody wrote."""

    def __init__(self, specification: LstmSpecification, objective: Objective, *, lanes: int, steps: int) -> None:
        self.module = specification.build(seed=1)
        if objective.sparse:
            self.module.take_gradients_by_rows()
        self.tokens_per_batch = lanes * steps
        self.tokens_per_epoch = BATCHES * self.tokens_per_batch
        self._words, self._objective = specification.vocabulary_size, objective
        self._lanes, self._steps = lanes, steps

    def batches(self, *, epoch: int, skip: int) -> Iterator[Tensor]:
        """[steps + 1, lanes] words."""
        for _ in range(BATCHES - skip):
            yield torch.randint(self._words, (self._steps + 1, self._lanes))

    def loss(self, batch: Tensor, state: State) -> Loss:
        """Of the next words."""
        hidden_TBH, state = self.module.run(batch[:-1], state or self.module.start_state(self._lanes))
        total, nats = self._objective.loss(self.module.output, hidden_TBH.flatten(0, 1), batch[1:].flatten())
        return Loss(total, self.tokens_per_batch, state, nats)

    def validation(self) -> Iterator[Loss]:
        """A batch of more of the same."""
        return (self.loss(batch, ()) for batch in self.batches(epoch=0, skip=BATCHES - 1))


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """In this process: bytes of the parameters, the peak, and what it may be."""
    torch.set_num_threads(1)
    specification = LstmSpecification(
        vocabulary_size=asked.words, input_size=asked.input, hidden_size=asked.units, tied=asked.case == "tied"
    )
    objective = OBJECTIVES.get(asked.case, EXACT)
    text = RandomText(specification, objective, lanes=asked.lanes, steps=asked.steps)
    parameters = sum(parameter.numel() for parameter in text.module.parameters()) * FLOAT
    before = _peak()
    for progress in fit(text, Plan(learning_rate=1e-3, epochs=2, clip_norm=5.0)):
        if progress.done == progress.total and progress.milestone and progress.save:
            with tempfile.TemporaryDirectory() as folder:
                progress.save(Path(folder))
    peak = _peak() - before + parameters
    return {"case": asked.case, "parameters": parameters, "peak": peak, "bound": 1.3 * 3 * parameters + 200e6}


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Measure and print, or measure one case as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--words", type=int, default=1_000_000)
    parser.add_argument("--units", type=int, default=64, help="of the LSTM")
    parser.add_argument("--input", type=int, default=64, help="dimensions of the input")
    parser.add_argument("--lanes", type=int, default=32)
    parser.add_argument("--steps", type=int, default=35)
    parser.add_argument("--case", choices=[*OBJECTIVES, "tied"], help="this one alone, here, as JSON")
    asked = parser.parse_args()
    if asked.case:
        print(json.dumps(measure(asked)))
        return
    print(f"{asked.words:,} words, {asked.input} and {asked.units} units, {asked.lanes} × {asked.steps} a step; in MB")
    print(f"{'':18}{'parameters':>12}{'peak':>8}{'bound':>8}")
    sizes = [f"--{name}={getattr(asked, name)}" for name in ("words", "input", "units", "lanes", "steps")]
    for case in [*OBJECTIVES, "tied"]:
        command = [sys.executable, __file__, *sizes, "--case", case]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        figures = (f"{found[name] / 1e6:,.0f}" for name in ("parameters", "peak", "bound"))
        print("{:18}{:>12}{:>8}{:>8}".format(case, *figures), flush=True)


if __name__ == "__main__":
    main()
