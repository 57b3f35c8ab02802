"""What jobs and uploads leave behind: corpora, domains, tables, models and n-gram models, each one row and one
artifact."""

import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal, Protocol

from pydantic import AfterValidator, Field

ResourceType = Literal["corpus", "domains", "table", "model", "ngram"]
NOUNS: Mapping[ResourceType, str] = {
    "corpus": "corpus",
    "domains": "set of domains",
    "table": "table",
    "model": "model",
    "ngram": "n-gram model",
}
"""What one of them is called in a sentence."""
ResourceStatus = Literal["pending", "ready", "failed"]
"""Pending while the job that makes it is queued or running; failed if that has ended, or is gone, without a result."""

ID_PREFIXES: Mapping[str, str] = {
    "job": "job_",
    "experiment": "exp_",
    "corpus": "cor_",
    "domains": "dom_",
    "table": "tab_",
    "model": "lm_",
    "ngram": "ngr_",
}


def new_id(type: str) -> str:
    """A fresh id of that type of thing: `job_0f3a…`, 16 hexadecimal digits."""
    return ID_PREFIXES[type] + secrets.token_hex(8)


_LIKE_AN_ID = re.compile(rf"(?:{'|'.join(ID_PREFIXES.values())})[0-9a-f]{{16}}")


def _fit_for_a_path(name: str) -> str:
    if name != name.strip() or not name.isprintable() or set(name) & set("/\\?#%:,") or name in (".", ".."):
        raise ValueError("must be printable, without / \\ ? # % : , and without blanks at its ends")
    if _LIKE_AN_ID.fullmatch(name):
        raise ValueError("must not look like an id, which goes before names: a word of your own, such as news")
    return name


Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_fit_for_a_path)]
"""A user's name for a job or what it makes. It stands for an id in paths, and on command lines, where
`novels:train` is a split and `one,other` are two."""


@dataclass(frozen=True)
class Resource:
    """One corpus, set of domains, table, model or n-gram model.

    A job that will make one reserves it when it is submitted: the name is taken from then on and others can
    refer to it, but it has no artifact until the transaction that ends the job.
    """

    id: str
    type: ResourceType
    name: str | None
    artifact: str | None
    """Key of the folder in the artifact store; None until it is ready."""
    facts: Mapping[str, Any]
    """What a reader is told about it, as JSON: counts, specification, metrics, lineage."""
    size_bytes: int
    job_id: str | None
    """The job that makes or made it; None for an upload."""
    created_at: datetime
    """When it was reserved, until it is ready: see Resources.complete."""
    uses: Sequence[str] = field(default=())
    """Ids of the resources that it was made from (lineage)."""
    label: str | None = None
    """What people may call it where it has no name; another may have the same."""

    @property
    def called(self) -> str:
        """In sentences for people."""
        return self.name or self.label or self.id

    @property
    def ready(self) -> bool:
        """Whether it can be read."""
        return self.artifact is not None


@dataclass(frozen=True)
class Page:
    """A page of a list, newest first."""

    limit: int = 20
    cursor: str | None = None


class Resources(Protocol):
    """Resources, inside one transaction."""

    def add(self, resource: Resource) -> None:
        """Insert; NameTaken (naming the first) where the type has that name already."""

    def get(self, reference: str, type: ResourceType | None = None) -> Resource:
        """By id or by name (`type` is needed for a name); NotFound."""

    def those(self, ids: Collection[str]) -> Sequence[Resource]:
        """Those of these resources that there are, oldest first."""

    def list(
        self,
        type: ResourceType,
        page: Page,
        *,
        status: ResourceStatus | None = "ready",
        name: str | None = None,
        facts: Mapping[str, str] | None = None,
    ) -> tuple[Sequence[Resource], str | None]:
        """Newest first, and the cursor of the next page. A `status` of None is any; `facts` are what its own must say
        under these names: what isn't ready has none."""

    def complete(self, id: str, *, artifact: str, facts: Mapping[str, Any], size_bytes: int) -> None:
        """Make a reserved resource visible. It was created now; but a corpus when its text came, since that is listed
        before it is ready."""

    def delete(self, id: str) -> Resource:
        """Remove the row, have its artifact removed (jobs.ports.Discards) and return what it was; InUse while a queued
        or running job refers to it or makes it."""
