"""The trainer's composition root. Its worker has its own."""

from importlib.metadata import version

from fastapi import FastAPI

from hindcast.adapters.artifacts import FileArtifacts
from hindcast.adapters.database import PostgresDatabase
from hindcast.adapters.queue import CeleryQueue
from hindcast.settings import Settings
from hindcast.web.app import check_binding, make_app, serve
from hindcast.web.origin import make_origin, peer
from hindcast.web.resumable import Uploads
from hindcast_trainer.api import router


def build(settings: Settings) -> FastAPI:
    """The trainer over the database, the queue and the artifacts that `settings` name."""
    database = PostgresDatabase(settings.database_url)
    queue = CeleryQueue(settings.broker_url)
    artifacts = FileArtifacts(settings.artifacts, settings.cache_folder)
    app = make_app(
        title="Hindcast trainer",
        version=version("hindcast-lm-trainer"),
        routers=[router(database, queue, artifacts)],
        uploads=[Uploads.to("/v1/corpora", folder=settings.uploads_folder, seconds=settings.upload_seconds)],
        readiness=database.ping,
    )
    peers = {"trainer": settings.trainer_url, "embedder": settings.embedder_url, "scorer": settings.scorer_url}
    if len(set(peers.values())) == len(peers):
        # Each service has an address of its own, so a proxy makes them one origin: it finds its joint documents, and
        # the dashboard, here.
        others = [peer(name, url) for name, url in peers.items()]
        app.mount("/origin", make_origin(others, version=app.version, dashboard=settings.dashboard_folder))
    return app


def create_app() -> FastAPI:
    """For `uvicorn --factory hindcast_trainer.main:create_app`."""
    settings = Settings()
    check_binding(settings.host, trusted_network=settings.trusted_network)
    return build(settings)


def main() -> None:
    """Serve where the settings say."""
    settings = Settings()
    serve(build(settings), host=settings.host, port=settings.port, trusted_network=settings.trusted_network)


if __name__ == "__main__":
    main()
