"""What a training step holds, by the benchmark that measures it, in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "step_memory.py"


def measured(**options: object) -> dict[str, float]:
    command = [sys.executable, str(BENCHMARK), *(f"--{name}={value}" for name, value in options.items())]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("case", ["softmax", "sampled_softmax", "self_normalized"])
def test_a_step_never_holds_all_logits(case: str) -> None:
    words, lanes, steps = 100_000, 32, 40
    found = measured(case=case, words=words, lanes=lanes, steps=steps)
    assert lanes * steps * words * 4 > 500e6  # what all logits at once would take
    assert found["peak"] < found["bound"]


@pytest.mark.parametrize(("case", "input_size"), [("softmax", 8), ("tied", 128)])
def test_of_many_weights_a_step_holds_one_gradient(case: str, input_size: int) -> None:
    found = measured(case=case, words=600_000, input=input_size, units=128, lanes=2, steps=8)
    assert 0.9 * found["parameters"] > 200e6  # so that another copy of those that predict would be more than is allowed
    assert found["peak"] < found["bound"]
