"""Decipher's second n-best format: `NBestList2.0`, then `(score) w1 ( st: 0.1 et: 0.4 g: -120 a: -900 ) w2 …`."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from hindcast.errors import InvalidInput
from hindcast_scorer.formats.base import ScoreKind
from hindcast_scorer.formats.srilm_files import BYTELOG, ScoredLine, read_files, spoken, without_header, write_files
from hindcast_scorer.formats.srilm_nbest1 import scored_line, scored_row
from hindcast_scorer.formats.text_lines import Line, number, shown
from hindcast_scorer.rescoring.lists import Hypothesis, NBestList, RescoredList, Score

_HEADER = "NBestList2.0"
_PARTS = re.compile(r"[^ \t]+")
_COMBINED = "combined score"
_NUMBERS = ("st:", "et:", "g:", "a:")
_CLOSE_SECONDS = 1e-6


@dataclass(frozen=True)
class _Unit:
    """A word, or a phone or state of the word before it."""

    name: str
    marks: Mapping[str, float]

    def within(self, word: "_Unit | None") -> bool:
        """Whether its time lies in the word's: so phones are told from words."""
        if word is None or not all(mark in unit.marks for unit in (self, word) for mark in ("st:", "et:")):
            return False
        begins_earlier = self.marks["st:"] < word.marks["et:"] - _CLOSE_SECONDS
        return begins_earlier and self.marks["et:"] <= word.marks["et:"] + _CLOSE_SECONDS


@dataclass(frozen=True)
class SrilmNbest2:
    """`am_score` and `lm_score` are the sums of the words' `a:` and `g:`, where every word has them (in bytelogs).

    The score in front becomes the total. The words' own marks stay as they came, `g:` too: a new score of the whole
    hypothesis has no place among them. Phones and states, whose time lies in the word's before them, are neither words
    nor counted twice. For ids see srilm_files.
    """

    name: str = "srilm-nbest2"
    media_type: str = "application/x-srilm-nbest2"
    suffix: str = ".nbest"
    scores: ScoreKind = "components"

    def read(self, body: BinaryIO, *, name: str = "body") -> Iterator[NBestList]:
        """See ListFormat."""
        return read_files(self.name, body, name, self._hypotheses)

    def write(self, lists: Iterable[RescoredList], *, sort: bool) -> Iterator[bytes]:
        """See ListFormat."""

        def row(hypothesis: Hypothesis, score: Score) -> str:
            return scored_row(self.name, hypothesis, score, hypothesis.source.get(_COMBINED))

        return write_files(self.name, lists, row, header=_HEADER, sort=sort)

    def _hypotheses(self, file: Iterator[Line]) -> Sequence[Hypothesis]:
        return [self._hypothesis(line) for line in without_header(file, _HEADER)]

    def _hypothesis(self, line: Line) -> Hypothesis:
        came, score, rest = scored_line(line)
        words: list[_Unit] = []
        for unit in _units(rest, line.place):
            if not unit.within(words[-1] if words else None):
                words.append(unit)
        source: Mapping[str, ScoredLine | float] = {self.name: came, _COMBINED: score}
        text = spoken([word.name for word in words])
        return Hypothesis(text, _sum(words, "a:"), _sum(words, "g:"), source=source, place=line.place)


def _units(text: str, place: str) -> Iterator[_Unit]:
    parts = _PARTS.findall(text)
    at = 0
    while at < len(parts):
        name, marks = parts[at], dict[str, float]()
        at += 1
        if at < len(parts) and parts[at] == "(":
            marks, at = _marks(parts, at + 1, place)
        elif name in ("(", ")"):
            raise InvalidInput.field(place, f"has {name} where a word must be: each word has its marks in `( … )`")
        yield _Unit(name, marks)


def _marks(parts: Sequence[str], at: int, place: str) -> tuple[dict[str, float], int]:
    """The marks from there on, and where they end. Only those that are known must be numbers."""
    marks: dict[str, float] = {}
    while at < len(parts) and parts[at] != ")":
        if not parts[at].endswith(":"):
            raise InvalidInput.field(place, f"has {shown(parts[at])} where a mark such as `st:` must be, or `)`")
        if at + 1 == len(parts) or parts[at + 1] == ")":
            raise InvalidInput.field(place, f"has nothing after {shown(parts[at])}")
        if parts[at] in _NUMBERS:
            marks[parts[at]] = number(parts[at + 1], place, parts[at])
        at += 2
    if at >= len(parts):
        raise InvalidInput.field(place, "has a `(` without its `)`")
    return marks, at + 1


def _sum(words: Sequence[_Unit], mark: str) -> float | None:
    if not words or not all(mark in word.marks for word in words):
        return None
    return math.fsum(word.marks[mark] for word in words) * BYTELOG
