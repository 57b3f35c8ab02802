"""What a job's specification refers to, and how the names in it become ids."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar

from pydantic import BaseModel

from hindcast.jobs import references
from hindcast.registry import ResourceType
from hindcast_trainer.work import Produced, Work


@dataclass(frozen=True)
class Reference:
    """One place in a specification that names a resource."""

    field: str
    """Dotted path in the specification as JSON: `input.table`, `train.corpora.0`."""
    types: tuple[ResourceType, ...]
    """What it may be."""
    value: str
    """The id or name that stands there, or the id of the job that makes it."""


class Spec(Protocol):
    """What every kind of job's specification offers. They are frozen pydantic models that forbid unknown fields."""

    result_type: ClassVar[ResourceType | None]
    """What the job makes."""

    @property
    def kind(self) -> str:
        """Which kind it is."""
        ...

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """Its fields, by name."""
        ...

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        """Itself, as JSON in `mode="json"`: what a job stores."""
        ...

    def references(self) -> Sequence[Reference]:
        """Every resource that it refers to."""
        ...

    def run(self, work: Work) -> Produced:
        """Do the job, inside a child process."""
        ...


Model = TypeVar("Model", bound=BaseModel)


def with_ids(spec: Model, ids: Mapping[str, str]) -> Model:
    """The specification with the values at the dotted paths in `ids` replaced, validated again."""
    return type(spec).model_validate(references.with_ids(spec.model_dump(mode="json"), ids))


def as_written(field: str, document: Any) -> str:
    """The part of a dotted path that its sender knows: a specification says more of a reference than was written, as
    `train.corpora.0` for `"train": "news"`."""
    path: list[str] = []
    node = document
    for key in field.split("."):
        if isinstance(node, Mapping):
            key = "corpus" if key == "corpora" and "corpus" in node else key
            node = node.get(key)
        elif isinstance(node, list | tuple) and key.isdecimal() and int(key) < len(node):
            node = node[int(key)]
        else:
            break
        path.append(key)
    return ".".join(path)
