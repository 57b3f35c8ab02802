"""When a request is sent again, and how long to wait before."""

import random
import time
from collections.abc import Callable

from hindcast_client.errors import Conflict, HindcastError, TooMany, Unavailable, Unreachable
from hindcast_client.request import Request

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 20.0
"""Seconds. Pauses double, and each is drawn between half of that and all: clients that were refused together don't all
come back together."""

LOST = (
    "The answer to an earlier try of the same request was lost: what is in the way may be what that try has made. "
    "Look whether it is what you sent."
)


class Tries:
    """The tries of one request, as long as `patience` seconds after the first haven't gone by. 0: a single one."""

    def __init__(self, request: Request, patience: float, *, now: Callable[[], float] = time.monotonic) -> None:
        self._request = request
        self._now = now
        self._until = now() + patience
        self._pauses = Pauses()
        self._lost = False

    def pause_after(self, error: HindcastError) -> float:
        """Seconds to wait before the next try. Raises the error where there should be none."""
        self._lost |= error.uncertain
        pause = self._pauses.next(after=error) if self._worth_repeating(error) else None
        if pause is not None and self._now() + pause <= self._until:
            return pause
        error.uncertain = self._lost
        if self._lost and isinstance(error, Conflict):
            error.add_note(LOST)
        raise error

    def _worth_repeating(self, error: HindcastError) -> bool:
        if not self._request.replayable:
            return False
        if isinstance(error, Unreachable):
            return not (error.uncertain and self._request.once)
        # Refused before anything was done; but for the rare 503 of a database that goes away while it commits, after
        # which a thing without a name may be made twice until services heed the key.
        return isinstance(error, TooMany | Unavailable)


class Pauses:
    """Between tries: longer and longer, unless the service says how long."""

    def __init__(self) -> None:
        self._longest = FIRST_PAUSE

    def next(self, *, after: HindcastError | None = None) -> float:
        """In seconds."""
        asked = getattr(after, "retry_after", None)
        pause = random.uniform(self._longest / 2, self._longest)
        self._longest = min(2 * self._longest, LONGEST_PAUSE)
        return pause if asked is None else asked + random.uniform(0, FIRST_PAUSE)
