"""How long it will still take, as far as that can be said honestly."""

import math

MEMORY_SECONDS = 30.0
"""How far back the smoothed speed looks: what happened so long ago weighs 1/e."""
SETTLING_SECONDS = 3.0
"""Before so much time has passed nothing is said."""


class Pace:
    """The smoothed speed of one computation in this attempt: what an earlier attempt did tells nothing of it."""

    def __init__(self) -> None:
        self._unit: str | None = None
        self._start = self._last = self._done = 0.0
        self._recent_done = self._recent_seconds = 0.0

    def eta(self, done: float, total: float, unit: str, *, now: float) -> float | None:
        """Seconds to go, after hearing that `done` of `total` units are done at `now` (seconds of a clock that never
        goes back). None until enough was seen to say."""
        if unit != self._unit or done < self._done:
            self._begin(done, unit, now)
            return None
        faded = math.exp((self._last - now) / MEMORY_SECONDS)
        self._recent_done = self._recent_done * faded + done - self._done
        self._recent_seconds = self._recent_seconds * faded + now - self._last
        self._done, self._last = done, now
        if now - self._start < SETTLING_SECONDS or self._recent_done <= 0:
            return None
        return max(0.0, total - done) * self._recent_seconds / self._recent_done

    def _begin(self, done: float, unit: str, now: float) -> None:
        self._unit, self._done = unit, done
        self._start = self._last = now
        self._recent_done = self._recent_seconds = 0.0
