"""Which words a model knows, and the number of each."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import repeat
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, ConfigDict, Field, model_validator

from hindcast.errors import InvalidInput
from hindcast.json_model import JsonModel
from hindcast.text.pipeline import END, UNKNOWN

UNKNOWN_ID = 0
END_ID = 1
SMALLEST_SIZE = 3
LARGEST_SIZE = 10_000_000


class Vocabulary:
    """An ordered set of words; a word's id is its position.

    `<unk>` is 0 and stands for every word that is not here; `</s>`, the end of a sentence, is 1. There is no `<s>`.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        if self.words[:2] != (UNKNOWN, END):
            raise InvalidInput.field("vocabulary", f"must begin with {UNKNOWN} and {END}")
        self._ids = {word: id for id, word in enumerate(self.words)}
        if len(self._ids) < len(self.words):
            raise InvalidInput.field("vocabulary", "names a word twice")

    @classmethod
    def from_words(cls, words: Iterable[str]) -> "Vocabulary":
        """These words in this order, after `<unk>` and `</s>`, wherever those stand in `words` or if they don't."""
        return cls((UNKNOWN, END, *(word for word in words if word not in (UNKNOWN, END))))

    @classmethod
    def build(cls, counts: Mapping[str, int], *, size: int | None = None, min_count: int | None = None) -> "Vocabulary":
        """The `size` most frequent symbols, or all words that occur `min_count` times; all where neither is given.

        `size` counts `<unk>` and `</s>`; a text with fewer words has a smaller vocabulary. Ties keep the order of
        `counts`. InvalidInput where nothing but those two symbols would be left.
        """
        if size is not None and not SMALLEST_SIZE <= size <= LARGEST_SIZE:
            raise InvalidInput.field("vocabulary.size", f"must be from {SMALLEST_SIZE} to {LARGEST_SIZE}")
        words = [word for word in counts if word not in (UNKNOWN, END) and counts[word] >= (min_count or 1)]
        words.sort(key=lambda word: -counts[word])
        if size is not None:
            words = words[: size - 2]
        if not words:
            field = "vocabulary" if min_count is None else "vocabulary.min_count"
            raise InvalidInput.field(field, f"leaves no word: no word of the text occurs {min_count or 1} times")
        return cls((UNKNOWN, END, *words))

    @classmethod
    def from_json(cls, words: Any) -> "Vocabulary":
        """The inverse of `to_json`; InvalidInput for anything else."""
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise InvalidInput.field("vocabulary", "must be a list of strings")
        return cls(words)

    def to_json(self) -> list[str]:
        """All words in the order of their ids."""
        return list(self.words)

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self._ids

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.words == other.words

    def __hash__(self) -> int:
        return hash(self.words)

    def id(self, word: str) -> int:
        """The id of a word, `<unk>`'s where it is not here."""
        return self._ids.get(word, UNKNOWN_ID)

    def encode(self, words: Iterable[str]) -> npt.NDArray[np.int64]:
        """The ids of some words: int64 [words]."""
        return np.fromiter(map(self._ids.get, words, repeat(UNKNOWN_ID)), dtype=np.int64)

    @cached_property
    def sha256(self) -> str:
        """What two models must share to be compared: SHA-256 over the words in UTF-8, joined by line feeds, in hex."""
        return hashlib.sha256("\n".join(self.words).encode()).hexdigest()


def _one_word(word: str) -> str:
    if word.split() != [word]:
        raise ValueError("must be one word, without blanks")
    return word


Word = Annotated[str, Field(min_length=1, json_schema_extra={"pattern": r"^\S+$"}), AfterValidator(_one_word)]


class VocabularySpec(JsonModel):
    """How a vocabulary is chosen: exactly one of these. Without any, the 25,000 most frequent symbols."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    size: Annotated[int, Field(ge=SMALLEST_SIZE, le=LARGEST_SIZE)] | None = None
    """The most frequent symbols, `<unk>` and `</s>` among them."""
    min_count: Annotated[int, Field(ge=1)] | None = None
    """Every word that occurs at least so often in the text."""
    words: Annotated[tuple[Word, ...], Field(min_length=1)] | None = None
    """These words, in this order; `<unk>` and `</s>` are added where they lack."""
    same_as: Annotated[str, Field(min_length=1)] | None = None
    """The vocabulary of a model, or the words of a table: its id or name."""

    @model_validator(mode="before")
    @classmethod
    def _default(cls, data: Any) -> Any:
        return {"size": 25_000} if data == {} else data

    @model_validator(mode="after")
    def _exactly_one(self) -> "VocabularySpec":
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("must have exactly one of size, min_count, words and same_as")
        if self.words is not None and len(set(self.words)) < len(self.words):
            raise ValueError("words must not name a word twice")
        return self

    def build(self, counts: Mapping[str, int], *, same_as: Callable[[str], Iterable[str]]) -> Vocabulary:
        """The vocabulary for a text with these word counts; `same_as` looks up the words of a model or table."""
        if self.words is not None:
            return Vocabulary.from_words(self.words)
        if self.same_as is not None:
            return Vocabulary.from_words(same_as(self.same_as))
        return Vocabulary.build(counts, size=self.size, min_count=self.min_count)
