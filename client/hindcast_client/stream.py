"""`WS /v1/models/{id}/stream` from the side of a decoder. The protocol is told in `hindcast_scorer.streaming`."""

import json
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import urlencode, urlsplit, urlunsplit

from websockets.exceptions import ConnectionClosed, InvalidStatus, InvalidURI, WebSocketException
from websockets.sync.client import ClientConnection, connect

from hindcast_client.addresses import server_at
from hindcast_client.errors import Evicted, NotUnderstood, Refused, TimedOut, Unreachable, WrongArgument, WrongUrl
from hindcast_client.request import at, must_be

_HEADER = struct.Struct("<4sB3xII")
_ANSWER = struct.Struct("<4sB3xIIQ")
_MAGIC, _SCORE = b"HCS1", 1
_EVICTED = -1
_LARGEST_ANSWER = 64 << 20
_SCHEMES = {"http": "ws", "https": "wss"}


class ScoreStream:
    """A connection to one model. States are integers; log-probabilities are natural logs. Several threads may ask: each
    question waits for the answer to the last. Every method raises Unreachable where the connection has ended."""

    def __init__(self, connection: ClientConnection) -> None:
        """See `open`."""
        self._connection = connection
        self._asked = 0
        self._turn = Lock()
        self._known: dict[str, bool] = {}
        """What the pipeline made of words that aren't in the vocabulary as they are: a known one, or none."""
        self._ids: dict[str, int] | None = None
        self.evicted = 0
        """States that the service has evicted so far."""
        with _ended_told():
            self.opening: dict[str, Any] = json.loads(connection.recv())
        """What the service told first: model, vocabulary, history, limits."""

    @classmethod
    def open(
        cls, url: str, model: str, *, history: str | None = None, sum: str | None = None, timeout: float = 30.0
    ) -> Self:
        """`url` is the origin's, such as http://127.0.0.1:8000; `model` an id or a name. Refused where the handshake
        is; Unreachable and TimedOut where nobody answers; WrongUrl."""
        asked = {name: value for name, value in (("history", history), ("sum", sum)) if value is not None}
        parts = urlsplit(server_at(url))
        path = parts.path.rstrip("/") + at("models", model, "stream")
        address = urlunsplit((_SCHEMES.get(parts.scheme, parts.scheme), parts.netloc, path, urlencode(asked), ""))
        try:
            # Numbers hardly shrink, and compressing them would take longer than sending them.
            connection = connect(address, open_timeout=timeout, compression=None, max_size=_LARGEST_ANSWER)
        except InvalidStatus as error:
            raise Refused.of(_problem(error)) from error
        except InvalidURI as error:
            raise WrongUrl(f"must be a URL such as http://127.0.0.1:8000, not {url!r}") from error
        except TimeoutError as error:
            raise TimedOut(f"{url} hasn't answered for {timeout:g} seconds.") from error
        except (OSError, WebSocketException) as error:
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
        with self._turn:
            self._asked += 1
            with must_be("a question", "what JSON can write"):
                written = json.dumps({"id": self._asked, **frame})
            return self._told(self._answer(written))

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
        written = ((word, oov) for (_, word), oov in zip(pairs, answer["oov"], strict=True) if isinstance(word, str))
        self._known |= {word: not oov for word, oov in written}
        return answer["states"], answer["logprobs"]

    def score_ids(self, states: Sequence[int], words: Sequence[int]) -> tuple[list[int], list[float]]:
        """The same as a binary frame, for thousands of pairs; log-probabilities in single precision. Evicted."""
        if len(states) != len(words):
            raise WrongArgument(f"must have as many words as states: {len(words)}, {len(states)}")
        count = len(states)
        with self._turn:
            self._asked = (self._asked + 1) % 2**32
            header = _HEADER.pack(_MAGIC, _SCORE, self._asked, count)
            with must_be("states and words", "whole numbers"):
                try:
                    frame = header + struct.pack(f"<{count}q", *states) + struct.pack(f"<{count}i", *words)
                except struct.error as error:
                    raise ValueError(str(error)) from error
            answer = self._answer(frame)
        if isinstance(answer, str):
            self._told(answer)
            raise NotUnderstood("the service answered a binary frame with text")
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
        """Whether the model knows it, as it is or in the pipeline's form. A word that was scored costs no question."""
        if not isinstance(word, str) or word in self.vocabulary:
            return word in self.vocabulary
        if word not in self._known:
            start = self.begin_state()
            self.release([start, self.score_word(start, word)[0]])
        return self._known[word]

    def _answer(self, frame: str | bytes) -> str | bytes:
        """What the service says to a frame. Answers to questions whose asker was interrupted are let go."""
        with _ended_told():
            self._connection.send(frame)
            while True:
                answer = self._connection.recv()
                if _id_of(answer) in (self._asked, None):
                    return answer

    def _told(self, frame: str | bytes) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(frame)
        if "problem" in answer:
            raise Refused.of(answer["problem"])
        self.evicted = answer["evicted"]
        return answer


def _id_of(answer: str | bytes) -> int | None:
    """Of the question; None where the service couldn't read one."""
    found = _ANSWER.unpack_from(answer)[2] if isinstance(answer, bytes) else json.loads(answer).get("id")
    return cast(int | None, found)


@contextmanager
def _ended_told() -> Iterator[None]:
    try:
        yield
    except ConnectionClosed as error:
        raise Unreachable(f"The stream has ended: {error}. Its states are gone.") from error


def _problem(error: InvalidStatus) -> dict[str, Any]:
    status, body = error.response.status_code, error.response.body
    try:
        problem = json.loads(body or b"")
    except ValueError:
        problem = None
    return problem if isinstance(problem, dict) else {"status": status, "detail": f"The handshake got {status}."}
