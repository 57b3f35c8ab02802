"""Conversations: what a model remembers from one utterance to the next, between requests, in this process alone."""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from hindcast.errors import Gone, InvalidInput, NotFound, TooMany
from hindcast.lm.prefix_tree import ReadingPoint

PREFIX = "ses_"


@dataclass(frozen=True)
class Heard:
    """What a conversation has come to."""

    point: ReadingPoint
    utterances: int = 0
    words: int = 0


@dataclass
class Session:
    """One conversation. Whoever moves it holds `turn`: utterances come one after the other."""

    id: str
    model: str
    start: ReadingPoint
    """Where it began, and where a reset takes it."""
    heard: Heard
    turn: threading.Lock = field(default_factory=threading.Lock)

    def reset(self) -> None:
        """Forget all utterances."""
        self.heard = Heard(self.start)


class Sessions:
    """All conversations. One that nobody has used for `idle_seconds` ends."""

    def __init__(
        self, *, most: int = 1_000, idle_seconds: float = 600.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.idle_seconds = idle_seconds
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, tuple[float, Session]] = OrderedDict()
        """With the moment of their last use, the one used longest ago first."""

    def begin(self, model: str, start: ReadingPoint) -> Session:
        """A new one with the model of that id. TooMany when there are as many as there may be."""
        session = Session(PREFIX + secrets.token_hex(16), model, start, Heard(start))
        with self._lock:
            self._end_idle()
            if len(self._sessions) >= self._most:
                raise TooMany(
                    f"{self._most:,} sessions are open, which is the limit: end some, or wait until one has been idle "
                    f"for {self.idle_seconds:g} seconds."
                )
            self._sessions[session.id] = (self._clock(), session)
        return session

    @contextmanager
    def turn(self, id: str, *, model: str, field: str) -> Iterator[Session]:
        """The session, to itself for as long as the block lasts. Gone where it has ended; NotFound where that is no
        session's id; InvalidInput, naming `field`, where it is another model's."""
        session = self._find(id)
        if session.model != model:
            raise InvalidInput.field(field, f"must be a session with this model: {id} is with {session.model}")
        with session.turn:
            yield session
        with self._lock:
            if id in self._sessions:
                self._touch(session)

    def end(self, id: str) -> None:
        """It is there no more. Gone, NotFound."""
        self._find(id)
        with self._lock:
            self._sessions.pop(id, None)

    def __len__(self) -> int:
        with self._lock:
            self._end_idle()
            return len(self._sessions)

    def _find(self, id: str) -> Session:
        with self._lock:
            self._end_idle()
            if id in self._sessions:
                return self._touch(self._sessions[id][1])
        if not (id.startswith(PREFIX) and len(id) == len(PREFIX) + 32):
            raise NotFound(f"There is no session {id}.")
        raise Gone(
            f"Session {id} has ended: it was idle for {self.idle_seconds:g} seconds, was ended, or the scorer was "
            "started anew. What it had heard is forgotten; begin another."
        )

    def _touch(self, session: Session) -> Session:
        self._sessions[session.id] = (self._clock(), session)
        self._sessions.move_to_end(session.id)
        return session

    def _end_idle(self) -> None:
        latest = self._clock() - self.idle_seconds
        while self._sessions:
            id, (used, session) = next(iter(self._sessions.items()))
            if used >= latest or session.turn.locked():
                return
            del self._sessions[id]
