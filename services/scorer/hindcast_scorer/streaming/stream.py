"""One decoder's conversation with one model: a frame in, a frame out. Free of sockets; whoever calls it sees to it that
frames come one after the other."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from hindcast.errors import InvalidInput
from hindcast.lm.base import History
from hindcast.lm.bundle import Bundle
from hindcast.lm.prefix_tree import ReadingPoint
from hindcast.lm.single_precision import SinglePrecisionModel
from hindcast.text.pipeline import END, pipeline
from hindcast.text.vocabulary import UNKNOWN_ID
from hindcast.web.errors import problem_of
from hindcast_scorer.streaming.binary import RELEASE, BinaryFrame, read_binary, write_binary
from hindcast_scorer.streaming.frames import Frame, MalformedFrame, Start, Word, read_frame
from hindcast_scorer.streaming.states import EVICTED, States

Integers = npt.NDArray[np.int64]
Answer = dict[str, Any]

MAX_PAIRS = 16_384
MAX_FRAME_BYTES = 4 << 20
MAX_PREDICTIONS = 262_144
"""Words in the answer to one `top`."""


@dataclass(frozen=True)
class Limits:
    """Of one connection."""

    states: int
    memory_bytes: int
    """For the states: with a large model there are fewer of them."""


class Stream:
    """See `hindcast_scorer.streaming` for what is asked and answered."""

    def __init__(
        self,
        bundle: Bundle,
        model: SinglePrecisionModel,
        start: ReadingPoint,
        *,
        limits: Limits,
        history: History,
        normalize: bool = True,
    ) -> None:
        """`model` is the bundle's, prepared, and `start` where it begins a text."""
        self._bundle = bundle
        self._model = model
        self._start = start
        self._history = history
        self._normalize = normalize
        fitting = limits.memory_bytes // States.bytes_of(model)
        capacity = max(2, min(limits.states, fitting))
        self._states = States(model, start, capacity=capacity, history=history, normalize=normalize)
        self._pairs = min(MAX_PAIRS, capacity // 2)
        self._word_of = lru_cache(maxsize=65_536)(self._read_word)

    def opening(self) -> Answer:
        """What a decoder must know, beside the model's name."""
        vocabulary = self._bundle.vocabulary
        return {
            "log_base": "e",
            "vocabulary": {"size": len(vocabulary), "sha256": vocabulary.sha256},
            "history": self._history,
            "pipeline": self._bundle.pipeline,
            "sum": "exact" if self._normalize else "skipped",
            "limits": {"states": self._states.capacity, "pairs": self._pairs, "frame_bytes": MAX_FRAME_BYTES},
        }

    def answer(self, frame: str | bytes) -> str | bytes:
        """The frame that answers; what is wrong with one is said in the answer."""
        try:
            if len(frame) > MAX_FRAME_BYTES:
                message = f"must have at most {MAX_FRAME_BYTES:,} bytes, not {len(frame):,}"
                raise MalformedFrame(InvalidInput.field("frame", message))
            if isinstance(frame, bytes):
                return self._answer_binary(read_binary(frame))
            return json.dumps(self._answer_json(read_frame(frame)), separators=(",", ":"))
        except MalformedFrame as error:
            return refusal(error)

    def _answer_json(self, frame: Frame) -> Answer:
        try:
            answer: Answer = {"id": frame.id, **self._act(frame)}
        except InvalidInput as error:
            raise MalformedFrame(error, frame.id) from error
        if frame.release is not None:
            answer["released"] = self._states.release(frame.release)
        return {**answer, "evicted": self._states.evicted}

    def _act(self, frame: Frame) -> Answer:
        if frame.score is not None:
            return self._score(frame.score)
        if frame.top is not None:
            return self._top(frame.top, frame.k)
        if frame.start is not None:
            return {"state": self._begin(frame.start)}
        if frame.vocabulary:
            return {"words": self._bundle.vocabulary.to_json()}
        return {}

    def _score(self, pairs: Sequence[tuple[int, Word]]) -> Answer:
        self._check_number("score", pairs)
        words_E = np.array([self._word_of(word) for _, word in pairs], dtype=np.int64)
        self._check_words("score.{}.1", words_E)
        states = [state for state, _ in pairs]
        scored = self._states.score(states, words_E)
        there_E = (scored.states_E >= 0).tolist()
        return {
            "states": _where(there_E, scored.states_E.tolist()),
            "logprobs": _where(there_E, scored.log_probs_E.tolist()),
            "oov": (words_E == UNKNOWN_ID).tolist(),
            **_errors(states, scored.states_E),
        }

    def _top(self, states: Sequence[int], k: int) -> Answer:
        size = len(self._bundle.vocabulary)
        if k > size:
            raise InvalidInput.field("k", f"must be at most {size}, the size of the vocabulary")
        self._check_number("top", states)
        if len(states) * k > MAX_PREDICTIONS:
            told = f"{len(states) * k:,} words are more than the {MAX_PREDICTIONS:,} that one frame may ask for"
            raise InvalidInput.field("top", told)
        best = self._states.most_probable(states, k)
        there_N = (best.states_N >= 0).tolist()
        words = self._bundle.vocabulary.words
        return {
            "words": _where(there_N, [[words[id] for id in ids_K] for ids_K in best.words_NK.tolist()]),
            "logprobs": _where(there_N, best.log_probs_NK.tolist()),
            **_errors(states, best.states_N),
        }

    def _begin(self, start: Start) -> int:
        before = pipeline(self._bundle.pipeline).context(start.context, complete=start.complete)
        closed = before.closed if self._history == "document" else []
        words = [*(word for sentence in closed for word in (*sentence, END)), *before.open]
        if not words:
            return self._states.begin()
        return self._states.begin(self._start.after(self._model, self._bundle.vocabulary.encode(words).tolist()))

    def _answer_binary(self, frame: BinaryFrame) -> bytes:
        states = frame.states_N.tolist()
        if frame.kind == RELEASE:
            self._states.release(states)
            return write_binary(frame, np.empty(0, np.int64), np.empty(0), evicted=self._states.evicted)
        try:
            self._check_number("states", states)
            self._check_words("words.{}", frame.words_N)
        except InvalidInput as error:
            raise MalformedFrame(error, frame.id) from error
        scored = self._states.score(states, frame.words_N)
        return write_binary(frame, scored.states_E, scored.log_probs_E, evicted=self._states.evicted)

    def _check_number(self, field: str, items: Sequence[Any]) -> None:
        if len(items) > self._pairs:
            raise InvalidInput.field(field, f"must have at most {self._pairs:,} items, not {len(items):,}")

    def _check_words(self, field: str, words_E: Integers) -> None:
        size = len(self._bundle.vocabulary)
        wrong = np.flatnonzero((words_E < 0) | (words_E >= size))
        if wrong.size:
            message = f"must be a word's id, from 0 to {size - 1}, not {words_E[wrong[0]]}"
            raise InvalidInput.field(field.format(wrong[0]), message)

    def _read_word(self, word: Word) -> int:
        """Its id; `<unk>`'s where it is no word of the vocabulary, as it is or in the pipeline's form."""
        vocabulary = self._bundle.vocabulary
        if isinstance(word, int):
            return word
        if word in vocabulary:
            return vocabulary.id(word)
        words = pipeline(self._bundle.pipeline).words(word)
        return vocabulary.id(words[0]) if len(words) == 1 else UNKNOWN_ID


def refusal(error: MalformedFrame) -> str:
    """The JSON frame that says what is wrong with one."""
    return json.dumps({"id": error.id, "problem": problem_of(error.reason).model_dump(exclude_none=True)})


def _where(there: Sequence[bool], values: Sequence[Any]) -> list[Any]:
    """None in the place of what isn't there."""
    return [value if is_there else None for is_there, value in zip(there, values, strict=True)]


def _errors(asked: Sequence[int], found: Integers) -> Mapping[str, Any]:
    """What is said of the states that aren't there; nothing where all are."""
    missing = np.flatnonzero(found < 0).tolist()
    return {"errors": [_absent(item, asked[item], int(found[item])) for item in missing]} if missing else {}


def _absent(item: int, state: int, absence: int) -> Answer:
    if absence == EVICTED:
        message = f"State {state} was evicted or released: begin again from a state that is held, or from the start."
        return {"item": item, "state": state, "error": "evicted", "message": message}
    return {"item": item, "state": state, "error": "unknown", "message": f"State {state} was never given."}
