"""Who may open a stream, and with what. Free of sockets."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from hindcast.errors import InvalidInput, TooMany
from hindcast.lm.base import History
from hindcast_scorer.models import Models
from hindcast_scorer.streaming.stream import Limits, Stream

DEFAULT_LIMITS = Limits(states=65_536, memory_bytes=256 << 20)


class Streams:
    """The streams that are open. Each goes on with its model whatever becomes of that meanwhile."""

    def __init__(self, models: Models, *, limits: Limits = DEFAULT_LIMITS, most: int = 64) -> None:
        self._models = models
        self._limits = limits
        self._most = most
        self._open = 0
        self._lock = threading.Lock()

    @contextmanager
    def place(self) -> Iterator[None]:
        """One of as many as may be open; TooMany when there is none left."""
        with self._lock:
            if self._open >= self._most:
                raise TooMany(f"{self._most:,} streams are open, which is the limit: close one, or share it.")
            self._open += 1
        try:
            yield
        finally:
            with self._lock:
                self._open -= 1

    def open(
        self, reference: str, *, history: History | None, sum: Literal["exact", "skipped"]
    ) -> tuple[Stream, dict[str, Any]]:
        """A stream with a model, and its opening message. NotFound, Unavailable, Corrupt; InvalidInput where the model
        is not self-normalised and its sum is to be skipped."""
        model = self._models.get(reference)
        served = self._models.serve(model)
        if sum == "skipped" and not served.quick.self_normalized:
            raise InvalidInput.field(
                "sum", "must be exact: this model wasn't trained with the objective self_normalized"
            )
        stream = Stream(
            served.bundle,
            served.quick,
            served.start,
            limits=self._limits,
            history=history or served.bundle.history,
            normalize=sum == "exact",
        )
        return stream, {"model": model.id, "name": model.name, **stream.opening()}
