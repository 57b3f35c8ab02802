"""The embedder's composition root."""

from importlib.metadata import version

from fastapi import FastAPI
from threadpoolctl import threadpool_limits

from hindcast.adapters.artifacts import FileArtifacts
from hindcast.adapters.database import PostgresDatabase
from hindcast.settings import Settings
from hindcast.web.app import check_binding, make_app, serve
from hindcast.web.resumable import Uploads
from hindcast_embedder.api import router
from hindcast_embedder.tables import Tables


def build(settings: Settings) -> FastAPI:
    """The embedder over the database and the artifacts that `settings` name."""
    threadpool_limits(limits=settings.serving_threads, user_api="blas")
    database = PostgresDatabase(settings.database_url)
    tables = Tables(
        database,
        FileArtifacts(settings.artifacts, settings.cache_folder),
        scratch=settings.cache_folder / "imports",
        memory_bytes=settings.embedder_memory_bytes,
    )
    return make_app(
        title="Hindcast embedder",
        version=version("hindcast-lm-embedder"),
        routers=[router(tables)],
        uploads=[Uploads.to("/v1/tables", folder=settings.uploads_folder, seconds=settings.upload_seconds)],
        readiness=database.ping,
    )


def create_app() -> FastAPI:
    """For `uvicorn --factory hindcast_embedder.main:create_app`."""
    settings = Settings()
    check_binding(settings.host, trusted_network=settings.trusted_network)
    return build(settings)


def main() -> None:
    """Serve where the settings say."""
    settings = Settings()
    serve(build(settings), host=settings.host, port=settings.port, trusted_network=settings.trusted_network)


if __name__ == "__main__":
    main()
