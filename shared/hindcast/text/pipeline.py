"""From raw text to sentences of words: one pipeline for what is trained on and for what is scored.

In every pipeline the text is brought into Unicode's composed form (NFC), a raw `<unk>` between blanks stays one word,
and a raw `</s>` never stands for the end of a sentence: it becomes `<unk>`, or falls apart like other punctuation.
"""

import re
import threading
import unicodedata
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice, takewhile
from typing import Any, Literal, Protocol

from hindcast.errors import InvalidInput

UNKNOWN = "<unk>"
END = "</s>"

PipelineName = Literal["plain", "wikitext", "asr"]
Sentence = list[str]
"""Words without `</s>`; an empty list is an empty line (wikitext)."""


@dataclass(frozen=True)
class Context:
    """The text before a word: what `</s>` has closed, and the words of the sentence that still goes on."""

    closed: list[Sentence]
    open: Sentence


class Pipeline(Protocol):
    """Splits text into sentences and words. The same text always gives the same words, from any thread."""

    @property
    def name(self) -> PipelineName:
        """How corpora, tables and models call it."""

    def sentences(self, paragraph: str) -> list[Sentence]:
        """The sentences of one paragraph: one line of a text."""

    def words(self, utterance: str) -> Sentence:
        """The words of what was said in one breath: one sentence, whatever its punctuation looks like."""

    def paragraphs(self, texts: Iterable[str]) -> Iterator[list[Sentence]]:
        """`sentences` of each, lazily and faster."""

    def document(self, text: str) -> list[Sentence]:
        """The sentences of a whole text, whose lines are paragraphs. Blank lines are sentences in wikitext only."""

    def context(self, text: str, *, complete: bool = False) -> Context:
        """A text that is to be gone on with. Its last sentence is open, even after a full stop, unless `complete`.

        In wikitext a line feed closes its line; in the others a line feed at the end changes nothing.
        """


def pipeline(name: PipelineName) -> Pipeline:
    """The pipeline of that name; InvalidInput if there is none. The first use of plain or asr takes a second or two."""
    if name not in _PIPELINES:
        raise InvalidInput.field("pipeline", f"must be one of {', '.join(_PIPELINES)}")
    return _instance(name)


@cache
def _instance(name: PipelineName) -> Pipeline:
    return _PIPELINES[name]()


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    return lines if lines[-1] else lines[:-1]


class WikitextPipeline:
    """Text that is tokenised already: split at blanks, and every line, blank or heading too, is one sentence."""

    name: PipelineName = "wikitext"

    def sentences(self, paragraph: str) -> list[Sentence]:
        """One sentence: the line's words."""
        words = unicodedata.normalize("NFC", paragraph).split()
        if END in words:
            words = [UNKNOWN if word == END else word for word in words]
        return [words]

    def words(self, utterance: str) -> Sentence:
        """Of all lines together."""
        return self.sentences(utterance)[0]

    def paragraphs(self, texts: Iterable[str]) -> Iterator[list[Sentence]]:
        """`sentences` of each."""
        return map(self.sentences, texts)

    def document(self, text: str) -> list[Sentence]:
        """A sentence for each line; a line feed at the end begins no further one."""
        return [sentence for line in _lines(text) for sentence in self.sentences(line)]

    def context(self, text: str, *, complete: bool = False) -> Context:
        """The last line is open, unless `complete` or the text ends with a line feed."""
        sentences = self.document(text)
        if complete or not sentences or text.endswith("\n"):
            return Context(sentences, [])
        return Context(sentences[:-1], sentences[-1])


_LONGEST_PIECE = 50_000
"""Characters that spaCy is given at once: its memory for a text is hundreds of times the text's."""
_LONG_RUN = re.compile(r"(\S{400})(?=\S)")
"""spaCy's time for a run of characters without a blank grows with its square and more."""
_OPENING = frozenset("\"'“‘«([{")
_MOST_STRINGS = 500_000
"""spaCy remembers every word that it meets: beyond so many it is begun anew."""
_ENGLISH_LOCK = threading.Lock()


class PlainPipeline:
    """Running text: words and sentences by spaCy's English rules, case and punctuation kept.

    An opening quote or bracket belongs to the sentence that it opens. A paragraph of more than 50,000 characters is
    cut into pieces, at the end of a sentence where there is one, and a run of more than 400 characters without a blank
    is broken.
    """

    name: PipelineName = "plain"

    def sentences(self, paragraph: str) -> list[Sentence]:
        """The paragraph's sentences; none where it is blank."""
        return next(self.paragraphs([paragraph]))

    def words(self, utterance: str) -> Sentence:
        """What its sentences have, one after the other."""
        return list(chain.from_iterable(self.sentences(utterance)))

    def paragraphs(self, texts: Iterable[str]) -> Iterator[list[Sentence]]:
        """`sentences` of each."""
        remaining = iter(texts)
        while batch := list(islice(remaining, 256)):
            with _ENGLISH_LOCK:
                english = _english()
                split = [[s for piece in _pieces(text) for s in self._parsed(english, piece)] for text in batch]
                if len(english.tokenizer.vocab.strings) > _MOST_STRINGS:
                    _english.cache_clear()
            yield from split

    def document(self, text: str) -> list[Sentence]:
        """The sentences of all lines, one after the other."""
        return list(chain.from_iterable(self.paragraphs(_lines(text))))

    def context(self, text: str, *, complete: bool = False) -> Context:
        """The last sentence is open unless `complete`."""
        sentences = self.document(text)
        if complete or not sentences:
            return Context(sentences, [])
        return Context(sentences[:-1], sentences[-1])

    def _parsed(self, english: "_English", piece: str) -> list[Sentence]:
        return self._split(english.parse(piece))

    def _split(self, parsed: Any) -> list[Sentence]:
        words = [token.text for token in parsed]
        starts = _sentence_starts(parsed, words)
        return [words[start:end] for start, end in zip(starts, [*starts[1:], len(words)], strict=True)]


