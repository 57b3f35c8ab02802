"""SRILM's own n-best format: on each line `ascore lscore nwords w1 w2 …`, scores as logs to the base 10."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from hindcast.errors import InvalidInput
from hindcast_scorer.formats.base import ScoreKind
from hindcast_scorer.formats.srilm_files import LN10, ScoredLine, check_no_header, read_files, spoken, write_files
from hindcast_scorer.formats.text_lines import Line, digits, number, one_line, shown
from hindcast_scorer.rescoring.lists import Hypothesis, NBestList, RescoredList, Score

_COLUMNS = re.compile(r"[ \t]*([^ \t]+)[ \t]+([^ \t]+)[ \t]+([^ \t]+)(.*)")
_COUNT = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class SrilmPlain:
    """The recogniser's LM score is replaced, the acoustic score and `nwords` stay.

    `nwords` may be less than the words that follow: recognisers don't count pauses. For ids see srilm_files.
    """

    name: str = "srilm-plain"
    media_type: str = "application/x-srilm-plain"
    suffix: str = ".nbest"
    scores: ScoreKind = "components"

    def read(self, body: BinaryIO, *, name: str = "body") -> Iterator[NBestList]:
        """See ListFormat."""
        return read_files(self.name, body, name, self._hypotheses)

    def write(self, lists: Iterable[RescoredList], *, sort: bool) -> Iterator[bytes]:
        """See ListFormat."""
        return write_files(self.name, lists, self._row, header=None, sort=sort)

    def _hypotheses(self, file: Iterator[Line]) -> Sequence[Hypothesis]:
        return [self._hypothesis(line) for line in file]

    def _hypothesis(self, line: Line) -> Hypothesis:
        check_no_header(line)
        columns = _COLUMNS.fullmatch(line.text)
        if columns is None:
            raise InvalidInput.field(line.place, "must be `ascore lscore nwords` and the words, has too few columns")
        if not _COUNT.fullmatch(columns[3]):
            raise InvalidInput.field(line.place, f"its third column must be a count of words, not {shown(columns[3])}")
        return Hypothesis(
            spoken(_words(columns[4])),
            am_score=number(columns[1], line.place, "the acoustic score") * LN10,
            lm_score=number(columns[2], line.place, "the language model's score") * LN10,
            source={self.name: ScoredLine(line.text, *columns.span(2))},
        )

    def _row(self, hypothesis: Hypothesis, score: Score) -> str:
        came = hypothesis.source.get(self.name)
        if not isinstance(came, ScoredLine):
            text = one_line(hypothesis.text)
            acoustic, language = digits((hypothesis.am_score or 0) / LN10), digits(score.lm_logprob / LN10)
            return f"{acoustic} {language} {len(text.split())} {text}".rstrip()
        if score.lm_logprob == hypothesis.lm_score:
            return came.text
        return came.with_number(digits(score.lm_logprob / LN10))


def _words(text: str) -> Sequence[str]:
    return [word for word in re.split(r"[ \t]+", text) if word]
