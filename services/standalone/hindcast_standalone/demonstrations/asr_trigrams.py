r"""A recogniser's own trigrams as an ARPA file, as far as its lattices need them.

PocketSphinx keeps its language model in a form of its own, which its Python package can read and ask, but not write as
ARPA (5.1 dies at the trigrams). So it is asked for every n-gram that some path of some lattice has, and the answers are
written down.

Exact, but for rounding: the probability of each n-gram of the lattices whose words have one spelling. Those that follow
from shorter ones by the back-off weight aren't written, as in any ARPA file.

Back-off weights are what the median of five rare words says, p(word | history) / p(word | shorter history): the true
one unless the recogniser has seen the history before three of them.

Not exact:

- words that a language model of Hindcast reads as one, as `c` and `c.`, have the higher probability of each n-gram, so
  that the sum over all words may exceed 1;
- words that it reads as several (`uh-oh`) are asked for as these;
- lattices with too many trigrams (`left_out`) have those alone that others have too, and else the bigrams';
- `<unk>` has the probability of the rarest word, and is needed for parts of words alone: PocketSphinx hears nothing
  that its language model doesn't know.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from hindcast.errors import Unavailable
from hindcast_standalone.demonstrations.asr_ngrams import START, Ngram, Ngrams

PROBES = 5
NEVER = -99.0
"""log10, by custom, of what no sentence says: `<s>`."""
NEGLIGIBLE = 0.001
"""Of log10: PocketSphinx's own probabilities are whole multiples of 0.00004, and back-off weights sums of several."""
UNKNOWN = "<unk>"

LogProb = Callable[[Sequence[str]], float | None]
"""log10 of the probability of the last word after those before it; None: the language model doesn't know one of
them."""
Token = Callable[[str], str]
"""A word of the recogniser as Hindcast's models read it."""


def pocketsphinx_log10() -> LogProb:
    """Of the trigrams that its wheel brings. Unavailable where it isn't installed."""
    try:
        from pocketsphinx import Config, LogMath, NGramModel
    except ImportError as error:
        raise Unavailable("PocketSphinx isn't installed: pip install 'hindcast-lm-standalone[asr-demo]'") from error
    config = Config()
    # The model has no reference of its own to the logarithms: it is read after them, and they must outlive it.
    logarithms = LogMath()
    model = NGramModel(config, logarithms, config["lm"])

    def log10(words: Sequence[str]) -> float | None:
        answer = model.prob(list(reversed(words)))
        return None if answer <= logarithms.get_zero() else float(logarithms.log_to_log10(answer))

    return log10


def arpa_of(ngrams: Ngrams, log10: LogProb, token: Token) -> str:
    """See above."""
    table = _asked(ngrams, log10, token)
    return "".join(_lines(table, _written(table)))


@dataclass(frozen=True)
class _Table:
    """All n-grams, as Hindcast reads them."""

    log10s: Mapping[Ngram, float]
    backoffs: Mapping[Ngram, float]

    def of_order(self, order: int) -> Iterator[Ngram]:
        return (ngram for ngram in self.log10s if len(ngram) == order)

    def follows(self, ngram: Ngram) -> bool:
        """Whether the shorter n-gram and the back-off weight say the same."""
        if ngram[1:] not in self.log10s:
            return False
        backed_off = self.backoffs.get(ngram[:-1], 0.0) + self.log10s[ngram[1:]]
        return abs(self.log10s[ngram] - backed_off) <= NEGLIGIBLE


def _asked(ngrams: Ngrams, log10: LogProb, token: Token) -> _Table:
    log10_of = {word: answer for word in ngrams.words if (answer := log10((word,))) is not None}
    probes = sorted(log10_of.keys() - {START}, key=lambda word: (log10_of[word], word))[:PROBES]
    every: Iterable[Ngram] = [*((word,) for word in log10_of), *ngrams.bigrams, *ngrams.trigrams]
    log10s, backoffs = defaultdict[Ngram, float](lambda: NEVER), dict[Ngram, float]()
    for ngram in every:
        if (answer := log10(ngram)) is None:
            continue
        read = tuple(map(token, ngram))
        log10s[read] = max(log10s[read], min(answer, 0.0))
        if len(ngram) < 3:
            backoffs[read] = max(backoffs.get(read, NEVER), _backoff(ngram, probes, log10))
    return _Table(dict(log10s), backoffs)


def _backoff(history: Ngram, probes: Sequence[str], log10: LogProb) -> float:
    pairs = [(log10((*history, probe)), log10((*history[1:], probe))) for probe in probes]
    known = [after - without for after, without in pairs if after is not None and without is not None]
    return median(known) if known else 0.0


def _written(table: _Table) -> list[list[Ngram]]:
    """Of each order: without what follows from the rest."""
    trigrams = [ngram for ngram in table.of_order(3) if not table.follows(ngram)]
    histories = {ngram[:-1] for ngram in trigrams}
    bigrams = [
        ngram
        for ngram in table.of_order(2)
        if ngram in histories or abs(table.backoffs[ngram]) > NEGLIGIBLE or not table.follows(ngram)
    ]
    return [sorted(table.of_order(1)), sorted(bigrams), sorted(trigrams)]


def _lines(table: _Table, written: Sequence[Sequence[Ngram]]) -> Iterator[str]:
    rarest = min((log10 for (*_, word), log10 in table.log10s.items() if word != START), default=NEVER)
    first, *longer = written
    yield "\\data\\\n"
    yield from (f"ngram {order}={len(some)}\n" for order, some in enumerate([[*first, UNKNOWN], *longer], start=1))
    yield f"\n\\1-grams:\n{rarest:.6f}\t{UNKNOWN}\t0\n"
    yield from (_line(table, ngram) for ngram in first)
    for order, some in enumerate(longer, start=2):
        yield f"\n\\{order}-grams:\n"
        yield from (_line(table, ngram) for ngram in some)
    yield "\n\\end\\\n"


def _line(table: _Table, ngram: Ngram) -> str:
    backoff = f"\t{table.backoffs[ngram]:.6f}" if ngram in table.backoffs else ""
    return f"{table.log10s[ngram]:.6f}\t{' '.join(ngram)}{backoff}\n"
