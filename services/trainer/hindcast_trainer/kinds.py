"""THE LIST: every kind of job. Validation, OpenAPI and dispatch follow from it alone.

A new kind is one file with its frozen specification and its algorithm, and one name here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Annotated, Any, Union, cast, get_args

from pydantic import BaseModel, Field, GetCoreSchemaHandler, TypeAdapter, create_model
from pydantic_core import CoreSchema, core_schema

from hindcast.jobs import service
from hindcast.jobs.job import Job
from hindcast.jobs.ports import Transaction
from hindcast.registry import Name
from hindcast_trainer.comparison import ComparisonJob
from hindcast_trainer.domains import DomainsJob
from hindcast_trainer.foresight import check_texts
from hindcast_trainer.ingest import Ingest
from hindcast_trainer.pretraining import Pretraining
from hindcast_trainer.probe import ProbeJob
from hindcast_trainer.references import Spec
from hindcast_trainer.topical_probe import TopicalProbeJob
from hindcast_trainer.train import LanguageModelJob

TableSpec = Annotated[Pretraining, Field(discriminator="kind")]
"""What makes an embedding table."""
JobSpec = Annotated[DomainsJob | Pretraining | LanguageModelJob, Field(discriminator="kind")]
"""What can be posted."""
AnySpec = Annotated[
    DomainsJob | Pretraining | LanguageModelJob | Ingest | ProbeJob | TopicalProbeJob | ComparisonJob,
    Field(discriminator="kind"),
]
"""What a worker can be given: `ingest` comes of an upload, the last three of an experiment."""


def parse(kind: str, spec: Mapping[str, Any]) -> Spec:
    """The specification that a job stores."""
    return cast(Spec, _any_spec().validate_python({**spec, "kind": kind}))


@cache
def _any_spec() -> TypeAdapter[Any]:
    return TypeAdapter(AnySpec)


def submit(
    transaction: Transaction,
    spec: Spec,
    *,
    name: str | None = None,
    result_name: str | None = None,
    label: str | None = None,
    id: str | None = None,
    uploads: Sequence[str] = (),
    reuse_equal: bool = False,
) -> Job:
    """Queue a job of that specification. See hindcast.jobs.service.submit."""
    return service.submit(
        transaction,
        kind=spec.kind,
        spec=spec.model_dump(mode="json"),
        references=spec.references(),
        check=partial(check_texts, spec, made_by=lambda resource: transaction.jobs.get(resource.job_id or "")),
        result_type=spec.result_type,
        name=name,
        result_name=result_name,
        label=label,
        id=id,
        uploads=uploads,
        reuse_equal=reuse_equal,
    )


@dataclass(frozen=True)
class Order:
    """A job as it is posted: `{"kind": …, "name"?: …, …specification}`. Its name is no part of what makes it equal to
    another."""

    spec: Spec
    name: str | None
    written: Mapping[str, Any]
    """The JSON that was sent."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        named: Any = Annotated[Union[tuple(map(_named, _members(JobSpec)))], Field(discriminator="kind")]  # noqa: UP007
        return core_schema.no_info_wrap_validator_function(cls._of, handler.generate_schema(named))

    @classmethod
    def _of(cls, written: Any, validated: core_schema.ValidatorFunctionWrapHandler) -> "Order":
        model = validated(written)
        spec = parse(model.kind, model.model_dump(mode="json", exclude={"name"}))
        return cls(spec=spec, name=model.name, written=written)


@cache  # the docstrings of its fields are read from source
def _named(spec: type[BaseModel]) -> type[BaseModel]:
    """What is posted for it: the same with a name, and the kind said in any case."""
    kind: Any = (spec.model_fields["kind"].annotation, ...)
    description = "Of the job and of what it makes; it can stand for the id of either."
    return create_model(
        f"Named{spec.__name__}",
        __base__=spec,
        __doc__=spec.__doc__,
        kind=kind,
        name=(Name | None, Field(default=None, description=description)),
    )


def _members(union: object) -> tuple[type[BaseModel], ...]:
    return get_args(get_args(union)[0])


def _kinds(union: object) -> tuple[str, ...]:
    return tuple(get_args(member.model_fields["kind"].annotation)[0] for member in _members(union))


POSTABLE = _kinds(JobSpec)
"""Kinds that `POST /v1/jobs` takes."""
KINDS = _kinds(AnySpec)
"""All kinds."""
OBJECTIVES: Mapping[str, str] = dict(
    zip(_kinds(TableSpec), (spec.objective for spec in get_args(Pretraining)), strict=True)
)
"""What the paper's Table 1 calls the objective of each kind of pre-training."""