class AsrPipeline(PlainPipeline):
    """Text as a recogniser writes it: sentences as in plain, then lower case, no punctuation.

    Apostrophes inside words stay (don't, o'clock; ’ becomes '), numbers stay as they are (3.5, 1,000, 10:30), a hyphen
    parts two words. A sentence of nothing but punctuation is dropped.
    """

    name: PipelineName = "asr"

    def words(self, utterance: str) -> Sentence:
        """Without looking for sentences: a recogniser's output has no punctuation to find them by."""
        return _spoken(unicodedata.normalize("NFC", utterance.replace("\ufeff", "")))

    def _parsed(self, english: "_English", piece: str) -> list[Sentence]:
        # Nothing ends a sentence, and words are found without spaCy: what a recogniser says is read at once.
        if english.ends.isdisjoint(piece):
            words = _spoken(piece)
            return [words] if words else []
        return super()._parsed(english, piece)

    def _split(self, parsed: Any) -> list[Sentence]:
        text = parsed.text
        starts = [parsed[start].idx for start in _sentence_starts(parsed, [token.text for token in parsed])]
        spans = zip(starts, [*starts[1:], len(text)], strict=True)
        sentences = [_spoken(text[start:end]) for start, end in spans]
        return [words for words in sentences if words]


_SPOKEN_WORD = re.compile(r"(?<!\S)<unk>(?!\S)|[^\W_]+(?:(?:'|(?<=\d)[.,:/](?=\d))[^\W_]+)*")


def _spoken(sentence: str) -> Sentence:
    return _SPOKEN_WORD.findall(sentence.replace("’", "'").lower())


@dataclass(frozen=True)
class _English:
    """spaCy's rules for English, without the checks and hooks that its pipelines run for every text."""

    tokenizer: Any
    sentencizer: Any

    @property
    def ends(self) -> AbstractSet[str]:
        """Characters that end a sentence."""
        ends: AbstractSet[str] = self.sentencizer.punct_chars
        return ends

    def parse(self, text: str) -> Any:
        return self.sentencizer(self.tokenizer(text))


@cache
def _english() -> _English:
    # Two seconds: paid by the first who splits running text, not by everyone who imports this package.
    from spacy.lang.en import English

    english: Any = English()
    english.tokenizer.add_special_case(UNKNOWN, [{"ORTH": UNKNOWN}])
    return _English(english.tokenizer, english.add_pipe("sentencizer"))


def _sentence_starts(parsed: Any, words: list[str]) -> list[int]:
    """Where sentences start. spaCy's sentencizer leaves an opening quote with the sentence before; it is taken over."""
    starts = [_before_opening(parsed, words, sentence.start) for sentence in parsed.sents]
    last = _before_opening(parsed, words, len(words))
    return [*starts, last] if last < len(words) and _ends_sentence(parsed[:last]) else starts


def _before_opening(parsed: Any, words: list[str], start: int) -> int:
    """`start`, or where the opening quotes and brackets right before it begin."""
    first = start
    while first > 1 and words[first - 1] in _OPENING and not parsed[first - 1].whitespace_:
        first -= 1
    return first if parsed[first - 1].whitespace_ else start


def _ends_sentence(parsed: Any) -> bool:
    """Whether a full stop or the like is followed by nothing but punctuation."""
    ends = _english().ends
    return any(token.text in ends for token in takewhile(lambda token: token.is_punct, reversed(parsed)))


def _pieces(paragraph: str) -> Iterator[str]:
    composed = unicodedata.normalize("NFC", paragraph.replace("\ufeff", ""))
    text = _LONG_RUN.sub(r"\1 ", " ".join(composed.split()))
    while len(text) > _LONGEST_PIECE:
        head = text[:_LONGEST_PIECE]
        cut = max(head.rfind(end) + 1 for end in (". ", "? ", "! ")) or head.rfind(" ") or _LONGEST_PIECE
        yield text[:cut]
        text = text[max(cut, 1) :].lstrip()
    if text:
        yield text


_PIPELINES: dict[PipelineName, type[WikitextPipeline] | type[PlainPipeline]] = {
    "plain": PlainPipeline,
    "wikitext": WikitextPipeline,
    "asr": AsrPipeline,
}
