"""From what a specification refers to, to ids and to the jobs that have to come first."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from hindcast.errors import FieldError, InvalidInput, NotFound
from hindcast.jobs.job import Job, JobStatus
from hindcast.jobs.ports import Transaction
from hindcast.registry import ID_PREFIXES, NOUNS, Resource, ResourceType


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
    wanted = " or ".join(NOUNS[type] for type in reference.types)
    candidates = _named(transaction, reference)
    fitting = [resource for resource in candidates if resource.type in reference.types]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        ids = ", ".join(resource.id for resource in fitting)
        raise InvalidInput.field(reference.field, f"{reference.value!r} is the name of {ids}: give one of these ids")
    if candidates:
        raise InvalidInput.field(
            reference.field, f"{reference.value!r} is a {NOUNS[candidates[0].type]}, not a {wanted}"
        )
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
            raise InvalidInput.field(path, _why_not_ready(resource, maker))
    return tuple(sorted(jobs))


def why_not_ready(transaction: Transaction, resource: Resource) -> str:
    """A sentence for whoever wants to read a resource that isn't there to be read."""
    maker = None
    with suppress(NotFound):
        maker = transaction.jobs.get(resource.job_id or "")
    reason = _why_not_ready(resource, maker).rstrip(".")
    return f"{reason[0].upper()}{reason[1:]}."


def _why_not_ready(resource: Resource, maker: Job | None) -> str:
    what = f"the {NOUNS[resource.type]} {resource.name or resource.id}"
    if maker is None:
        return f"{what} was never made: job {resource.job_id} is gone"
    if maker.status is JobStatus.FAILED:
        return f"{what} failed (job {maker.id}): {(maker.error or {}).get('detail')}"
    if maker.status is JobStatus.CANCELLED:
        return f"{what} was not made: job {maker.id} was cancelled"
    return f"{what} is not ready: job {maker.id} is to make it"


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
