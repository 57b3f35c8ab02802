"""What a training step holds, at a vocabulary whose logits alone would be half a gigabyte."""

import subprocess
import sys

import pytest

WORDS, INPUT, HIDDEN, LANES, STEPS = 100_000, 64, 64, 32, 40

SCRIPT = """
import resource, sys
import torch
from hindcast.lm.lstm import LstmSpecification
from hindcast.lm.objectives import EXACT, SampledSoftmax, SelfNormalized
from hindcast.nn.fitting import Loss, Plan, fit

torch.set_num_threads(1)
words, input_size, hidden_size, lanes, steps = map(int, sys.argv[2:])
objective = {"softmax": EXACT, "sampled": SampledSoftmax(), "self_normalized": SelfNormalized()}[sys.argv[1]]
model = LstmSpecification(vocabulary_size=words, input_size=input_size, hidden_size=hidden_size).build(seed=1)
if objective.sparse:
    model.take_gradients_by_rows()

class Random:
    module, tokens_per_batch, tokens_per_epoch = model, lanes * steps, 4 * lanes * steps

    def batches(self, *, epoch, skip):
        return iter([torch.randint(words, (steps + 1, lanes)) for _ in range(4)][skip:])

    def loss(self, batch, state):
        hidden_TBH, state = model.run(batch[:-1], state or model.start_state(lanes))
        total, nats = objective.loss(model.output, hidden_TBH.flatten(0, 1), batch[1:].flatten())
        return Loss(total, lanes * steps, state, nats)

    def validation(self):
        return None

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for _ in fit(Random(), Plan(learning_rate=1e-3, epochs=1, clip_norm=5.0)):
    pass
held = sum(p.numel() for p in model.parameters()) * 4
print(held, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 + held)
"""


@pytest.mark.parametrize("objective", ["softmax", "sampled", "self_normalized"])
def test_a_step_holds_little_more_than_weights_and_their_moments(objective: str) -> None:
    sizes = map(str, (WORDS, INPUT, HIDDEN, LANES, STEPS))
    done = subprocess.run([sys.executable, "-c", SCRIPT, objective, *sizes], check=True, capture_output=True, text=True)
    weights, peak = map(int, done.stdout.split())
    weights_and_moments = 3 * weights
    assert LANES * STEPS * WORDS * 4 > 500e6  # what all logits at once would take
    assert peak < 1.3 * weights_and_moments + 200e6
