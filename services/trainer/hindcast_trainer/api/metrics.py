"""`/v1/jobs/{job}/metrics`: all that a job told of its metrics, as curves to draw."""

from typing import Annotated

from fastapi import APIRouter, Query

from hindcast.jobs.curves import FEWEST_POINTS, Curve
from hindcast.jobs.ports import Database
from hindcast.web.schemas import Schema, Timestamp

MOST_POINTS = 5000


class SeriesAnswer(Schema):
    """One metric of a job, in the order in which it was told. Where an attempt died, the next goes on from a
    checkpoint: what came after that is told twice."""

    name: str
    unit: str
    """What is counted on the x-axis: "tokens"; empty where no point says it."""
    points: list[tuple[float | None, float]]
    """`[done, value]`: how far the job was, in `unit`s, and the metric. `done` is null for figures of the whole job,
    told at its end."""
    times: list[Timestamp]
    """When each of the points was told: another x-axis."""
    total: int
    """Values that were told, of which `points` are some."""

    @classmethod
    def of(cls, curve: Curve) -> "SeriesAnswer":
        """The curve, as it is told."""
        return cls(
            name=curve.name,
            unit=next((moment.unit for moment in reversed(curve.moments) if moment.unit), ""),
            points=[(moment.done, value) for moment, value in zip(curve.moments, curve.values, strict=True)],
            times=[moment.at for moment in curve.moments],
            total=curve.total,
        )


class MetricsAnswer(Schema):
    """What a job told of its metrics."""

    series: list[SeriesAnswer]
    """By name."""


def router(database: Database) -> APIRouter:
    """The endpoint."""
    router = APIRouter(tags=["jobs"])

    @router.get("/v1/jobs/{job}/metrics")
    def job_metrics(
        job: str,
        points: Annotated[
            int, Query(ge=FEWEST_POINTS, le=MOST_POINTS, description="At most so many of each metric.")
        ] = 500,
    ) -> MetricsAnswer:
        """The history of each metric that the job told, for curves. Where that is longer than `points`, the first, the
        last and the lowest and highest values of equal stretches stand for it, so that no outlier is lost."""
        with database.transaction() as transaction:
            curves = transaction.jobs.curves(transaction.jobs.get(job).id, points=points)
        return MetricsAnswer(series=[SeriesAnswer.of(curve) for curve in curves])

    return router
