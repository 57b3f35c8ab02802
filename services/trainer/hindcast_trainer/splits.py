"""Which part of a corpus is for training, which for validation and which for testing."""

import hashlib
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt

from hindcast.errors import InvalidInput

SplitName = Literal["train", "valid", "test"]
SPLITS: tuple[SplitName, ...] = get_args(SplitName)
Shares = Mapping[SplitName, int]
"""Percentages that sum to 100."""

FEWEST_DOCUMENTS = 20
"""With fewer, whole documents would make splits far from their shares."""
_MOST_BLOCKS = 100

SplitBy = Literal["document", "paragraph_blocks", "given"]


def parse_splits(written: str) -> dict[SplitName, int]:
    """The shares of train, valid and test from `90,5,5`, of train and valid from `90,10`, all train from `100`."""
    parts = written.split(",")
    shares = [int(part) if part.strip().isdecimal() else 0 for part in parts]
    if len(shares) > len(SPLITS) or sum(shares) != 100 or min(shares) < 1:
        raise InvalidInput.field(
            "splits", "must be whole percentages of train, valid and test, such as 90,5,5, that sum to 100"
        )
    return dict(zip(SPLITS, shares, strict=False))


class Placement(Protocol):
    """Says where text goes."""

    def split(self, document: int, paragraph: int) -> SplitName:
        """The split of a paragraph; both are counted from 0 through the whole upload."""


@dataclass(frozen=True)
class ByDocument:
    """Each document goes as a whole."""

    choices: npt.NDArray[np.int8]
    """For each document the number of its split; without any, all go to train."""

    def split(self, document: int, paragraph: int) -> SplitName:
        """See Placement."""
        return SPLITS[self.choices[document]] if len(self.choices) else "train"


@dataclass(frozen=True)
class ByBlocks:
    """Blocks of neighbouring paragraphs, all of one size but the last."""

    choices: Sequence[int]
    """For each block the number of its split."""
    size: int

    def split(self, document: int, paragraph: int) -> SplitName:
        """See Placement."""
        return SPLITS[self.choices[paragraph // self.size]]


class Survey:
    """What has to be known of an upload before its first document can be placed."""

    def __init__(self) -> None:
        self._points = array("d")
        self.paragraphs = 0

    @property
    def documents(self) -> int:
        """How many."""
        return len(self._points)

    def add(self, id: str, paragraphs: int) -> None:
        """The next document that names no split itself."""
        self._points.append(int.from_bytes(hashlib.sha256(id.encode()).digest()[:6]) / 2**48)
        self.paragraphs += paragraphs

    def place(self, shares: Shares) -> Placement:
        """By documents, or by blocks where they are too few; InvalidInput where even those are."""
        if self.documents == 0 or len(shares) == 1:
            return ByDocument(np.zeros(0, dtype=np.int8))
        if self.documents >= FEWEST_DOCUMENTS:
            return ByDocument(_by_hash(np.array(self._points), shares))
        if self.paragraphs < len(shares):
            paragraphs = "1 paragraph" if self.paragraphs == 1 else f"{self.paragraphs} paragraphs"
            raise InvalidInput.field(
                "splits", f"must be as many as the text's paragraphs at most: {len(shares)} splits, {paragraphs}"
            )
        size = -(-self.paragraphs // _MOST_BLOCKS)
        return ByBlocks(_by_shares(-(-self.paragraphs // size), shares), size)


def _by_hash(points: npt.NDArray[np.float64], shares: Shares) -> npt.NDArray[np.int8]:
    """A document's split depends on its id alone, but where a split would stay empty: it gets the nearest document."""
    ends = np.cumsum([shares.get(name, 0) for name in SPLITS]) / 100
    choices = np.searchsorted(ends, points, side="right").astype(np.int8)
    for number, name in enumerate(SPLITS):
        if name in shares and not (choices == number).any():
            sizes = np.bincount(choices, minlength=len(SPLITS))
            distance = np.where(sizes[choices] > 1, np.abs(points - (ends[number] - shares[name] / 200)), np.inf)
            choices[distance.argmin()] = number
    return choices


def _by_shares(blocks: int, shares: Shares) -> list[int]:
    """Each block goes to the split that lacks most; every split gets one."""
    wanted = np.array([shares.get(name, 0) for name in SPLITS]) / 100
    given = np.zeros(len(SPLITS))
    choices: list[int] = []
    for block in range(blocks):
        lacking = [n for n, name in enumerate(SPLITS) if name in shares and given[n] == 0]
        must = len(lacking) >= blocks - block
        chosen = lacking[0] if must else int((wanted * (block + 1) - given).argmax())
        given[chosen] += 1
        choices.append(chosen)
    return choices
