"""Until when something is waited for, and how long a server may be out of reach meanwhile."""

import time
from collections.abc import Callable

from hindcast_client.errors import HindcastError, TimedOut, TooMany, Unavailable, Unreachable
from hindcast_client.retrying import Pauses

POLL_SECONDS = 1.0
PATIENCE_SECONDS = 300.0
"""How long a server may be away, for example because it starts again, before a wait is given up."""

AWAY = (Unreachable, Unavailable, TooMany, TimedOut)
"""What passes by itself."""

ENDED = ("succeeded", "failed", "cancelled")
"""What becomes of jobs and experiments."""

Clock = Callable[[], float]
OnAway = Callable[[HindcastError], None]
"""Is called once for each time that a server is away, with what shows it."""


class Deadline:
    """A moment, or none."""

    def __init__(self, timeout: float | None, *, now: Clock = time.monotonic) -> None:
        self._timeout = timeout
        self._now = now
        self._until = float("inf") if timeout is None else now() + timeout

    @property
    def left(self) -> float:
        """Seconds, 0 when it is past."""
        return max(0.0, self._until - self._now())

    def check(self, what: str) -> None:
        """TimedOut when it is past."""
        if self.left == 0:
            raise TimedOut(f"{what} hasn't ended within {self._timeout:g} seconds. It goes on.")


class Contact:
    """With a server that may be away for a while."""

    def __init__(self, patience: float, *, on_away: OnAway | None = None, now: Clock = time.monotonic) -> None:
        self._patience = patience
        self._on_away = on_away
        self._now = now
        self.made()

    def made(self) -> None:
        """It has answered."""
        self._last = self._now()
        self._pauses = Pauses()
        self._is_told = False

    def pause_after(self, error: HindcastError) -> float:
        """Seconds to wait before it is asked again. Raises the error when patience has run out."""
        if self._now() - self._last >= self._patience:
            raise error
        if self._on_away is not None and not self._is_told:
            self._on_away(error)
        self._is_told = True
        return self._pauses.next(after=error)
