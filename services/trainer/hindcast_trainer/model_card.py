"""What people should know of the text that a model was made of, or scored on."""

from typing import Any

from hindcast.text.corpus import CorpusReference, Text
from hindcast.text.pipeline import UNKNOWN
from hindcast.text.vocabulary import Vocabulary
from hindcast_trainer.work import Work


def described(reference: CorpusReference, text: Text, vocabulary: Vocabulary, work: Work) -> dict[str, Any]:
    """What a model's card says of a text."""
    counts = text.counts()
    unknown = sum(count for word, count in counts.items() if word == UNKNOWN or word not in vocabulary)
    return {
        "corpora": [{"id": id, "name": work.resource(id).name} for id in reference.corpora],
        "split": reference.split,
        "tokens": text.tokens,
        "words": text.words,
        "sentences": text.sentences,
        "oov_rate": unknown / max(1, text.words),
    }
