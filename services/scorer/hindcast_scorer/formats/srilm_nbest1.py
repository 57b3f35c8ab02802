"""Decipher's first n-best format: a header `NBestList1.0`, then on each line `(score) w1 w2 …`, a score in bytelogs."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from hindcast.errors import InvalidInput
from hindcast_scorer.formats.base import ScoreKind
from hindcast_scorer.formats.srilm_files import BYTELOG, ScoredLine, read_files, spoken, without_header, write_files
from hindcast_scorer.formats.text_lines import Line, digits, number, one_line
from hindcast_scorer.rescoring.lists import Hypothesis, NBestList, RescoredList, Score

_HEADER = "NBestList1.0"
_SCORE = re.compile(r"[ \t]*\([ \t]*([^ \t()]+)[ \t]*\)(.*)")


@dataclass(frozen=True)
class SrilmNbest1:
    """The score is acoustic and language model's in one. For ids see srilm_files."""

    name: str = "srilm-nbest1"
    media_type: str = "application/x-srilm-nbest1"
    suffix: str = ".nbest"
    scores: ScoreKind = "combined"

    def read(self, body: BinaryIO, *, name: str = "body") -> Iterator[NBestList]:
        """See ListFormat."""
        return read_files(self.name, body, name, self._hypotheses)

    def write(self, lists: Iterable[RescoredList], *, sort: bool) -> Iterator[bytes]:
        """See ListFormat. New scores aren't rounded to whole bytelogs, which are a tenth of a natural log."""

        def row(hypothesis: Hypothesis, score: Score) -> str:
            return scored_row(self.name, hypothesis, score, hypothesis.am_score)

        return write_files(self.name, lists, row, header=_HEADER, sort=sort)

    def _hypotheses(self, file: Iterator[Line]) -> Sequence[Hypothesis]:
        return [self._hypothesis(line) for line in without_header(file, _HEADER)]

    def _hypothesis(self, line: Line) -> Hypothesis:
        came, score, rest = scored_line(line)
        return Hypothesis(spoken([word for word in re.split(r"[ \t]+", rest) if word]), score, source={self.name: came})


def scored_line(line: Line) -> tuple[ScoredLine, float, str]:
    """A line with its score at the beginning: as it came, the score as a natural log, and what follows it."""
    found = _SCORE.fullmatch(line.text)
    if found is None:
        raise InvalidInput.field(line.place, "must begin with the score in brackets: `(-1234) w1 w2 …`")
    score = number(found[1], line.place, "the score") * BYTELOG
    return ScoredLine(line.text, *found.span(1)), score, found[2]


def scored_row(format: str, hypothesis: Hypothesis, score: Score, before: float | None) -> str:
    """A line with the total for its score; as it came where that's what was there before."""
    came = hypothesis.source.get(format)
    total = digits(score.total / BYTELOG)
    if not isinstance(came, ScoredLine):
        return f"({total}) {one_line(hypothesis.text)}".rstrip()
    return came.text if score.total == before else came.with_number(total)
