"""Where a job's specification meets the world: what it may read, and how it tells how far it is."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from hindcast.progress import Progress
from hindcast.registry import Resource

Result = TypeVar("Result")


@dataclass(frozen=True)
class Produced:
    """What a job leaves behind."""

    folder: Path | None = None
    """A local folder to store as the result's artifact; None where a job makes none (a probe)."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What readers of the resource are told, as JSON."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Final figures of the job."""


@dataclass(frozen=True)
class TableRows:
    """The rows of some words in an embedding table, normalised."""

    vectors: npt.NDArray[np.float32]
    """[words, size], in the order asked; rows not found are zero."""
    found: npt.NDArray[np.bool_]
    """[words]"""
    mean: npt.NDArray[np.float32]
    """[size]: the mean over all rows of the whole table, after normalisation."""


class TableSource(Protocol):
    """Where the rows of a table come from: the embedder."""

    def rows(self, table: str, words: Sequence[str], normalization: str) -> TableRows:
        """Rows of `words` after normalising with the statistics of the whole table. NotFound, Unavailable."""


class Work(Protocol):
    """One attempt at one job, seen from inside the child process that does it."""

    @property
    def scratch(self) -> Path:
        """An empty folder of this attempt, gone after it."""

    @property
    def threads(self) -> int:
        """Threads to compute with."""

    @property
    def device(self) -> str:
        """What to train networks on: `cpu`, `cuda` or `auto`, for hindcast.nn.device.torch_device."""

    @property
    def tables(self) -> TableSource:
        """Rows of embedding tables."""

    @property
    def checkpoint(self) -> Path | None:
        """The checkpoint folder to go on from, if an earlier attempt left one."""

    def resource(self, id: str) -> Resource:
        """A resource that the spec refers to."""

    def folder(self, id: str) -> Path:
        """A local folder with that resource's artifact, to read or map."""

    def upload(self, key: str) -> Path:
        """A local file with what was uploaded under that artifact key, to read."""

    def log(self, message: str) -> None:
        """A line for the job's log."""

    def run(self, steps: Generator[Progress, None, Result]) -> Result:
        """Drive a computation to its end: report each Progress, save checkpoints when due, stop when asked."""
