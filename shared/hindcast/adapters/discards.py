"""Artifacts to remove, as rows."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.postgresql import insert

from hindcast.adapters.tables import discarded_artifacts as discarded


class PostgresDiscards:
    """See hindcast.jobs.ports.Discards."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, *keys: str) -> None:
        """See hindcast.jobs.ports.Discards."""
        if keys:
            rows = [{"key": key} for key in keys]
            self._connection.execute(insert(discarded).values(rows).on_conflict_do_nothing())

    def list(self, limit: int = 100) -> Sequence[str]:
        """See hindcast.jobs.ports.Discards."""
        oldest = select(discarded.c.key).order_by(discarded.c.created_at, discarded.c.key).limit(limit)
        return self._connection.scalars(oldest).all()

    def removed(self, keys: Sequence[str]) -> None:
        """See hindcast.jobs.ports.Discards."""
        self._connection.execute(delete(discarded).where(discarded.c.key.in_(keys)))
