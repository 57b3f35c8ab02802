"""What every format of n-best lists offers. Bases and signs are converted here: inside, all scores are natural logs."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO, Literal, Protocol

from hindcast_scorer.rescoring.lists import NBestList, RescoredList

ScoreKind = Literal["combined", "components", "graph"]
"""What a format's scores are.

`combined`: one number, of which the recogniser's own language model may be a part already; it stands in `am_score`, and
whoever adds a language model's score to it must know that. `components`: the acoustic and the language model's score
apart, as far as they came. `graph`: the same, but the language model's may hold those of pronunciations and transitions
too, until the old model is taken out of it.
"""


class ListFormat(Protocol):
    """Reads lists of one format and writes them again. One small class for each format, one name in FORMATS."""

    @property
    def name(self) -> str:
        """As `?format=` takes it."""

    @property
    def media_type(self) -> str:
        """As `Content-Type` takes it."""

    @property
    def suffix(self) -> str:
        """Of a file's name: `.jsonl`."""

    @property
    def scores(self) -> ScoreKind:
        """What `am_score` of its hypotheses is: a combined score must not be taken for an acoustic one."""

    def read(self, body: BinaryIO, *, name: str = "body") -> Iterator[NBestList]:
        """The lists, one after the other, a list in memory at a time where the format allows it.

        `name` is the utterance's id where the format has none, for it knows files of one utterance only.
        InvalidInput that names `line 17` (from 1; in an archive `member.txt line 17`) and what would be right, for
        whatever can't be read; it may come after the first lists have.
        """

    def write(self, lists: Iterable[RescoredList], *, sort: bool) -> Iterator[bytes]:
        """The same format with new scores; hypotheses in the order in which they came, or best first.

        A combined score becomes `total`; a language model's score `lm_logprob`; acoustic scores stay as they came. A
        number that didn't change is written with the characters that it came with. What the format has no place for
        isn't written. Lists that came in another format can be written too, without what only that format knows.
        """
