"""Kaldi's words: its symbol table `words.txt`, `word number` on each line, and the symbols in it that are no words."""

import re
from collections.abc import Mapping
from typing import BinaryIO

from hindcast.errors import InvalidInput
from hindcast_scorer.lattices.lines import BLANKS, numbered_lines, shortened, whole

EPSILON = "<eps>"
"""The label of a link without a word; in tables, number 0."""
MOST_WORDS = 4_000_000
"""Of a table, which is held in memory: more than any recogniser's vocabulary has."""

_NO_WORD = re.compile(r"<eps>|</?s>|#[0-9]+")
_FIELD = re.compile(rf"[^{BLANKS}]+")


def word_of(symbol: str) -> str | None:
    """What a language model is to read. None: nothing, for epsilon, for marks of sentences, and for the symbols `#0`,
    `#1` … that keep a graph deterministic."""
    return None if _NO_WORD.fullmatch(symbol) else symbol


def words_by_number(table: BinaryIO) -> Mapping[int, str]:
    """The symbols of a table. InvalidInput that names the line, for one that isn't a symbol and its number, or a number
    that was there before."""
    symbols: dict[int, str] = {}
    for place, text in numbered_lines(table):
        fields = _FIELD.findall(text)
        if not fields:
            continue
        if len(fields) != 2:
            raise InvalidInput.field(place, f"must be a word and its number, as in `rain 17`, not {shortened(text)}")
        number = whole(fields[1], place, "a word's number")
        if number in symbols:
            raise InvalidInput.field(
                place, f"number {number} is that of {shortened(symbols[number])} already: numbers must differ"
            )
        if len(symbols) == MOST_WORDS:
            raise InvalidInput.field(place, f"a table may have {MOST_WORDS:,} words")
        symbols[number] = fields[0]
    return symbols
