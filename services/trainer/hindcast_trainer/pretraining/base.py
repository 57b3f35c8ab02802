"""What all kinds of pre-training have in common."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict, Field

from hindcast.json_model import JsonModel
from hindcast.registry import ResourceType
from hindcast.text.corpus import CorpusReference, EncodedText
from hindcast.text.vocabulary import VocabularySpec
from hindcast_trainer.references import Reference
from hindcast_trainer.texts import corpus_references, vocabulary_references

LARGEST_SIZE = 4096
Epochs = Annotated[int, Field(ge=1, le=1000)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]

_CHUNK_TOKENS = 1 << 20


class TableSpecBase(JsonModel):
    """Make a table of embeddings."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    result_type: ClassVar[ResourceType | None] = "table"
    objective: ClassVar[str]


class LearnedTableSpec(TableSpecBase):
    """Pre-train embeddings on a text. See hindcast_trainer.pretrain.TableSpec."""

    corpus: CorpusReference
    """The text to learn from."""
    vocabulary: VocabularySpec = VocabularySpec(size=25_000)
    """Which words get a vector; the others are read as `<unk>`, which gets one too, and so does `</s>`."""
    seed: Seed = 1
    """Of all that is random. On one machine, equal seeds give equal tables."""

    @property
    def lineage(self) -> dict[str, Any]:
        """Ids of all that the table is made from."""
        return {"corpora": list(self.corpus.corpora), "vocabulary": self.vocabulary.same_as}

    def references(self) -> Sequence[Reference]:
        """The corpora, and what the vocabulary is the same as."""
        return (*corpus_references("corpus", self.corpus), *vocabulary_references(self.vocabulary))


def occurrences(text: EncodedText, vocabulary_size: int) -> npt.NDArray[np.int64]:
    """[V] how often each word of the vocabulary occurs in a text."""
    counts_V = np.zeros(vocabulary_size, dtype=np.int64)
    for start in range(0, len(text), _CHUNK_TOKENS):
        chunk = text.tokens(start, min(start + _CHUNK_TOKENS, len(text)))
        counts_V += np.bincount(chunk, minlength=vocabulary_size)
    return counts_V
