"""From what a specification refers to, to ids and to the jobs that have to come first."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from hindcast.errors import FieldError, InvalidInput, NotFound
from hindcast.jobs.job import JobStatus
from hindcast.jobs.ports import Transaction
from hindcast.registry import ID_PREFIXES, Resource, ResourceType


class Reference(Protocol):
    """One place in a specification that names a resource."""

    @property
    def field(self) -> str:
        """Dotted path in the specification: `input.table`, `train.corpora.0`."""

    @property
    def types(self) -> tuple[ResourceType, ...]:
        """What it may be."""

    @property
    def value(self) -> str:
        """The id or the name that stands there, or the id of the job that makes it."""


def resolve(transaction: Transaction, references: Sequence[Reference]) -> dict[str, Resource]:
    """The resource that stands at each field; InvalidInput with every field that is wrong."""
    found: dict[str, Resource] = {}
    wrong: list[FieldError] = []
    for reference in references:
        try:
            found[reference.field] = _referred(transaction, reference)
        except InvalidInput as error:
            wrong.extend(error.errors)
    if wrong:
        raise InvalidInput.fields(wrong)
    return found


def _referred(transaction: Transaction, reference: Reference) -> Resource:
    wanted = " or ".join(reference.types)
    candidates = _named(transaction, reference)
    fitting = [resource for resource in candidates if resource.type in reference.types]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        ids = ", ".join(resource.id for resource in fitting)
        raise InvalidInput.field(reference.field, f"{reference.value!r} is the name of {ids}: give one of these ids")
    if candidates:
        raise InvalidInput.field(reference.field, f"{reference.value!r} is a {candidates[0].type}, not a {wanted}")
    raise InvalidInput.field(reference.field, f"there is no {wanted} {reference.value!r}")


def _named(transaction: Transaction, reference: Reference) -> Sequence[Resource]:
    """All that the value can mean: the thing of that id, what the job of that id makes, else things of that name."""
    with suppress(NotFound):
        return [transaction.resources.get(reference.value)]
    if reference.value.startswith(ID_PREFIXES["job"]):
        with suppress(NotFound):
            return [transaction.resources.get(transaction.jobs.get(reference.value).result_id or "")]
    named = []
    for type in reference.types:
        with suppress(NotFound):
            named.append(transaction.resources.get(reference.value, type))
    return named


def jobs_that_make(transaction: Transaction, resources: Mapping[str, Resource]) -> tuple[str, ...]:
    """The jobs that must succeed before all of these resources are ready; held, so that none fails meanwhile."""
    pending = {path: resource for path, resource in resources.items() if not resource.ready}
    makers = {resource.job_id for resource in pending.values() if resource.job_id is not None}
    jobs = {job.id: job for job in transaction.jobs.hold(makers)}
    for path, resource in pending.items():
        maker = jobs.get(resource.job_id or "")
        if maker is None or maker.status in (JobStatus.FAILED, JobStatus.CANCELLED):
            how = f"{maker.id}, which was to make it, is {maker.status}" if maker else "what was to make it is gone"
            raise InvalidInput.field(path, f"{resource.id} is not there: {how}")
    return tuple(sorted(jobs))


def with_ids(spec: Mapping[str, Any], ids: Mapping[str, str]) -> dict[str, Any]:
    """A copy of the specification with ids at these dotted paths."""
    document: dict[str, Any] = json.loads(json.dumps(spec))
    for path, id in ids.items():
        place: Any = document
        *parents, last = [int(key) if key.isdecimal() else key for key in path.split(".")]
        for key in parents:
            place = place[key]
        place[last] = id
    return document
