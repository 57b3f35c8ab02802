"""What a worker and its child say to each other.

The worker writes one Assignment, as a line of JSON, to the child's standard input and keeps that open for as long as
the child may work. The child answers with Messages, a line of JSON each, on its standard output.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from hindcast import errors
from hindcast.errors import FieldError, HindcastError
from hindcast.jobs.job import JobProgress
from hindcast.registry import Resource


@dataclass(frozen=True)
class Assignment:
    """One attempt at one job: everything that its child is told."""

    kind: str
    spec: Mapping[str, Any]
    resources: Sequence[Resource]
    """Those that the specification refers to."""
    artifacts_url: str
    cache: Path
    artifact: str | None
    """Key under which to store the result; None where the job makes none."""
    checkpoint: str | None
    """Key of the checkpoint from which to go on."""
    checkpoints: str
    """What the keys of new checkpoints begin with: `checkpoints/<job>/<attempt>`."""
    folder: Path
    """An empty folder for this attempt alone."""
    threads: int
    checkpoint_seconds: float
    embedder_url: str
    kinds: str
    """Name of the module whose `parse(kind, spec)` makes the specification."""
    device: str = "cpu"


@dataclass(frozen=True)
class Report:
    """How far the work is."""

    progress: JobProgress
    metrics: Mapping[str, float]
    """Those that are new."""
    type: Literal["report"] = "report"


@dataclass(frozen=True)
class Log:
    """A line for people."""

    message: str
    type: Literal["log"] = "log"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint was stored."""

    key: str
    type: Literal["checkpoint"] = "checkpoint"


@dataclass(frozen=True)
class Done:
    """The work is done and its result, if it makes one, stored."""

    size_bytes: int
    facts: Mapping[str, Any]
    metrics: Mapping[str, float]
    type: Literal["done"] = "done"


@dataclass(frozen=True)
class Failure:
    """The work can't be done."""

    error: str
    """Name of the class in hindcast.errors."""
    detail: str
    errors: tuple[FieldError, ...] = ()
    type: Literal["failure"] = "failure"

    @classmethod
    def of(cls, error: HindcastError) -> "Failure":
        """To be sent over."""
        return cls(type(error).__name__, error.detail, error.errors)

    @property
    def as_error(self) -> HindcastError:
        """What was raised in the child."""
        kind: type[HindcastError] = getattr(errors, self.error, HindcastError)
        return kind(self.detail, errors=self.errors)


@dataclass(frozen=True)
class Halt:
    """The work has stopped, as was asked."""

    type: Literal["halt"] = "halt"


Outcome = Done | Failure | Halt
"""How a child says that its work has ended."""
Message = Report | Log | Checkpoint | Outcome

ASSIGNMENT: TypeAdapter[Assignment] = TypeAdapter(Assignment)
MESSAGE: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])
