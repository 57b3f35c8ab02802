"""Little models to ask about words: untrained, but that frequent words are more probable, so that words differ."""

import math
from collections.abc import Sequence
from pathlib import Path

import torch

from hindcast.lm.bundle import Bundle, pack
from hindcast.lm.lstm import LstmSpecification
from hindcast.text.pipeline import PipelineName
from hindcast.text.vocabulary import Vocabulary

_WORDS = (
    "the of and , . in to were was The for ' n't do a that on where with from by their said have they not "
    "Thursday Mexico Pacific coast rain winds high heavy told states three navy near homes help ready ships families "
    "hurricane storm Storm warnings doctors victims issued expected closed beach leave kept"
)
WORDS = _WORDS.split()
"""The most frequent first. Of the hurricane passage "Schools" is missing."""
SPOKEN = [word for word in WORDS if word[0].islower() and word != "n't"] + ["mexico", "schools", "don't"]


def packed_model(
    folder: Path, *, words: Sequence[str] = WORDS, pipeline: PipelineName = "plain", seed: int = 1
) -> bytes:
    """A model as the file that `POST /v1/models` takes; `folder` is an empty one to write in."""
    vocabulary = Vocabulary.from_words(words)
    specification = LstmSpecification(vocabulary_size=len(vocabulary), input_size=8, hidden_size=8)
    model = specification.build(seed=seed)
    with torch.no_grad():
        model.output.weight.mul_(6)
        model.output.bias.copy_(torch.tensor([-1.4 * math.log(1 + place) for place in range(len(vocabulary))]))
    saved = folder / "bundle"
    saved.mkdir()
    Bundle(specification, model, vocabulary, pipeline, "sentence", {"metrics": {}}).save(saved)
    pack(saved, folder / "packed")
    return (folder / "packed").read_bytes()
