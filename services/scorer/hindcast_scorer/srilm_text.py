"""What texts score, written as SRILM's `ngram -ppl FILE -debug 2` writes it. Pure.

Log-probabilities are base 10, as everywhere in SRILM, and numbers have six digits as C's %g writes them. Its tools
(`compute-best-mix`, `ppl-from-log`) count the columns, and so each line of a token has the same ones as theirs:

    <tab>p( WORD | BEFORE ...) <tab>= [COLUMN] PROBABILITY [ LOG10 ]

- `[COLUMN]` is `[2gram]`, `[3gram]`, … in SRILM: the longest n-gram that was found. A neural model looks at all words
  of its history, so the number is that of those words, the start and the word itself: `[2gram]` for the first word,
  `[7gram]` for the sixth. With history document it counts on from sentence to sentence.
- An unknown word is `p( <unk> | … ) = [OOV] 0 [ -inf ]` and is left out of logprob, ppl and ppl1, but counted: what the
  model gives to `<unk>` is in the JSON answer alone. The first line of a sentence has the words as they came.
- `BEFORE` is the word before it, `<unk>` where that is unknown, `<s>` at the start of a sentence.
- A sentence for each sentence that the pipeline found, totals after each, and a last pair of lines for all:
  `file texts: …`.

SRILM's own tools misread a line whose BEFORE holds a closing parenthesis. So they do here.
"""

import math
from collections.abc import Iterator, Sequence

from hindcast.lm.base import History
from hindcast.text.pipeline import END, UNKNOWN
from hindcast.text.vocabulary import END_ID, UNKNOWN_ID
from hindcast_scorer.scoring import LARGEST_EXPONENT, Tally, TextScores

MEDIA_TYPE = "text/x-srilm-debug2"

_LN_10 = math.log(10)


def srilm_text(texts: Sequence[TextScores], *, history: History) -> str:
    """All of it, for texts that were scored with this history."""
    total = sum((text.tally for text in texts), Tally())
    parts = [part for text in texts for part in _text(text, history)]
    return "".join([*parts, "file texts: ", _totals(total)])


def _text(text: TextScores, history: History) -> Iterator[str]:
    """Its sentences, one after the other."""
    first, looked_at = 0, 0
    for tally in text.sentences():
        after = first + tally.tokens
        if history == "sentence":
            looked_at = 0
        yield " ".join(text.tokens[first : after - 1]) + "\n"
        yield from _tokens(text, first, after, looked_at)
        yield _totals(tally) + "\n"
        looked_at += tally.tokens
        first = after


def _tokens(text: TextScores, first: int, after: int, looked_at: int) -> Iterator[str]:
    """A line for each token of one sentence, before which `looked_at` others count."""
    before = "<s> "
    for place in range(first, after):
        word = _known(text, place)
        length = looked_at + place - first + 2
        yield f"\tp( {word} | {before}) \t= {_score(text, place, length)}\n"
        before = f"{word} ..."


def _known(text: TextScores, place: int) -> str:
    """A token as the vocabulary has it."""
    special = {UNKNOWN_ID: UNKNOWN, END_ID: END}
    return special.get(int(text.ids_N[place]), text.tokens[place])


def _score(text: TextScores, place: int, length: int) -> str:
    if text.ids_N[place] == UNKNOWN_ID:
        return "[OOV] 0 [ -inf ]"
    logprob = float(text.log_probs_N[place])
    return f"[{length}gram] {math.exp(logprob):g} [ {_plain(logprob / _LN_10)} ]"


def _totals(tally: Tally) -> str:
    """The two lines of counts and sums. Nothing has a probability of zero here: `zeroprobs` is always 0."""
    logprob = tally.logprob - tally.oov_logprob
    words = tally.words - tally.oov
    return (
        f"{tally.sentences} sentences, {tally.words} words, {tally.oov} OOVs\n"
        f"0 zeroprobs, logprob= {_plain(logprob / _LN_10)} ppl= {_perplexity(logprob, words + tally.sentences)} "
        f"ppl1= {_perplexity(logprob, words)}\n"
    )


def _perplexity(logprob: float, count: int) -> str:
    return f"{math.exp(min(-logprob / count, LARGEST_EXPONENT)):g}" if count else "undefined"


def _plain(value: float) -> str:
    """As %g writes it, but for a minus before zero."""
    return f"{value or 0.0:g}"
