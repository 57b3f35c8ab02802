"""What counts as a word when errors are counted: conventions that reference and hypothesis go through alike.

They have names because a word error rate without its convention can't be compared with another: on Switchboard, how
filled pauses, fragments and "uh huh" count moves it by several points, more than most language models do. NIST keeps
such rules in a `.glm` file (sctk's `csrfilt`); `mapping` is the same idea.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from hindcast.errors import InvalidInput
from hindcast.json_model import JsonModel

Phrase = Annotated[str, StringConstraints(max_length=1_000)]

_BRACKETED = re.compile(r"\[[^][]*\]|<[^<>]*>|\{[^{}]*\}|\([^()]*\)")
_BRACKET = re.compile(r"[][<>{}()]")


class Convention(JsonModel):
    """What becomes of a text before its words are compared. Steps are taken in the order in which they stand here."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    fold_case: bool = False
    """`Well` and `well` are the same word."""
    brackets: Literal["kept", "opened", "dropped"] = "kept"
    """`dropped`: `[laughter]`, `<noise>`, `{breath}` and `(cough)` go with what they hold; `opened`: what they hold
    stays, the brackets alone go."""
    fragments: Literal["kept", "dropped"] = "kept"
    """Words broken off: `wor-`. One whose beginning was cut off (`-ord`) counts; its `-` goes with parted hyphens."""
    hyphens: Literal["kept", "parted"] = "kept"
    """`parted`: `twenty-one` is two words."""
    mapping: Mapping[Phrase, Phrase] = Field(default_factory=dict, max_length=10_000)
    """Words for words, as they stand after the steps before: `{"gonna": "going to", "uh huh": "uh-huh"}`. The longest
    that fits is taken, from left to right; what it gives isn't mapped again. An empty text drops the words."""
    fillers: tuple[Phrase, ...] = Field(default=(), max_length=1_000)
    """Filled pauses: single words, all of which count as the first of them, so that none is taken for another."""

    @model_validator(mode="after")
    def _whole_words(self) -> Self:
        if any(not key.split() for key in self.mapping):
            raise ValueError("mapping: what is mapped must hold at least one word")
        if any(len(filler.split()) != 1 for filler in self.fillers):
            raise ValueError("fillers: each must be a single word")
        return self

    def words(self, text: str) -> list[str]:
        """The words that count."""
        for step in self._steps:
            text = step(text)
        words = self._whole(text.split())
        if not self._lengths.keys().isdisjoint(words):  # few texts hold any: the others are soon done
            words = list(self._mapped(words))
        return [self._one_filler.get(word, word) for word in words]

    @cached_property
    def _steps(self) -> Sequence[Callable[[str], str]]:
        steps: list[Callable[[str], str]] = []
        if self.fold_case:
            steps.append(str.lower)
        if self.brackets == "dropped":
            steps.append(_without_brackets)
        if self.brackets == "opened":
            steps.append(lambda text: _BRACKET.sub(" ", text))
        return steps

    def _whole(self, words: Sequence[str]) -> list[str]:
        """Fragments left out, hyphens parted, as asked."""
        if self.fragments == "dropped":
            words = [word for word in words if not word.endswith("-")]
        if self.hyphens == "parted":
            words = [part for word in words for part in (_parted(word) if "-" in word else (word,))]
        return list(words)

    def _mapped(self, words: Sequence[str]) -> Iterator[str]:
        start = 0
        while start < len(words):
            lengths = self._lengths.get(words[start], ())
            taken = next((n for n in lengths if tuple(words[start : start + n]) in self._rules), 0)
            yield from self._rules[tuple(words[start : start + taken])] if taken else (words[start],)
            start += max(taken, 1)

    @cached_property
    def _rules(self) -> Mapping[tuple[str, ...], Sequence[str]]:
        fold = str.lower if self.fold_case else str
        return {tuple(fold(key).split()): tuple(fold(value).split()) for key, value in self.mapping.items()}

    @cached_property
    def _lengths(self) -> Mapping[str, Sequence[int]]:
        """By the first word: how many words the rules that begin with it take, the longest first."""
        lengths: dict[str, set[int]] = {}
        for key in self._rules:
            lengths.setdefault(key[0], set()).add(len(key))
        return {first: sorted(of_first, reverse=True) for first, of_first in lengths.items()}

    @cached_property
    def _one_filler(self) -> Mapping[str, str]:
        fold = str.lower if self.fold_case else str
        return {fold(filler): fold(self.fillers[0]) for filler in self.fillers}


SWITCHBOARD = Convention(
    fold_case=True,
    brackets="dropped",
    fragments="dropped",
    hyphens="parted",
    mapping={"uh huh": "uh-huh", "uhhuh": "uh-huh", "uh_huh": "uh-huh", "um hum": "um-hum", "umhum": "um-hum"},
    fillers=("%hesitation", "uh", "um", "ah", "eh", "er", "hm", "hmm", "mm", "huh"),
)
"""Telephone conversations, as NIST's evaluations score them in the main: filled pauses are one word and fragments cost
nothing. NIST's optional words and its list of contractions are left out: `mapping` takes them."""

PRESETS: Mapping[str, Convention] = {"none": Convention(), "switchboard": SWITCHBOARD}


def preset(name: str) -> Convention:
    """The convention of that name; InvalidInput, naming `convention`, where there is none."""
    if name not in PRESETS:
        raise InvalidInput.field("convention", f"must be one of {', '.join(PRESETS)}, or a convention of your own")
    return PRESETS[name]


def _without_brackets(text: str) -> str:
    while (less := _BRACKETED.sub("", text)) != text:  # brackets in brackets, from within
        text = less
    return text


def _parted(word: str) -> Sequence[str]:
    """A dash alone is left as it is: it is all that there is of its word."""
    return tuple(word.replace("-", " ").split()) or (word,)
