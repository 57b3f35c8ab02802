"""The JSON that mlm-scoring reads: `{"utterance":{"hyp_1":{"score":-1.234,"text":"…"},"ref":"…"}}`, natural logs."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from hindcast_scorer.formats.base import ScoreKind
from hindcast_scorer.formats.json_document import Document
from hindcast_scorer.formats.json_text import must_have, number_of, objects_of, text_of, written
from hindcast_scorer.formats.text_lines import checked, in_order
from hindcast_scorer.rescoring.lists import NOTHING, Hypothesis, NBestList, RescoredList

_HYPOTHESIS = re.compile(r"hyp_([0-9]{1,9})")
_INDENT = 2


@dataclass(frozen=True)
class HypJson:
    """A hypothesis' number is its rank, wherever it stands: tools sort `hyp_10` before `hyp_2`.

    So hypotheses that are sorted change their numbers. The score becomes the total.
    """

    name: str = "hyp-json"
    media_type: str = "application/x-hyp-json"
    suffix: str = ".json"
    scores: ScoreKind = "combined"

    def read(self, body: BinaryIO, *, name: str = "body") -> Iterator[NBestList]:
        """See ListFormat. The file is held in memory as a whole."""
        return checked(self._lists(body))

    def write(self, lists: Iterable[RescoredList], *, sort: bool) -> Iterator[bytes]:
        """See ListFormat."""
        between = b"{\n"
        for rescored in lists:
            entry = {rescored.list.utterance: self._entry(rescored, sort=sort)}
            yield between + written(entry, indent=_INDENT)[2:-2].encode()
            between = b",\n"
        yield b"{}\n" if between == b"{\n" else b"\n}\n"

    def _lists(self, body: BinaryIO) -> Iterator[NBestList]:
        document = Document(body)
        for place, utterance, entry in document.entries(document.fields):
            reference = None if entry.get("ref") is None else text_of(entry, "ref", place)
            hypotheses = [self._hypothesis(entry[key], f"{place} {key}") for key in _keys(entry)]
            yield NBestList(utterance, hypotheses, reference, {self.name: entry}, place)

    def _hypothesis(self, item: Any, place: str) -> Hypothesis:
        fields = objects_of(item, "a hypothesis", place)
        score = must_have(number_of(fields, "score", place), "score", place)
        return Hypothesis(text_of(fields, "text", place), score, source={self.name: fields})

    def _entry(self, rescored: RescoredList, *, sort: bool) -> Mapping[str, Any]:
        entry: Mapping[str, Any] = rescored.list.source.get(self.name, NOTHING)
        keys = _keys(entry) or [f"hyp_{number + 1}" for number in range(len(rescored.list.hypotheses))]
        hypotheses: dict[str, Any] = {}
        for key, (hypothesis, score) in zip(keys, in_order(rescored, sort=sort), strict=True):
            fields: Mapping[str, Any] = hypothesis.source.get(self.name, NOTHING)
            kept = fields.get("score") if score.total == hypothesis.am_score else None
            hypotheses[key] = {**fields, "score": score.total if kept is None else kept, "text": hypothesis.text}
        reference = {} if rescored.list.reference is None else {"ref": rescored.list.reference}
        return {**entry, **hypotheses, **reference}


def _keys(entry: Mapping[str, Any]) -> Sequence[str]:
    """The hypotheses' names by their numbers."""
    numbers = {key: int(found[1]) for key in entry if (found := _HYPOTHESIS.fullmatch(key))}
    return sorted(numbers, key=lambda key: numbers[key])
