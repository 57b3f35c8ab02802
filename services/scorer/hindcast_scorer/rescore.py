"""From lists to the same lists with new scores: which model, where it goes on from, what is told. Free of HTTP."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

import numpy as np
import numpy.typing as npt

from hindcast.errors import InvalidInput
from hindcast.lm.prefix_tree import ReadingPoint
from hindcast.text.pipeline import END, pipeline
from hindcast_scorer.batching import Batching
from hindcast_scorer.models import Models, ServedModel
from hindcast_scorer.ngram_models import NgramModels
from hindcast_scorer.rescoring.doctor import EXAMPLES, Sign, examine
from hindcast_scorer.rescoring.hypothesis_text import WordsOf
from hindcast_scorer.rescoring.lists import NBestList, RescoredList
from hindcast_scorer.rescoring.ngram import NgramModel
from hindcast_scorer.rescoring.old_model import OldLanguageModel
from hindcast_scorer.rescoring.options import RescoreOptions, TextOptions
from hindcast_scorer.rescoring.rescoring import LanguageScores, Rescorer
from hindcast_scorer.rescoring_schemas import (
    CommitRequest,
    ListOut,
    RescoreAnswer,
    RescoreRequest,
    SessionAnswer,
    SessionRequest,
    as_lists,
)
from hindcast_scorer.sessions import Heard, Session, Sessions
from hindcast_scorer.tuning_schemas import CheckAnswer, Finding

Reals = npt.NDArray[np.float64]

LISTS_AT_ONCE = 64
"""Scored together when lists are streamed."""
TEXTS_LOOKED_AT = 1_000
"""Of a file, before it is answered, to see whether the model knows its words."""


@dataclass
class Turn:
    """What utterances are scored by, one after the other, and where the next begins."""

    served: ServedModel
    words_of: WordsOf
    heard: Heard
    in_session: bool

    def hear(self, words: Sequence[str]) -> None:
        """What was chosen; outside of a session, each utterance begins at the same point."""
        if self.in_session:
            self.heard = _hear(self.heard, self.served, words)


class Rescoring:
    """Scores lists with the models that are served."""

    def __init__(self, models: Models, sessions: Sessions, batching: Batching, ngrams: NgramModels) -> None:
        self._models = models
        self._sessions = sessions
        self.batching = batching
        self._ngrams = ngrams

    def answer(self, reference: str, asked: RescoreRequest) -> RescoreAnswer:
        """Lists that were sent as one JSON document."""
        lists = as_lists(asked.lists, field="lists")
        rescored = list(self.rescore(reference, lists, asked.options))
        sort = asked.options.order == "sorted"
        return RescoreAnswer(
            lists=[ListOut.of(each, sort=sort) for each in rescored], warnings=_warnings(rescored, asked.options)
        )

    def rescore(self, reference: str, lists: Iterable[NBestList], options: RescoreOptions) -> Iterator[RescoredList]:
        """Each list in turn, some at a time. With a session, each goes on after the best hypothesis of the one before;
        what the session has heard counts when all of them are through."""
        ngram = self.ngram(options)
        with self.turn(reference, options) as turn:
            # In a session the next list can't begin before this one has been decided.
            at_once = 1 if turn.in_session else LISTS_AT_ONCE
            remaining = iter(lists)
            while some := list(islice(remaining, at_once)):
                for rescored in self._rescorer(turn, options, ngram).rescore(some):
                    turn.hear(turn.words_of(rescored.list.hypotheses[rescored.best].text))
                    yield rescored

    def ngram(self, options: RescoreOptions) -> NgramModel | None:
        """What is to be joined with the neural model. It is given each sentence alone: no context, and nothing that a
        session has heard. NotFound, NotInstalled."""
        if options.interpolation is None:
            return None
        return self._ngrams.open(options.interpolation.ngram, field="options.interpolation.ngram")

    def old_model(self, reference: str, *, scale: float, field: str) -> OldLanguageModel:
        """The recogniser's own, an n-gram model that was uploaded. NotFound, which names the `field` of the request;
        NotInstalled."""
        return OldLanguageModel(self._ngrams.open(reference, field=field), scale)

    @contextmanager
    def turn(self, reference: str, options: RescoreOptions) -> Iterator[Turn]:
        """What a session has heard counts when the block is through."""
        model = self._models.get(reference)
        served = self._models.serve(model)
        _check(options, served)
        words_of = WordsOf(options.text, pipeline(served.bundle.pipeline))
        if options.session is None:
            yield Turn(served, words_of, Heard(_after_context(served, options.context)), in_session=False)
            return
        with self._sessions.turn(options.session, model=model.id, field="options.session") as session:
            turn = Turn(served, words_of, session.heard, in_session=True)
            yield turn
            session.heard = turn.heard

    def language_scores(
        self, reference: str, lists: Sequence[NBestList], options: RescoreOptions
    ) -> list[list[LanguageScores]]:
        """What the models say of each hypothesis, word by word, for whoever weighs it."""
        with self.turn(reference, options) as turn:
            rescorer = self._rescorer(turn, options, self.ngram(options))
            scored = iter(rescorer.language_scores([each.text for one in lists for each in one.hypotheses]))
        return [[next(scored) for _ in one.hypotheses] for one in lists]

    def check(
        self, lists: Sequence[NBestList], *, model: str | None, text: TextOptions, most_oov: float
    ) -> CheckAnswer:
        """What is likely wrong with lists; `most_oov` is in percent. NotFound for the model."""
        hypotheses = sum(len(one.hypotheses) for one in lists)
        if model is None:
            signs = examine(lists)
            return CheckAnswer(
                findings=_findings(signs, lists), lists=len(lists), hypotheses=hypotheses, words=None, oov_rate=None
            )
        bundle = self._models.open(self._models.get(model))
        words_of = WordsOf(text, pipeline(bundle.pipeline))
        words = [word for one in lists for each in one.hypotheses for word in words_of(each.text)]
        signs = examine(lists, words_of=words_of, known=bundle.vocabulary.__contains__, most_oov=most_oov)
        return CheckAnswer(
            findings=_findings(signs, lists),
            lists=len(lists),
            hypotheses=hypotheses,
            words=len(words),
            oov_rate=sum(word not in bundle.vocabulary for word in words) / len(words) if words else None,
        )

    def strange(self, reference: str, texts: Sequence[str], options: RescoreOptions) -> str | None:
        """What is to be minded where most words of these texts are unknown to the model, or are numbers all."""
        came = [word for text in texts for word in text.split()]
        if came and all(word.isdecimal() for word in came):
            return "all words are numbers: send the words that they stand for"
        bundle = self._models.serve(self._models.get(reference)).bundle
        words_of = WordsOf(options.text, pipeline(bundle.pipeline))
        words = [word for text in texts for word in words_of(text)]
        unknown = sum(word not in bundle.vocabulary for word in words)
        return _unknown(unknown, len(words)) if unknown * 2 > len(words) else None

    def begin_session(self, reference: str, asked: SessionRequest) -> SessionAnswer:
        """A new conversation."""
        model = self._models.get(reference)
        served = self._models.serve(model)
        session = self._sessions.begin(model.id, _after_context(served, asked.context, always=True))
        return self._told(session, served)

    def commit(self, reference: str, id: str, asked: CommitRequest) -> SessionAnswer:
        """Have a conversation hear an utterance."""
        with self._turn(reference, id) as (session, served):
            words = WordsOf(TextOptions(), pipeline(served.bundle.pipeline))(asked.text)
            session.heard = _hear(session.heard, served, words)
            return self._told(session, served)

    def reset_session(self, reference: str, id: str) -> SessionAnswer:
        """Have it forget all utterances."""
        with self._turn(reference, id) as (session, served):
            session.reset()
            return self._told(session, served)

    def get_session(self, reference: str, id: str) -> SessionAnswer:
        """What it has come to."""
        with self._turn(reference, id) as (session, served):
            return self._told(session, served)

    def end_session(self, reference: str, id: str) -> None:
        """It is there no more."""
        with self._turn(reference, id):
            pass
        self._sessions.end(id)

    @contextmanager
    def _turn(self, reference: str, id: str) -> Iterator[tuple[Session, ServedModel]]:
        model = self._models.get(reference)
        with self._sessions.turn(id, model=model.id, field="session") as session:
            yield session, self._models.serve(model)

    def _rescorer(self, turn: Turn, options: RescoreOptions, ngram: NgramModel | None) -> Rescorer:
        def neural(sentences: Sequence[Sequence[int]]) -> list[Reals]:
            normalize = options.sum == "exact"
            return self.batching.score(turn.served.quick, sentences, start=turn.heard.point, normalize=normalize)

        return Rescorer(turn.served.bundle.vocabulary, turn.words_of, neural, options, ngram)

    def _told(self, session: Session, served: ServedModel) -> SessionAnswer:
        warnings = []
        if served.bundle.history == "sentence":
            warnings.append(
                "This model was trained on sentences one by one: what was said before may do it no good. Train with "
                "history document for one that looks back."
            )
        return SessionAnswer(
            id=session.id,
            model=session.model,
            utterances=session.heard.utterances,
            words=session.heard.words,
            expires_at=datetime.now(UTC) + timedelta(seconds=self._sessions.idle_seconds),
            warnings=warnings,
        )


def _check(options: RescoreOptions, served: ServedModel) -> None:
    if options.session is not None and options.context:
        raise InvalidInput.field("options.context", "must be empty with a session, which has its own")
    if options.sum == "skipped" and not served.quick.self_normalized:
        raise InvalidInput.field(
            "options.sum", "must be exact: this model wasn't trained with the objective self_normalized"
        )


def _after_context(served: ServedModel, context: str, *, always: bool = False) -> ReadingPoint:
    """After a text whose last sentence is closed; where the model forgets at each sentence, at the start of one, unless
    it is `always` to remember."""
    if served.bundle.history == "sentence" and not always:
        return served.start
    sentences = pipeline(served.bundle.pipeline).document(context)
    tokens = served.bundle.vocabulary.encode([word for sentence in sentences for word in (*sentence, END)])
    return served.start.after(served.quick, tokens.tolist())


def _hear(heard: Heard, served: ServedModel, words: Sequence[str]) -> Heard:
    """One utterance more."""
    tokens = served.bundle.vocabulary.encode([*words, END])
    point = heard.point.after(served.quick, tokens.tolist())
    return Heard(point, heard.utterances + 1, heard.words + len(words))


def _findings(signs: Sequence[Sign], lists: Sequence[NBestList]) -> list[Finding]:
    return [
        Finding(
            check=sign.check,
            severity=sign.severity,
            message=sign.message,
            utterances=[one.utterance for one in sign.lists[:EXAMPLES]],
            share=len(sign.lists) / len(lists),
        )
        for sign in signs
    ]


def _unknown(oov: int, words: int) -> str:
    return (
        f"{oov:,} of {words:,} words are unknown to the model: is its text written like this (case, hyphens), or "
        "does an id stand in the hypotheses?"
    )


def _warnings(rescored: Sequence[RescoredList], options: RescoreOptions) -> list[str]:
    """What is likely to be wrong with all of the lists."""
    scores = [score for each in rescored for score in each.scores]
    words, oov = sum(score.words for score in scores), sum(score.oov for score in scores)
    warnings = []
    if oov * 5 > words:
        warnings.append(_unknown(oov, words))
    if options.am_scale and all(score.am_score is None for score in scores):
        warnings.append("No hypothesis has an am_score: the language model alone decides.")
    return warnings
