"""What a long computation yields while it runs. The computation reports; its caller shows, saves and stops."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar


@dataclass(frozen=True)
class Progress:
    """One moment of a long computation."""

    done: float
    """How much is done, in `unit`s."""
    total: float
    """How much there is to do, in `unit`s, as far as is known now."""
    unit: str
    """What is counted: "tokens", "sentences", "rounds"."""
    message: str = ""
    """What is going on, for a person: "epoch 2 of 8"."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Figures of this moment: {"train_perplexity": 231.0, "tokens_per_second": 9100.0}."""
    save: Callable[[Path], None] | None = None
    """Writes a checkpoint of exactly this moment into an empty folder. Valid until the computation is resumed."""
    milestone: bool = False
    """True where the caller should save whatever its clock says, such as at the end of an epoch."""


Moment = TypeVar("Moment")
Result = TypeVar("Result")


def relay(
    steps: Generator[Moment, None, Result], tell: Callable[[Moment], Progress]
) -> Generator[Progress, None, Result]:
    """The same computation, each of whose moments is told in another way: as a part of a longer one."""
    while True:
        try:
            moment = next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result
        yield tell(moment)
