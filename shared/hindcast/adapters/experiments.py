"""Experiments as rows, a document each."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from hindcast.adapters.pages import cut, place_of
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

    def list(self, page: Page, *, name: str | None = None) -> tuple[Sequence[Mapping[str, Any]], str | None]:
        """See hindcast.jobs.ports.Experiments."""
        newest = select(experiments).order_by(experiments.c.created_at.desc(), experiments.c.id.desc())
        if name is not None:
            newest = newest.where(experiments.c.name == name)
        if place := place_of(page):
            newest = newest.where(tuple_(experiments.c.created_at, experiments.c.id) < tuple_(*place))
        rows = self._connection.execute(newest.limit(page.limit + 1)).all()
        rows, cursor = cut(rows, page, lambda row: (row.created_at, row.id))
        return [_document(row) for row in rows], cursor

    def update(self, id: str, document: Mapping[str, Any]) -> None:
        """See hindcast.jobs.ports.Experiments."""
        changed = update(experiments).where(experiments.c.id == id).values(document=dict(document))
        if self._connection.execute(changed).rowcount == 0:
            raise NotFound(f"There is no experiment {id!r}.")

    def delete(self, id: str) -> None:
        """See hindcast.jobs.ports.Experiments."""
        if self._connection.execute(delete(experiments).where(experiments.c.id == id)).rowcount == 0:
            raise NotFound(f"There is no experiment {id!r}.")


def _document(row: Row[Any]) -> Mapping[str, Any]:
    return {**row.document, "id": row.id, "name": row.name, "created_at": row.created_at}
