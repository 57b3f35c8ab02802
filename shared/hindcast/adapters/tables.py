"""The schema, as SQLAlchemy tables. A change here goes with a revision in `migrations/` and a new SCHEMA_REVISION."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

SCHEMA_REVISION = "0002"
"""The migration that this code needs: the newest in `migrations/versions`."""

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def _moment(name: str, *, required: bool = False) -> Column[Any]:
    return Column(
        name,
        DateTime(timezone=True),
        nullable=not required,
        server_default=func.clock_timestamp() if required else None,
    )


jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, unique=True),
    Column("status", Text, nullable=False),
    Column("spec", JSONB, nullable=False),
    Column("digest", Text, nullable=False),
    Column("uploads", JSONB, nullable=False, server_default=text("'[]'")),
    Column("result_type", Text),
    Column("result_id", Text),
    _moment("created_at", required=True),
    Column("attempt", Integer, nullable=False, server_default=text("0")),
    Column("crashes", Integer, nullable=False, server_default=text("0")),
    Column("progress", JSONB(none_as_null=True)),
    Column("metrics", JSONB, nullable=False, server_default=text("'{}'")),
    Column("error", JSONB(none_as_null=True)),
    Column("checkpoint", Text),
    Column("cancel_requested", Boolean, nullable=False, server_default=text("false")),
    _moment("started_at"),
    _moment("finished_at"),
    _moment("lease_until"),
    Column("label", Text),
    # The sequence of the newest event: taking the next one locks the row, so that events commit in their order.
    Column("last_event", Integer, nullable=False, server_default=text("0")),
)
Index("ix_jobs_created_at_id", jobs.c.created_at, jobs.c.id)
Index("ix_jobs_digest", jobs.c.digest)
Index(
    "ix_jobs_unfinished",
    jobs.c.created_at,
    postgresql_where=text("status IN ('queued', 'running')"),
)

job_needs = Table(
    "job_needs",
    metadata,
    Column("job_id", Text, ForeignKey(jobs.c.id, ondelete="CASCADE"), primary_key=True),
    Column("needed_id", Text, ForeignKey(jobs.c.id, ondelete="CASCADE"), primary_key=True, index=True),
)

# No foreign key: a job that has ended remembers what it used when that is gone.
job_uses = Table(
    "job_uses",
    metadata,
    Column("job_id", Text, ForeignKey(jobs.c.id, ondelete="CASCADE"), primary_key=True),
    Column("resource_id", Text, primary_key=True, index=True),
)

job_events = Table(
    "job_events",
    metadata,
    Column("job_id", Text, ForeignKey(jobs.c.id, ondelete="CASCADE"), primary_key=True),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("type", Text, nullable=False),
    Column("data", JSONB, nullable=False),
    _moment("created_at", required=True),
)

outbox = Table(
    "outbox",
    metadata,
    Column("job_id", Text, ForeignKey(jobs.c.id, ondelete="CASCADE"), primary_key=True),
    _moment("created_at", required=True),
)

resources = Table(
    "resources",
    metadata,
    Column("id", Text, primary_key=True),
    Column("type", Text, nullable=False),
    Column("name", Text),
    Column("artifact", Text),
    Column("facts", JSONB, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("job_id", Text),
    _moment("created_at", required=True),
    Column("uses", JSONB, nullable=False, server_default=text("'[]'")),
    Column("label", Text),
    UniqueConstraint("type", "name"),
)
Index("ix_resources_type_created_at_id", resources.c.type, resources.c.created_at, resources.c.id)

experiments = Table(
    "experiments",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, unique=True),
    Column("document", JSONB, nullable=False),
    _moment("created_at", required=True),
)
Index("ix_experiments_created_at_id", experiments.c.created_at, experiments.c.id)

discarded_artifacts = Table(
    "discarded_artifacts",
    metadata,
    Column("key", Text, primary_key=True),
    _moment("created_at", required=True),
)
