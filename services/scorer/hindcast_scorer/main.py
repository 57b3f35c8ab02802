"""The scorer's composition root."""

import os
from importlib.metadata import version

import torch
from fastapi import FastAPI

from hindcast.adapters.artifacts import FileArtifacts
from hindcast.adapters.database import PostgresDatabase
from hindcast.settings import Settings
from hindcast.web.app import check_binding, make_app, serve
from hindcast.web.resumable import Uploads
from hindcast_scorer.api import routers
from hindcast_scorer.models import Models
from hindcast_scorer.ngram_models import NgramModels
from hindcast_scorer.sessions import Sessions
from hindcast_scorer.streaming.stream import Limits
from hindcast_scorer.streams import Streams


def build(settings: Settings) -> FastAPI:
    """The scorer over the database and the artifacts that `settings` name."""
    torch.set_num_threads(settings.serving_threads)
    database = PostgresDatabase(settings.database_url)
    artifacts = FileArtifacts(settings.artifacts, settings.cache_folder)
    models = Models(
        database,
        artifacts,
        scratch=settings.cache_folder / "bundles",
        memory_bytes=settings.scorer_memory_bytes,
    )
    ngrams = NgramModels(
        database,
        artifacts,
        scratch=settings.cache_folder / "ngrams",
        memory_bytes=settings.scorer_ngram_memory_bytes,
    )
    slots = max(1, (os.cpu_count() or 1) // settings.serving_threads)
    return make_app(
        title="Hindcast scorer",
        version=version("hindcast-lm-scorer"),
        routers=routers(
            models,
            ngrams,
            slots=slots,
            sessions=Sessions(most=settings.scorer_sessions, idle_seconds=settings.session_seconds),
            streams=Streams(
                models,
                limits=Limits(states=settings.stream_states, memory_bytes=settings.stream_memory_bytes),
                most=settings.stream_connections,
            ),
        ),
        uploads=[
            Uploads.to("/v1/models", folder=settings.uploads_folder, seconds=settings.upload_seconds),
            Uploads.to("/v1/ngrams", folder=settings.uploads_folder, seconds=settings.upload_seconds, tag="n-grams"),
        ],
        readiness=database.ping,
    )


def create_app() -> FastAPI:
    """For `uvicorn --factory hindcast_scorer.main:create_app`."""
    settings = Settings()
    check_binding(settings.host, trusted_network=settings.trusted_network)
    return build(settings)


def main() -> None:
    """Serve where the settings say."""
    settings = Settings()
    serve(build(settings), host=settings.host, port=settings.port, trusted_network=settings.trusted_network)


if __name__ == "__main__":
    main()
