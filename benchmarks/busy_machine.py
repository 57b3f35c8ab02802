"""How two training threads fare beside somebody else's work: `python benchmarks/busy_machine.py`.

Each arm is a process of its own, for OpenMP reads its settings once: its threads wait for each other as OpenMP would
have them wait, or as a job's do (see hindcast_trainer.worker.child_process), alone and beside one process that does
nothing but compute. The machine should be idle otherwise, and have two cores.
"""

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from training_speed import Shapes, hindcast_steps, seconds_of

from hindcast.lm.objectives import EXACT, Objective, SampledSoftmax
from hindcast_trainer.worker.child_process import SPINNING

OBJECTIVES: dict[str, tuple[Objective, int]] = {"softmax": (EXACT, 15), "sampled softmax": (SampledSoftmax(), 60)}
"""And how many steps."""
WAITING: dict[str, dict[str, str]] = {"as OpenMP has it": {}, "as jobs do": SPINNING}


def step_milliseconds(objective: str, threads: int) -> float:
    """Median of the training steps in this process."""
    torch.set_num_threads(threads)
    shapes = Shapes(25_000, 128, 128, lanes=32, steps=35, threads=threads, device="cpu")
    meant, steps = OBJECTIVES[objective]
    generator = torch.Generator().manual_seed(1)
    batches = [torch.randint(shapes.vocabulary, (36, 32), generator=generator) for _ in range(steps + 2)]
    arm = hindcast_steps(shapes, batches, objective=meant)
    next(arm), next(arm)
    return 1e3 * statistics.median(seconds_of(lambda: next(arm)) for _ in range(steps))


@contextmanager
def somebody_else(*, at_work: bool) -> Iterator[None]:
    """One process that computes without end, in a session of its own as another user's would be."""
    if not at_work:
        yield
        return
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--arm", choices=OBJECTIVES, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.arm:
        print(step_milliseconds(asked.arm, asked.threads))
        return
    environment = {name: value for name, value in os.environ.items() if name not in SPINNING}
    for objective in OBJECTIVES:
        command = [sys.executable, __file__, "--arm", objective, "--threads", str(asked.threads)]
        for at_work in (False, True):
            with somebody_else(at_work=at_work):
                taken: dict[str, list[float]] = {name: [] for name in WAITING}
                for _ in range(asked.rounds):
                    for name, variables in WAITING.items():
                        said = subprocess.check_output(
                            command, env=environment | variables, text=True, start_new_session=True
                        )
                        taken[name].append(float(said))
            medians = {name: statistics.median(each) for name, each in taken.items()}
            told = ", ".join(f"{name} {each:.0f} ms" for name, each in medians.items())
            theirs, ours = medians.values()
            print(
                f"{objective}, {'beside other work' if at_work else 'alone'}: {told}: {theirs / ours:.2f} ×", flush=True
            )


if __name__ == "__main__":
    main()
