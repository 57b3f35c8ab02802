"""What is stored of an experiment: what was asked, and which jobs answer it. All else is derived from the jobs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

MARK = "@"
"""What begins the name of a preparation, where it is referred to."""


@dataclass(frozen=True)
class PreparedJob:
    """What a preparation became."""

    name: str
    job: str
    """Its id."""


@dataclass(frozen=True)
class RowJobs:
    """The jobs of one row, by id."""

    label: str
    learns_input: bool
    """Whether its language models learn their input, with no table."""
    pretrain: str | None
    """The job that makes the table, the row's own or a prepared one."""
    table: str | None
    """A table that was there already, by id."""
    language_models: Sequence[str]
    """One for each seed, in their order."""
    probes: Sequence[str]
    """One for each seed; none where the experiment has no probes."""
    intervals: str | None = None
    """The job that takes the interval of its own perplexity; none without held-out text, and in experiments from before
    there were any. In those that came next it is the comparison, which took both."""
    comparison: str | None = None
    """The job that compares it with the baseline; none where there is nothing to compare."""
    paper_perplexity: float | None = None
    """What the row is to be shown beside."""
    pretraining: Mapping[str, Any] | None = None
    """What its table was made of, as JSON: told as it was when the experiment was posted, whatever is deleted since.
    None where there is no table, and in older experiments."""

    @property
    def own_jobs(self) -> list[str]:
        """Those whose end is the row's, in the order in which they need each other. What takes intervals is not
        among them: its failure leaves the row's figures as they are, and a comparison needs the baseline, too."""
        return [*filter(None, [self.pretrain]), *self.language_models, *self.probes]

    @property
    def jobs(self) -> list[str]:
        """All, in the order in which they need each other."""
        return [*self.own_jobs, *self.statistics]

    @property
    def statistics(self) -> list[str]:
        """Those that say how sure its figures are."""
        return list(dict.fromkeys(filter(None, [self.intervals, self.comparison])))


@dataclass(frozen=True)
class Experiment:
    """One experiment."""

    id: str
    name: str | None
    created_at: datetime
    request: Mapping[str, Any]
    """What was posted, as JSON."""
    rows: Sequence[RowJobs] = ()
    made: frozenset[str] = frozenset()
    """Those of its jobs that did not exist before it."""
    cancelled: bool = False
    prepared: Sequence[PreparedJob] = ()

    @property
    def called(self) -> str:
        """What requests can call it, in sentences."""
        return self.name or self.id

    @property
    def baseline(self) -> RowJobs | None:
        """The row that others are compared with: the one that was asked for, or the first that begins from nothing."""
        asked = self.request.get("baseline")
        return next((row for row in self.rows if (row.label == asked if asked else row.learns_input)), None)

    @property
    def jobs(self) -> list[str]:
        """Ids of all its jobs, each once, in the order in which they need each other."""
        prepared = [each.job for each in self.prepared]
        own = (id for row in self.rows for id in row.own_jobs)
        statistics = (id for row in self.rows for id in row.statistics)
        return list(dict.fromkeys([*prepared, *own, *statistics]))

    def document(self) -> Mapping[str, Any]:
        """As JSON, to be stored beside id, name and time."""
        return {
            "request": self.request,
            "prepared": [asdict(each) for each in self.prepared],
            "rows": [asdict(row) for row in self.rows],
            "made": sorted(self.made),
            "cancelled": self.cancelled,
        }

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """What `hindcast.jobs.ports.Experiments` gives."""
        return cls(
            id=stored["id"],
            name=stored["name"],
            created_at=stored["created_at"],
            request=stored["request"],
            prepared=[PreparedJob(**each) for each in stored.get("prepared", [])],
            rows=[RowJobs(**{"intervals": row.get("comparison"), **row}) for row in stored["rows"]],
            made=frozenset(stored["made"]),
            cancelled=stored["cancelled"],
        )
