"""Experiments as rows, a document each."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from hindcast.adapters.pages import Place, cut, place_of
from hindcast.adapters.tables import experiments
from hindcast.errors import NameTaken, NotFound
from hindcast.registry import Page


class PostgresExperiments:
    """See hindcast.jobs.ports.Experiments."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, id: str, name: str | None, document: Mapping[str, Any]) -> None:
        """See hindcast.jobs.ports.Experiments."""
        row = insert(experiments).values(id=id, name=name, document=dict(document))
        if self._connection.scalar(row.on_conflict_do_nothing().returning(experiments.c.id)) is None:
            first = self._connection.scalar(select(experiments.c.id).where(experiments.c.name == name))
            raise NameTaken(f"The name {name!r} belongs to experiment {first}.")

    def get(self, reference: str) -> Mapping[str, Any]:
        """See hindcast.jobs.ports.Experiments."""
        named = select(experiments).where(or_(experiments.c.id == reference, experiments.c.name == reference))
        row = self._connection.execute(named.order_by((experiments.c.id == reference).desc())).first()
        if row is None:
            raise NotFound(f"There is no experiment {reference!r}.")
        return _document(row)

    def list(
        self, page: Page, *, name: str | None = None, keep: Callable[[Mapping[str, Any]], bool] | None = None
    ) -> tuple[Sequence[Mapping[str, Any]], str | None]:
        """See hindcast.jobs.ports.Experiments."""
        # One more than fits tells whether there is another page.
        wanted = page.limit + 1
        kept: list[Mapping[str, Any]] = []
        after = place_of(page)
        while True:
            documents = self._newest(after, name, wanted)
            kept += documents if keep is None else filter(keep, documents)
            if len(kept) >= wanted or len(documents) < wanted:
                return cut(kept[:wanted], page, _place)
            after = _place(documents[-1])

    def _newest(self, after: Place | None, name: str | None, limit: int) -> Sequence[Mapping[str, Any]]:
        newest = select(experiments).order_by(experiments.c.created_at.desc(), experiments.c.id.desc())
        if name is not None:
            newest = newest.where(experiments.c.name == name)
        if after is not None:
            newest = newest.where(tuple_(experiments.c.created_at, experiments.c.id) < tuple_(*after))
        return [_document(row) for row in self._connection.execute(newest.limit(limit))]

    def update(self, id: str, document: Mapping[str, Any]) -> None:
        """See hindcast.jobs.ports.Experiments."""
        changed = update(experiments).where(experiments.c.id == id).values(document=dict(document))
        if self._connection.execute(changed).rowcount == 0:
            raise NotFound(f"There is no experiment {id!r}.")

    def delete(self, id: str) -> None:
        """See hindcast.jobs.ports.Experiments."""
        if self._connection.execute(delete(experiments).where(experiments.c.id == id)).rowcount == 0:
            raise NotFound(f"There is no experiment {id!r}.")


def _place(document: Mapping[str, Any]) -> Place:
    return document["created_at"], document["id"]


def _document(row: Row[Any]) -> Mapping[str, Any]:
    return {**row.document, "id": row.id, "name": row.name, "created_at": row.created_at}
