"""The words of what PocketSphinx writes: `c.` is the word c, `the(2)` the, and `[NOISE]` is none."""

from hindcast.text.pipeline import PipelineName, pipeline
from hindcast_scorer.rescoring.hypothesis_text import WordsOf
from hindcast_scorer.rescoring.options import TextOptions

TEXT = {"brackets": "dropped"}
"""As options of a rescoring, for Hindcast to read hypotheses in the same way."""


def reading(pipeline_name: PipelineName) -> WordsOf:
    """What a model of that pipeline reads of a text."""
    return WordsOf(TextOptions(brackets="dropped"), pipeline(pipeline_name))


_words = reading("asr")


def comparable(text: str) -> str:
    """In lower case and without punctuation, as references and all hypotheses are compared. Lattices have letters that
    are spelled out in two ways, `c` and `c.`: the latter would count as an error where c was said."""
    return " ".join(_words(text))
