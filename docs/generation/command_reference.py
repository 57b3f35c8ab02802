"""The page of the command line, made by typer of its commands and their options."""

import re
from typing import Any

import typer
from typer.cli import get_docs_for_click
from typer.main import get_command

from hindcast_client.command_line.app import app


def command_page() -> str:
    """What `hindcast --help` and the help of each command say."""
    command = get_command(app)
    _tell_in_full(command)
    called = typer.Context(command, info_name="hindcast")
    text = get_docs_for_click(obj=command, ctx=called, name="hindcast", title="The command line")
    return _readable(re.sub(r"\n{3,}", "\n\n", text))


def _tell_in_full(command: Any) -> None:
    """Lists of commands have the first paragraph of each, not its first words."""
    command.short_help = " ".join((command.help or "").partition("\n\n")[0].split())
    for part in getattr(command, "commands", {}).values():
        _tell_in_full(part)


def _readable(text: str) -> str:
    """Angle brackets outside of code are themselves; lines of examples are code."""
    text = re.sub(
        r"^(?:zcat .+ \| |echo .+ \| |until )?hindcast .+$", lambda line: f"    {line[0]}", text, flags=re.MULTILINE
    )
    parts = re.split(r"(```.*?```|`[^`\n]*`|^    .*$)", text, flags=re.DOTALL | re.MULTILINE)
    return "".join(part if part.startswith(("`", "    ")) else part.replace("<", "&lt;") for part in parts)
