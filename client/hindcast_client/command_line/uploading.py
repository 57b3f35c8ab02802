"""A file that is uploaded whole."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from hindcast_client.command_line.sources import STANDARD_INPUT
from hindcast_client.uploads import Upload, upload_of

File = Annotated[Path, typer.Argument(metavar="FILE|-", help="What is sent; - is standard input.", show_default=False)]


def upload(file: Path) -> Upload:
    """What is in it. OSError."""
    return upload_of(sys.stdin.buffer if file == STANDARD_INPUT else file)


def named(field: str, file: Path) -> str | None:
    """What a refusal means by its `body`, or by a line of it."""
    name = "standard input" if file == STANDARD_INPUT else str(file)
    if field == "body":
        return name
    return f"{name}: {field}" if field.startswith("line ") else None
