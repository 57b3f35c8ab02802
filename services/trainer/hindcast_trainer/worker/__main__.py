"""The worker's composition root."""

import logging
from collections.abc import Collection

from hindcast.adapters.artifacts import FileArtifacts
from hindcast.adapters.database import PostgresDatabase
from hindcast.adapters.queue import CeleryQueue, celery_app
from hindcast.settings import Settings
from hindcast_trainer.worker.attempt import Circumstances
from hindcast_trainer.worker.bell import listen
from hindcast_trainer.worker.own_folder import own_folder
from hindcast_trainer.worker.worker import Worker

QUICK = ("ingest", "probe", "topical_probe", "comparison", "concatenation")
"""Kinds of jobs that learn nothing. By their names: to import them brings PyTorch along."""


def main(*, kinds: str = "hindcast_trainer.kinds", quick: Collection[str] = QUICK) -> None:
    """Run jobs until a signal ends it. `kinds` names the module that knows the kinds of jobs; those of the `quick` ones
    need no slot."""
    settings = Settings()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Messages come and go; what matters is which jobs they start.
    logging.getLogger("celery").setLevel(logging.WARNING)
    with own_folder(settings.cache_folder / "jobs") as scratch:
        worker = Worker(
            PostgresDatabase(settings.database_url),
            CeleryQueue(settings.broker_url),
            FileArtifacts(settings.artifacts, settings.cache_folder),
            circumstances=Circumstances(
                artifacts_url=settings.artifacts,
                cache=settings.cache_folder,
                scratch=scratch,
                embedder_url=settings.embedder_url,
                threads=settings.job_threads,
                lease_seconds=settings.lease_seconds,
                heartbeat_seconds=settings.heartbeat_seconds,
                checkpoint_seconds=settings.checkpoint_seconds,
                kinds=kinds,
                device=settings.device,
            ),
            slots=settings.worker_slots,
            quick=quick,
            sweep_seconds=settings.sweep_seconds,
        )
        listen(celery_app(settings.broker_url), worker, slots=settings.worker_slots)


if __name__ == "__main__":
    main()
