"""Scores of a bundle without a server, in the process of whoever asks. Pure.

    from hindcast_scorer.language_model import LanguageModel

    model = LanguageModel.open("model.zip")
    model.score("the rain fell")                 # natural log
    model.score("the rain fell", log10=True)     # as KenLM
    state = model.begin_state()
    state, logprob = model.score_word(state, "rain")

Shapes: P what words are predicted from.
"""

import math
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from hindcast.lm.bundle import Bundle, unpack
from hindcast.lm.lstm import LstmLanguageModel
from hindcast.lm.prefix_tree import ReadingPoint
from hindcast.lm.single_precision import SinglePrecisionModel
from hindcast.text.pipeline import END, pipeline
from hindcast.text.vocabulary import END_ID, UNKNOWN_ID, Vocabulary

_LN_10 = math.log(10)
_FIRST_ROW = np.array([0])


class State:
    """What has been read so far. Opaque; it never changes, and may be asked about again and again."""

    def __init__(
        self, model: SinglePrecisionModel, before: "State | None", word: int, point: ReadingPoint | None
    ) -> None:
        self._model = model
        self._before = before
        self._word = word
        self._point = point
        self._log_normalizer: float | None = None

    def after(self, word: int) -> "State":
        """One word further. It is read when somebody asks what follows: what a decoder prunes costs nothing."""
        return State(self._model, self, word, None)

    def log_prob(self, word: int) -> float:
        """Natural-log probability of a word after this. The sum over the vocabulary is taken once."""
        hidden_1P = self._read().hidden_RP
        if self._log_normalizer is None:
            self._log_normalizer = self._model.log_normalizers(hidden_1P).item()
        return self._model.logits(hidden_1P, _FIRST_ROW, np.array([word])).item() - self._log_normalizer

    def _read(self) -> ReadingPoint:
        """Along a path of any length, without recursion."""
        unread: list[State] = []
        state = self
        while state._point is None:
            assert state._before is not None
            unread.append(state)
            state = state._before
        point = state._point
        for state in reversed(unread):
            point = point.after(self._model, [state._word])
            state._point, state._before = point, None
        return point


class LanguageModel:
    """A model that scores sentences and words. Log-probabilities are natural logs unless `log10`; words that it doesn't
    know are scored as `<unk>`. Several threads may use it."""

    def __init__(self, bundle: Bundle) -> None:
        assert isinstance(bundle.model, LstmLanguageModel)
        bundle.model.prepare_for_scoring()
        self.bundle = bundle
        self._model = SinglePrecisionModel(bundle.model)
        self._start = State(self._model, None, END_ID, ReadingPoint.start(self._model))
        self._pipeline = pipeline(bundle.pipeline)

    @classmethod
    def open(cls, path: str | Path) -> "LanguageModel":
        """From a bundle's folder, or the file that `GET /v1/models/{id}/bundle` gives. FileNotFoundError; InvalidInput
        where that is no bundle; Corrupt where it isn't what was written."""
        path = Path(path)
        if not path.exists():
            raise FileNotFoundError(f"There is no bundle at {path}.")
        if path.is_dir():
            return cls(Bundle.open(path))
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "bundle"
            target.mkdir()
            return cls(unpack(path, target))

    @property
    def vocabulary(self) -> Vocabulary:
        """The words that it knows."""
        return self.bundle.vocabulary

    @property
    def words(self) -> Sequence[str]:
        """All of them, `<unk>` and `</s>` first."""
        return self.bundle.vocabulary.words

    def __contains__(self, word: object) -> bool:
        """Whether it knows the word, as it is or in the pipeline's form."""
        return word in self.vocabulary or (isinstance(word, str) and self._id(word) != UNKNOWN_ID)

    def score(self, sentence: str, bos: bool = True, eos: bool = True, *, log10: bool = False) -> float:
        """Log-probability of a sentence's words, and of `</s>` after them where `eos`. The model's pipeline makes the
        words; the sentence is one, whatever its punctuation looks like. See `full_scores` for `bos`."""
        return math.fsum(logprob for logprob, _, _ in self.full_scores(sentence, bos, eos, log10=log10))

    def full_scores(
        self, sentence: str, bos: bool = True, eos: bool = True, *, log10: bool = False
    ) -> Iterator[tuple[float, int, bool]]:
        """For each word, and `</s>` where `eos`: log-probability; how many words were looked at, the start and the word
        itself among them; whether it is unknown.

        Without `bos` nothing has been read, not even the start: the first word is predicted from the output's biases
        alone, about by its frequency. No training aimed at that: KenLM's n-grams have such a context, this has not.
        """
        state = self._start if bos else self._nothing()
        words = [*self._pipeline.words(sentence), *([END] if eos else [])]
        for place, word in enumerate(words, start=2 if bos else 1):
            id = self.vocabulary.id(word)
            logprob = state.log_prob(id)
            yield logprob / _LN_10 if log10 else logprob, place, id == UNKNOWN_ID
            state = state.after(id)

    def perplexity(self, sentence: str) -> float:
        """exp(-score / tokens), where tokens are the words, unknown ones too, and `</s>`: KenLM's."""
        logprobs = [logprob for logprob, _, _ in self.full_scores(sentence)]
        return math.exp(-math.fsum(logprobs) / len(logprobs))

    def begin_state(self, context: str = "") -> State:
        """Where a sentence begins; or where raw text goes on, whose last sentence is open. A model whose history is a
        sentence looks at that one alone."""
        before = self._pipeline.context(context)
        closed = before.closed if self.bundle.history == "document" else []
        state = self._start
        for word in [*(word for sentence in closed for word in (*sentence, END)), *before.open]:
            state = state.after(self.vocabulary.id(word))
        return state

    def score_word(self, state: State, word: str) -> tuple[State, float]:
        """The state after a word, and its natural-log probability. A word that isn't in the vocabulary is brought into
        the pipeline's form first. After `</s>` a model whose history is a sentence begins anew."""
        id = self._id(word)
        logprob = state.log_prob(id)
        if id == END_ID and self.bundle.history == "sentence":
            return self._start, logprob
        return state.after(id), logprob

    def _id(self, word: str) -> int:
        if word in self.vocabulary:
            return self.vocabulary.id(word)
        words = self._pipeline.words(word)
        return self.vocabulary.id(words[0]) if len(words) == 1 else UNKNOWN_ID

    def _nothing(self) -> State:
        hidden_1P = np.zeros_like(self._start._read().hidden_RP)
        return State(self._model, None, END_ID, ReadingPoint(hidden_1P, self._model.start_state(1)))
