"""The process that answers: all three services behind one socket."""

import importlib.metadata
import socket

import hindcast_embedder.main
import hindcast_scorer.main
import hindcast_trainer.main
import uvicorn

from hindcast.settings import Settings
from hindcast_standalone.origin import Origin

GRACE_SECONDS = 3
"""Event streams stay open for ever: after so long they are cut off when the process ends."""


def serve(settings: Settings, *, listening: int) -> None:
    """Serve on the socket with the file descriptor `listening` until SIGINT or SIGTERM."""
    services = {
        "trainer": hindcast_trainer.main.build(settings),
        "embedder": hindcast_embedder.main.build(settings),
        "scorer": hindcast_scorer.main.build(settings),
    }
    origin = Origin(services, version=version())
    server = uvicorn.Server(uvicorn.Config(origin, timeout_graceful_shutdown=GRACE_SECONDS, lifespan="on"))
    server.run(sockets=[socket.socket(fileno=listening)])


def version() -> str:
    """Of this Hindcast."""
    return importlib.metadata.version("hindcast-lm-standalone")
