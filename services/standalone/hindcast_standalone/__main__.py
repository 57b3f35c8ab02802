"""`python -m hindcast_standalone …`: what the Makefile's commands run."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console

from hindcast.errors import HindcastError
from hindcast.settings import Settings
from hindcast_standalone.up import migrate_only, up


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    asked = _parser().parse_args(arguments)
    complaints = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        asked.run(asked, Settings())
    except ValidationError as error:
        for found in error.errors():
            name = "HINDCAST_" + "_".join(str(part) for part in found["loc"]).upper()
            complaints.print(f"{name}={found['input']}: {found['msg']}.", markup=False)
        return 1
    except HindcastError as error:
        complaints.print(error.detail, markup=False)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m hindcast_standalone", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    start = commands.add_parser("up", help="start everything, until Ctrl-C")
    start.set_defaults(run=lambda _, settings: up(settings, Console()))
    schema = commands.add_parser("migrate", help="bring the database to this version's schema")
    schema.set_defaults(run=lambda _, settings: migrate_only(settings, Console()))
    demo = commands.add_parser("demo", help="the paper's question, answered on real text")
    demo.add_argument("--text", type=Path, help="your text: a paragraph a line, a blank line ends a document")
    demo.set_defaults(run=_demo)
    hurricane = commands.add_parser("hurricane", help="the paper's own passage, by models of WikiText-2")
    hurricane.add_argument("--wikitext2", type=Path, required=True, help="a folder with {train,valid,test}.txt.xz")
    hurricane.add_argument("--epochs", type=int, default=2)
    hurricane.set_defaults(run=_hurricane)
    document = commands.add_parser("openapi", help="print the OpenAPI document")
    document.set_defaults(run=_openapi)
    serve = commands.add_parser("serve", help="the process with the three services, which `up` starts")
    serve.add_argument("listening", type=int, help="file descriptor of the socket that it serves on")
    serve.set_defaults(run=_serve)
    return parser


def _serve(asked: argparse.Namespace, settings: Settings) -> None:
    from hindcast_standalone.serve import serve  # torch and all services: nothing for the supervisor's memory

    serve(settings, listening=asked.listening)


def _openapi(_: argparse.Namespace, settings: Settings) -> None:
    from hindcast_standalone.serve import build

    # No server is asked: any that could be is good enough.
    anywhere = settings.model_copy(update={"database_url": "postgresql://", "broker_url": "redis://"})
    print(json.dumps(build(anywhere).openapi(), indent=1, ensure_ascii=False))


def _demo(asked: argparse.Namespace, settings: Settings) -> None:
    from hindcast_standalone.demonstrations import demo

    demo.run(settings, text=asked.text, console=Console())


def _hurricane(asked: argparse.Namespace, settings: Settings) -> None:
    from hindcast_standalone.demonstrations import hurricane

    hurricane.run(settings, wikitext2=asked.wikitext2, epochs=asked.epochs, console=Console())


if __name__ == "__main__":
    sys.exit(main())
