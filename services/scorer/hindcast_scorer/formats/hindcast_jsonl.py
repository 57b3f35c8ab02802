"""Hindcast's own: a list a line, `{"utterance":…,"hypotheses":[{"text":…,"am_score"?,"lm_score"?}],"reference"?}`."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from hindcast.errors import InvalidInput
from hindcast_scorer.formats.base import ScoreKind
from hindcast_scorer.formats.json_text import list_of, number_of, objects_of, parsed_line, text_of, written
from hindcast_scorer.formats.text_lines import Line, checked, in_order, lines
from hindcast_scorer.rescoring.lists import NOTHING, Hypothesis, NBestList, RescoredList, Score


@dataclass(frozen=True)
class HindcastJsonl:
    """Read and written line by line, so that bodies of any size pass through.

    Fields that aren't known stay where they were. What an answer adds is replaced where it was there already, so that
    an answer can be sent again.
    """

    name: str = "jsonl"
    media_type: str = "application/x-ndjson"
    suffix: str = ".jsonl"
    scores: ScoreKind = "components"

    def read(self, body: BinaryIO, *, name: str = "body") -> Iterator[NBestList]:
        """See ListFormat. Scores are natural logs; `name` isn't needed."""
        return checked(self._list(line) for line in lines(body))

    def write(self, lists: Iterable[RescoredList], *, sort: bool) -> Iterator[bytes]:
        """See ListFormat. `best` is the best hypothesis' index in the order in which they're written."""
        for rescored in lists:
            yield written(self._fields(rescored, sort=sort)).encode() + b"\n"

    def _list(self, line: Line) -> NBestList:
        fields = objects_of(parsed_line(line.text, line.place), "a line", line.place)
        if fields.get("log_base", "e") != "e":
            raise InvalidInput.field(line.place, 'log_base must be "e": scores are natural logs')
        utterance = text_of(fields, "utterance", line.place)
        if "hypotheses" not in fields:
            raise InvalidInput.field(line.place, "hypotheses is missing: must be a list")
        hypotheses = [
            self._hypothesis(item, f"{line.place} hypotheses.{index}")
            for index, item in enumerate(list_of(fields["hypotheses"], "hypotheses", line.place))
        ]
        reference = None if fields.get("reference") is None else text_of(fields, "reference", line.place)
        return NBestList(utterance, hypotheses, reference, {self.name: fields}, line.place)

    def _hypothesis(self, item: Any, place: str) -> Hypothesis:
        fields = objects_of(item, "a hypothesis", place)
        return Hypothesis(
            text_of(fields, "text", place),
            number_of(fields, "am_score", place),
            number_of(fields, "lm_score", place),
            {self.name: fields},
        )

    def _fields(self, rescored: RescoredList, *, sort: bool) -> Mapping[str, Any]:
        came = rescored.list
        hypotheses = [self._scored(hypothesis, score) for hypothesis, score in in_order(rescored, sort=sort)]
        fields = came.source.get(self.name) or {"utterance": came.utterance}
        reference = {} if came.reference is None else {"reference": came.reference}
        best = 0 if sort else rescored.best
        return {**fields, "hypotheses": hypotheses, **reference, "best": best, "log_base": "e"}

    def _scored(self, hypothesis: Hypothesis, score: Score) -> Mapping[str, Any]:
        fields: Mapping[str, Any] = hypothesis.source.get(self.name, NOTHING)
        scores = dict(vars(score))  # dataclasses.asdict would copy each number, at ten times the cost
        scores["tokens"] = [vars(token) for token in score.tokens]
        if not score.tokens:
            del scores["tokens"]
        if score.am_score == hypothesis.am_score and "am_score" in fields:
            scores["am_score"] = fields["am_score"]  # which has the characters it came with
        if not fields:  # it came in another format
            own = {"lm_score": hypothesis.lm_score, "graph_score": hypothesis.graph_score}
            scores = {**{name: told for name, told in own.items() if told is not None}, **scores}
        return {"text": hypothesis.text, **fields, **scores}
