"""What the commands for every sort of thing do alike: list them, remove them, fetch them."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import BaseModel

from hindcast_client.answer import Page
from hindcast_client.command_line.connection import Connection, print_json
from hindcast_client.command_line.failures import FAILED, Failure, tell, wrong_usage
from hindcast_client.command_line.listing import Column, print_table, printable, size
from hindcast_client.errors import Refused
from hindcast_client.request import Request, at, get
from hindcast_client.responses import understood

Limit = Annotated[int, typer.Option("--limit", "-n", help="At most so many, the newest first.", min=1, max=1000)]
Cursor = Annotated[
    str | None, typer.Option(metavar="CURSOR", help="Go on after a page: what its JSON has as next_cursor.")
]
Name = Annotated[str | None, typer.Option("--name", help="Only what has this name.")]
Output = Annotated[
    Path,
    typer.Option(
        "--output", "-o", metavar="FILE|-", help="Where it is written; - is standard output.", show_default=False
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask first.")]
FIRST_PAGE = 20

STANDARD_OUTPUT = Path("-")

Item = TypeVar("Item", bound=BaseModel)


def list_page(
    to: Connection,
    collection: str,
    item: type[Item],
    columns: Sequence[Column],
    row: Callable[[Item], Sequence[Any]],
    **query: Any,
) -> None:
    """Prints a page of things as a table."""

    def show(page: Page) -> None:
        with understood(f"/v1/{collection}"):
            items = [item.model_validate(each) for each in page.items]
        print_table(columns, [row(each) for each in items])
        if page.next_cursor is not None:
            tell(f"There are more: --limit {min(1000, 10 * query['limit'])} shows more of them.")

    to.tell(get(at(collection), **query), Page, show)


def remove(to: Connection, collection: str, things: Sequence[str], *, yes: bool) -> None:
    """Deletes things and prints the names of those that are gone. What can't be deleted doesn't keep others. Whoever
    sits before a terminal is asked first, unless it is `yes`."""
    if not yes:
        _make_sure(things)
    status = 0
    for thing in things:
        try:
            with to.refusals_told():
                to.transport.delete(at(collection, thing))
        except Failure as failure:
            if not isinstance(failure.__cause__, Refused):
                raise
            tell(str(failure))
            status = max(status, failure.status)
        else:
            if to.json:
                print_json(json.dumps({"deleted": thing}, ensure_ascii=False).encode())
            else:
                typer.echo(thing)
    if status:
        raise typer.Exit(status)


def _make_sure(things: Sequence[str]) -> None:
    """Ends the command where somebody is there to be asked, and has second thoughts."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    if not typer.confirm(printable(f"Delete {', '.join(things)}, for good?"), err=True):
        raise typer.Exit(FAILED)


def save(to: Connection, request: Request, output: Path) -> None:
    """Writes an answer to a file, and says so; or to standard output."""
    if output == STANDARD_OUTPUT:
        if sys.stdout.isatty():
            wrong_usage("--output - is standard output: it must be a pipe or a file.")
        to.transport.save(request, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    check_place(output)
    to.transport.save(request, output)
    tell_written(to, output)


def check_place(output: Path) -> None:
    """Ends the command where no file can be."""
    if not output.parent.is_dir():
        wrong_usage(f"--output must be in a folder that is there: {output.parent} isn't.")
    if output.is_dir():
        wrong_usage(f"--output must be a file: {output} is a folder.")


def tell_written(to: Connection, *outputs: Path) -> None:
    """That files are there now."""
    for output in outputs:
        if to.json:
            written = {"file": str(output), "size_bytes": output.stat().st_size}
            print_json(json.dumps(written, ensure_ascii=False).encode())
        else:
            tell(f"Written: {output} ({size(output.stat().st_size)})")
