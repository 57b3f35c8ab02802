"""Starts the parts of Hindcast in order, starts again what dies, and ends them all."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from hindcast_standalone.child import CannotStart, Part

LOOK_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 15.0
STEADY_SECONDS = 60.0
"""A part that ran for so long counts as healthy: its earlier failures are forgotten."""


@dataclass
class _Watched:
    part: Part
    begun: float
    failures: int = 0
    """Ends and failed starts without a steady run between them."""
    due: float | None = None
    """When to start it again; None while it runs."""


class Supervisor:
    """Holds parts that were started, in the order in which each needs those before it."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """`say` tells a person what happens."""
        self._say = say
        self._watched: list[_Watched] = []

    def start(self, part: Part) -> None:
        """Start a part, and look after it from now on; CannotStart."""
        self._watched.append(_Watched(part, begun=time.monotonic()))
        part.start()

    def watch(self) -> NoReturn:
        """Start again what ends, until an exception (KeyboardInterrupt) says otherwise."""
        while True:
            self.tend()
            time.sleep(LOOK_SECONDS)

    def tend(self) -> None:
        """Look after each part once."""
        for watched in self._watched:
            self._tend(watched)

    def stop(self) -> None:
        """End all parts, the last first."""
        for watched in reversed(self._watched):
            watched.part.stop()

    def kill(self) -> None:
        """End all parts without asking."""
        for watched in reversed(self._watched):
            watched.part.kill()

    def _tend(self, watched: _Watched) -> None:
        now = time.monotonic()
        if watched.part.running:
            if now - watched.begun > STEADY_SECONDS:
                watched.failures = 0
        elif watched.due is None:
            self._postpone(watched, f"{watched.part.name} ended ({watched.part.end})")
        elif now >= watched.due:
            self._start_again(watched)

    def _start_again(self, watched: _Watched) -> None:
        watched.begun = time.monotonic()
        try:
            watched.part.start()
        except CannotStart as error:
            self._postpone(watched, error.detail)
        else:
            watched.due = None
            self._say(f"{watched.part.name} runs again (process {watched.part.pid}).")

    def _postpone(self, watched: _Watched, what_happened: str) -> None:
        """At once after a first failure, later after more of them."""
        pause = min(LONGEST_PAUSE_SECONDS, 2.0 ** (watched.failures - 1)) if watched.failures else 0.0
        watched.failures += 1
        watched.due = time.monotonic() + pause
        when = f"in {pause:.0f} s" if pause else "now"
        self._say(f"{what_happened}: starting it again {when}. Its log: {watched.part.log}")
