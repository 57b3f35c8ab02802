"""From a hypothesis as a recogniser writes it to the words that a model is asked for."""

import re
from collections.abc import Callable
from functools import lru_cache

from hindcast.text.pipeline import Pipeline
from hindcast_scorer.rescoring.options import TextOptions

_BRACKETED = re.compile(r"(?<!\S)(?!<unk>(?!\S))(?:\[[^][\s]*\]|<[^<>\s]*>|\{[^{}\s]*\}|\([^()\s]*\))(?!\S)")
_CASES: dict[str, Callable[[str], str]] = {"as_is": str, "lower": str.lower, "upper": str.upper}


class WordsOf:
    """Makes words of texts, the same ones each time, and remembers the last few thousand."""

    def __init__(self, options: TextOptions, pipeline: Pipeline) -> None:
        self._options = options
        self._pipeline = pipeline
        self._change_case = _CASES[options.case]
        self._fillers = frozenset(map(self._change_case, options.fillers))
        self._remembered = lru_cache(maxsize=4096)(self._words)

    def __call__(self, text: str) -> tuple[str, ...]:
        """Its words, without `</s>`."""
        return self._remembered(text)

    def _words(self, text: str) -> tuple[str, ...]:
        options = self._options
        if options.brackets == "dropped":
            text = _BRACKETED.sub(" ", text)
        words = text.split()
        if options.fragments == "dropped":
            words = [word for word in words if not word.endswith("-") or word == "-"]
        words = [word if word == "<unk>" else self._change_case(word) for word in words]
        words = [word for word in words if word not in self._fillers]
        if options.hyphens == "parted":
            words = [part for word in words for part in (word.replace("-", " ").split() or [word])]
        return tuple(self._pipeline.words(" ".join(words)))
