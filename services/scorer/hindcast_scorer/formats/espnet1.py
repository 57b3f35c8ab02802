"""ESPnet 1's JSON: `{"utts":{"id":{"output":[{"name":"target1[1]","text":ref,"rec_text":…,"score":-9.8}]}}}`."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from hindcast.errors import InvalidInput
from hindcast_scorer.formats.base import ScoreKind
from hindcast_scorer.formats.json_document import Document
from hindcast_scorer.formats.json_text import list_of, must_have, number_of, objects_of, text_of, written
from hindcast_scorer.formats.text_lines import checked, in_order, shown
from hindcast_scorer.rescoring.lists import NOTHING, Hypothesis, NBestList, RescoredList

_INDENT = 4
_OTHERS = "other fields"
_OTHER_TARGET = re.compile(r"target(?!1(?![0-9]))")


@dataclass(frozen=True)
class Espnet1:
    """The score is the whole beam search's, as a natural log, and becomes the total.

    `<eos>` at the end of `rec_text` is no word; it stays in the file. A hypothesis keeps its name, `target1[3]`, where
    they are sorted. The first hypothesis' `text` is the reference.
    """

    name: str = "espnet1"
    media_type: str = "application/x-espnet1-nbest"
    suffix: str = ".json"
    scores: ScoreKind = "combined"

    def read(self, body: BinaryIO, *, name: str = "body") -> Iterator[NBestList]:
        """See ListFormat. The file is held in memory as a whole."""
        return checked(self._lists(body))

    def write(self, lists: Iterable[RescoredList], *, sort: bool) -> Iterator[bytes]:
        """See ListFormat."""
        others: Mapping[str, Any] = NOTHING
        between = b""
        for rescored in lists:
            others = others or rescored.list.source.get(_OTHERS, NOTHING)
            entry = {rescored.list.utterance: self._entry(rescored, sort=sort)}
            yield (between or _opening(others)) + written(entry, indent=_INDENT, level=1)[2:-6].encode()
            between = b",\n"
        yield (b"" if between else _opening(others)) + b"\n    }\n}\n"

    def _lists(self, body: BinaryIO) -> Iterator[NBestList]:
        document = Document(body)
        if "utts" not in document.fields:
            raise InvalidInput.field("line 1", "utts is missing: must be an object with an entry for each utterance")
        others = {name: value for name, value in document.fields.items() if name != "utts"}
        for place, utterance, entry in document.entries(objects_of(document.fields["utts"], "utts", "line 1")):
            if "output" not in entry:
                raise InvalidInput.field(place, "output is missing: must be a list of hypotheses")
            outputs = list_of(entry["output"], "output", place)
            hypotheses = [self._hypothesis(item, f"{place} output.{index}") for index, item in enumerate(outputs)]
            reference = outputs[0].get("text") if outputs else None
            source = {self.name: entry, _OTHERS: others}
            yield NBestList(utterance, hypotheses, reference, source, place)

    def _hypothesis(self, item: Any, place: str) -> Hypothesis:
        fields = objects_of(item, "a hypothesis", place)
        if fields.get("text") is not None:
            text_of(fields, "text", place)
        if "name" in fields and _OTHER_TARGET.match(name := text_of(fields, "name", place)):
            raise InvalidInput.field(place, f"{shown(name)} is of another target: only target1 can be rescored")
        score = must_have(number_of(fields, "score", place), "score", place)
        return Hypothesis(_spoken(text_of(fields, "rec_text", place)), score, source={self.name: fields})

    def _entry(self, rescored: RescoredList, *, sort: bool) -> Mapping[str, Any]:
        outputs = []
        for rank, (hypothesis, score) in enumerate(in_order(rescored, sort=sort), 1):
            fields: Mapping[str, Any] = hypothesis.source.get(self.name, NOTHING)
            if not fields:
                reference = {} if rescored.list.reference is None else {"text": rescored.list.reference}
                fields = {"name": f"target1[{rank}]", **reference, "rec_text": hypothesis.text}
            kept = fields.get("score") if score.total == hypothesis.am_score else None
            outputs.append({**fields, "score": score.total if kept is None else kept})
        return {**rescored.list.source.get(self.name, NOTHING), "output": outputs}


def _spoken(text: str) -> str:
    """The text less the marks of its ends."""
    stripped = text.strip()
    spoken = stripped.removeprefix("<sos>").removesuffix("<eos>")
    return text if spoken == stripped else spoken.strip()


def _opening(others: Mapping[str, Any]) -> bytes:
    """The file up to its first utterance."""
    before = written(others, indent=_INDENT)[1:-2] + "," if others else ""
    return (f"{{{before}\n" + " " * _INDENT + '"utts": {\n').encode()
