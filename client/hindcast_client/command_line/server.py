"""`hindcast up` and `hindcast status`: a server on this machine, and how one is."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from hindcast_client.answers import JointHealth
from hindcast_client.command_line.connection import Connection, asking
from hindcast_client.command_line.failures import FAILED, failures_told, tell
from hindcast_client.command_line.listing import Column, print_table
from hindcast_client.request import get

SERVER = "hindcast_standalone"
HOW = """The server isn't installed beside this client. From a checkout of Hindcast,
  make up                  sets everything up, once, and starts it
  docker compose up        does so in containers
or install it into this environment: pip install ./shared ./services/*"""


def up(
    port: Annotated[int | None, typer.Option(envvar="HINDCAST_PORT", help="Default: 8000.", min=1, max=65535)] = None,
    home: Annotated[
        Path | None, typer.Option(envvar="HINDCAST_HOME", help="Where everything is kept. Default: ~/.hindcast.")
    ] = None,
) -> None:
    """Start a server on this machine: PostgreSQL, Redis, the services and a worker. Ctrl-C stops it.

    Examples:

    hindcast up

    hindcast up --port 8080 --home /data/hindcast
    """
    with failures_told():
        if find_spec(SERVER) is None:
            tell(HOW)
            raise typer.Exit(FAILED)
        settings = {"HINDCAST_PORT": port, "HINDCAST_HOME": home}
        given = {name: str(value) for name, value in settings.items() if value is not None}
        # In this process's place, so that signals reach it.
        os.execve(sys.executable, [sys.executable, "-m", SERVER, "up"], {**os.environ, **given})


@asking
def status(to: Connection) -> None:
    """Tell how a server and its services are. Ends with 1 while one can't answer.

    Examples:

    hindcast status

    until hindcast status > /dev/null 2>&1; do sleep 1; done
    """
    to.tell(get("/readyz"), JointHealth, _services)


def _services(health: JointHealth) -> None:
    print_table((Column("SERVICE"), Column("STATUS")), [*health.services.items()])
