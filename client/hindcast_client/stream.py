"""`WS /v1/models/{id}/stream` from the side of a decoder. The protocol is told in `hindcast_scorer.streaming`."""

import json
import struct
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from hindcast_client.errors import Evicted, Refused, TimedOut, Unreachable

_HEADER = struct.Struct("<4sB3xII")
_ANSWER = struct.Struct("<4sB3xIIQ")
_MAGIC, _SCORE = b"HCS1", 1
_EVICTED = -1
_LARGEST_ANSWER = 64 << 20
_SCHEMES = {"http": "ws", "https": "wss"}


class ScoreStream:
    """A connection to one model. States are integers; log-probabilities are natural logs. It is for one thread: the
    next question waits for the answer to the last."""

    def __init__(self, connection: ClientConnection) -> None:
        """See `open`."""
        self._connection = connection
        self._asked = 0
        self._ids: dict[str, int] | None = None
        self.evicted = 0
        """States that the service has evicted so far."""
        self.opening: dict[str, Any] = json.loads(connection.recv())
        """What the service told first: model, vocabulary, history, limits."""

    @classmethod
    def open(
        cls, url: str, model: str, *, history: str | None = None, sum: str | None = None, timeout: float = 30.0
    ) -> Self:
        """`url` is the origin's, such as http://127.0.0.1:8000; `model` an id or a name. Refused where the handshake
        is; Unreachable and TimedOut where nobody answers."""
        asked = {name: value for name, value in (("history", history), ("sum", sum)) if value is not None}
        parts = urlsplit(url)
        path = f"{parts.path.rstrip('/')}/v1/models/{quote(model, safe='')}/stream"
        address = urlunsplit((_SCHEMES.get(parts.scheme, parts.scheme), parts.netloc, path, urlencode(asked), ""))
        try:
            # Numbers hardly shrink, and compressing them would take longer than sending them.
            connection = connect(address, open_timeout=timeout, compression=None, max_size=_LARGEST_ANSWER)
        except InvalidStatus as error:
            raise Refused.of(_problem(error)) from error
        except TimeoutError as error:
            raise TimedOut(f"{url} hasn't answered for {timeout:g} seconds.") from error
        except OSError as error:
            raise Unreachable(f"Nobody answers at {url}: {error}.") from error
        return cls(connection.__enter__())  # `close` is the other end of that

    def close(self) -> None:
        """The service forgets all states."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def ask(self, **frame: Any) -> dict[str, Any]:
        """The answer to a JSON frame. Refused."""
        self._asked += 1
        self._connection.send(json.dumps({"id": self._asked, **frame}))
        return self._heard(self._connection.recv())

    def begin_state(self, context: str = "") -> int:
        """Where a sentence begins, or goes on after `context`."""
        state: int = self.ask(start={"context": context})["state"]
        return state

    def score_word(self, state: int, word: str) -> tuple[int, float]:
        """The state after a word, and its log-probability. Evicted."""
        states, logprobs = self.score_words([(state, word)])
        return states[0], logprobs[0]

    def score_words(self, pairs: Sequence[tuple[int, str | int]]) -> tuple[list[int], list[float]]:
        """The states after words, and their log-probabilities: a whole beam in one frame. Words are texts, or ids as
        `vocabulary` tells them. Evicted, for the first state that isn't there."""
        answer = self.ask(score=pairs)
        if "errors" in answer:
            first = answer["errors"][0]
            raise Evicted(first["state"], first["message"])
        return answer["states"], answer["logprobs"]

    def score_ids(self, states: Sequence[int], words: Sequence[int]) -> tuple[list[int], list[float]]:
        """The same as a binary frame, for thousands of pairs; log-probabilities in single precision. Evicted."""
        if len(states) != len(words):
            raise ValueError(f"must have as many words as states: {len(words)}, {len(states)}")
        self._asked += 1
        header = _HEADER.pack(_MAGIC, _SCORE, self._asked % 2**32, len(states))
        count = len(states)
        self._connection.send(header + struct.pack(f"<{count}q", *states) + struct.pack(f"<{count}i", *words))
        answer = self._connection.recv()
        if isinstance(answer, str):
            self._heard(answer)
            raise ValueError("the service answered a binary frame with text")
        self.evicted = _ANSWER.unpack_from(answer)[-1]
        after = list(struct.unpack_from(f"<{count}q", answer, _ANSWER.size))
        logprobs = list(struct.unpack_from(f"<{count}f", answer, _ANSWER.size + 8 * count))
        for asked, state in zip(states, after, strict=True):
            if state < 0:
                raise Evicted(asked, f"State {asked} {'was evicted' if state == _EVICTED else 'was never given'}.")
        return after, logprobs

    def most_probable(self, states: Sequence[int], k: int = 10) -> list[list[tuple[str, float]]]:
        """The k most probable words after each state, with their log-probabilities. Evicted."""
        answer = self.ask(top=states, k=k)
        if "errors" in answer:
            first = answer["errors"][0]
            raise Evicted(first["state"], first["message"])
        lists = zip(answer["words"], answer["logprobs"], strict=True)
        return [list(zip(words, logprobs, strict=True)) for words, logprobs in lists]

    def release(self, states: Sequence[int]) -> None:
        """Have the service forget states that were pruned."""
        self.ask(release=states)

    @property
    def vocabulary(self) -> dict[str, int]:
        """All words with their ids, asked for once."""
        if self._ids is None:
            self._ids = {word: id for id, word in enumerate(self.ask(vocabulary=True)["words"])}
        return self._ids

    @property
    def words(self) -> Sequence[str]:
        """All words, in the order of their ids."""
        return list(self.vocabulary)

    def __contains__(self, word: object) -> bool:
        return word in self.vocabulary

    def _heard(self, frame: str | bytes) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(frame)
        if "problem" in answer:
            raise Refused.of(answer["problem"])
        self.evicted = answer["evicted"]
        return answer


def _problem(error: InvalidStatus) -> dict[str, Any]:
    status, body = error.response.status_code, error.response.body
    try:
        problem = json.loads(body or b"")
    except ValueError:
        problem = None
    return problem if isinstance(problem, dict) else {"status": status, "detail": f"The handshake got {status}."}
