"""The trainer's HTTP edge."""

from fastapi import APIRouter

from hindcast.jobs.ports import Artifacts, Database, Queue
from hindcast_trainer.api import corpora, domains, events, experiments, jobs, metrics


def router(database: Database, queue: Queue, artifacts: Artifacts) -> APIRouter:
    """/v1/corpora, /v1/domains, /v1/jobs and /v1/experiments."""
    api = APIRouter()
    api.include_router(corpora.router(database, queue, artifacts))
    api.include_router(domains.router(database, artifacts))
    api.include_router(events.router(database))
    api.include_router(metrics.router(database))
    api.include_router(jobs.router(database, queue))
    api.include_router(experiments.router(database, queue))
    return api
