"""`python -m hindcast_standalone …`: what the Makefile's commands run."""

import argparse
import dataclasses
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from rich.console import Console

from hindcast.errors import HindcastError
from hindcast.settings import Settings
from hindcast_standalone.signals import end_on_signals
from hindcast_standalone.up import migrate_only, up


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    asked = _parser().parse_args(arguments)
    complaints = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        end_on_signals()
        asked.run(asked, Settings())
    except KeyboardInterrupt:
        complaints.print("Stopped. The same command goes on where it was.")
        return 130
    except ValidationError as error:
        for found in error.errors():
            name = "HINDCAST_" + "_".join(str(part) for part in found["loc"]).upper()
            written = "" if name.endswith("_URL") else f"={found['input']}"  # a URL can hold a password
            complaints.print(f"{name}{written}: {found['msg'].removeprefix('Value error, ')}.", markup=False)
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
    text = commands.add_parser("text", help="write the demo's text, English Wikipedia, as JSON lines")
    text.add_argument("output", type=Path, help="the file to write: gzip")
    text.set_defaults(run=_text)
    hurricane = commands.add_parser("hurricane", help="the paper's own passage, by models of WikiText-2")
    hurricane.add_argument("--wikitext2", type=Path, required=True, help="a folder with {train,valid,test}.txt.xz")
    hurricane.add_argument("--epochs", type=_epochs, default=2)
    hurricane.set_defaults(run=_hurricane)
    _add_table1(commands.add_parser("table1", help="the paper's Table 1 on open text"))
    _add_asr_demo(commands.add_parser("asr-demo", help="a real recogniser's lists and lattices, rescored"))
    _add_switchboard(commands.add_parser("switchboard", help="Switchboard's n-best lists, rescored by many models"))
    document = commands.add_parser("openapi", help="print the OpenAPI document")
    document.set_defaults(run=_openapi)
    serve = commands.add_parser("serve", help="the process with the three services, which `up` starts")
    serve.add_argument("listening", type=int, help="file descriptor of the socket that it serves on")
    serve.set_defaults(run=_serve)
    return parser


def _add_table1(table: argparse.ArgumentParser) -> None:
    table.add_argument("--data", type=Path, required=True, help="a folder with a folder of documents for each corpus")
    table.add_argument("--output", type=Path, help="where to write the table; default: results under HINDCAST_HOME")
    table.add_argument("--scale", type=float, default=0.1, help="of the paper's size")
    table.add_argument("--lm-words", type=int, help="that the language models learn; default: by --scale")
    table.add_argument("--seeds", type=int, default=3, choices=range(1, 21), metavar="N", help="one of every row first")
    table.add_argument("--rows", nargs="+", default=(), metavar="ROW", help="keys of the preset's rows; default: all")
    table.add_argument(
        "--baseline", default="baseline", metavar="ROW", help="key of the row that the others are compared with"
    )
    table.add_argument("--epochs", type=_epochs, help="at most, of every network: for a quick look")
    table.add_argument("--lm", default="{}", metavar="JSON", help="fields of every language model, such as dropout")
    table.add_argument(
        "--settled", default="{}", metavar="JSON", help="what an earlier search found: inputs by row, pretrain by kind"
    )
    table.add_argument("--untuned", action="store_true", help="take the preset's inputs and domains in every row")
    table.add_argument("--curve", action="store_true", help="instead: word2vec's gain at 0.1, 0.3 and 1 million words")
    table.set_defaults(run=_table1)


def _add_asr_demo(asr: argparse.ArgumentParser) -> None:
    asr.add_argument("--data", type=Path, required=True, help="a folder with asr/audio.tsv, and novels to learn")
    asr.add_argument("--output", type=Path, help="for lattices and results; default: asr-demo under HINDCAST_HOME")
    asr.add_argument("--model", help="id or name of a model that is there, instead of training one")
    asr.add_argument("--vocabulary", type=int, default=10_000, help="words that the model knows")
    asr.add_argument("--epochs", type=_epochs, default=3)
    asr.add_argument("--words", type=int, help="of the novels, that the model learns; default: all")
    asr.set_defaults(run=_asr_demo)


def _add_switchboard(switchboard: argparse.ArgumentParser) -> None:
    switchboard.add_argument("--data", type=Path, required=True, help="a folder with asr/nbest and the corpora")
    switchboard.add_argument("--output", type=Path, help="for results; default: switchboard under HINDCAST_HOME")
    switchboard.add_argument("--seeds", type=int, default=3, choices=range(1, 21), metavar="N", help="of every row")
    switchboard.add_argument("--epochs", type=_epochs, default=30, help="at most, of every language model")
    switchboard.add_argument("--lmplz", type=Path, help="KenLM's program: an n-gram model to compare with")
    switchboard.set_defaults(run=_switchboard)


def _epochs(written: str) -> int:
    if not written.isdecimal() or not int(written):
        raise argparse.ArgumentTypeError(f"must be a whole number of epochs, 1 or more, not {written!r}")
    return int(written)


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


def _text(asked: argparse.Namespace, _: Settings) -> None:
    from hindcast_standalone.demonstrations.texts import as_json_lines, wikipedia

    documents = wikipedia()
    asked.output.write_bytes(as_json_lines(documents))
    print(f"{asked.output}: {len(documents)} articles")


def _hurricane(asked: argparse.Namespace, settings: Settings) -> None:
    from hindcast_standalone.demonstrations import hurricane

    hurricane.run(settings, wikitext2=asked.wikitext2, epochs=asked.epochs, console=Console())


def _table1(asked: argparse.Namespace, settings: Settings) -> None:
    from hindcast_standalone.demonstrations import table1

    fields = _fields(table1.Asked, asked)
    table1.run(settings, table1.Asked(**fields), command=_command(), console=Console())


def _asr_demo(asked: argparse.Namespace, settings: Settings) -> None:
    from hindcast_standalone.demonstrations import asr_demo

    fields = _fields(asr_demo.Asked, asked)
    asr_demo.run(settings, asr_demo.Asked(**fields), command=_command(), console=Console())


def _switchboard(asked: argparse.Namespace, settings: Settings) -> None:
    from hindcast_standalone.demonstrations import switchboard

    switchboard.run(
        settings, switchboard.Asked(**_fields(switchboard.Asked, asked)), command=_command(), console=Console()
    )


def _fields(kind: Any, asked: argparse.Namespace) -> dict[str, Any]:
    """Of a dataclass whose fields are the command's options."""
    return {field.name: getattr(asked, field.name) for field in dataclasses.fields(kind)}


def _command() -> str:
    return "python -m hindcast_standalone " + shlex.join(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
