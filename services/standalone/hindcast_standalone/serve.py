"""The process that answers: all three services behind one socket."""

import importlib.metadata
import socket

import uvicorn

import hindcast_embedder.main
import hindcast_scorer.main
import hindcast_trainer.main
from hindcast.settings import Settings
from hindcast.web.app import settle
from hindcast_standalone.origin import Origin

GRACE_SECONDS = 3
"""Event streams stay open for ever: after so long they are cut off when the process ends."""


def build(settings: Settings) -> Origin:
    """All services, as `settings` say; nothing is connected yet."""
    services = {
        "trainer": hindcast_trainer.main.build(settings),
        "embedder": hindcast_embedder.main.build(settings),
        "scorer": hindcast_scorer.main.build(settings),
    }
    version = importlib.metadata.version("hindcast-lm-standalone")
    return Origin(services, version=version, dashboard=settings.dashboard_folder)


def serve(settings: Settings, *, listening: int) -> None:
    """Serve on the socket with the file descriptor `listening` until SIGINT or SIGTERM."""
    config = uvicorn.Config(build(settings), timeout_graceful_shutdown=GRACE_SECONDS, lifespan="on")
    settle()
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=listening)])
