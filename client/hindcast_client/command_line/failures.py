"""How a command ends when it can't do what it was asked: sentences on standard error, and a number for scripts.

WRONG_USAGE is what typing the same again can't mend: an option, a name, a file or what stands in it is wrong, whoever
says so, this program or the server. FAILED is all else: nobody answers, the server is too busy, a job fails.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

FAILED, WRONG_USAGE = 1, 2
INTERRUPTED = 128 + 2
"""As a shell tells of a process that Ctrl-C ended."""
NOBODY_READS = 128 + 13
"""As a shell tells of a process whose output nobody wanted any more."""
_WRONG_PATHS = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)


class Failure(Exception):
    """What went wrong, in sentences for whoever typed the command."""

    def __init__(self, message: str, *, status: int = FAILED) -> None:
        """`status` is what the command ends with."""
        super().__init__(message)
        self.status = status


def wrong_usage(message: str) -> NoReturn:
    """Failure because of what was typed, or of what stands in a file that was named."""
    raise Failure(message, status=WRONG_USAGE)


def tell(message: str) -> None:
    """To standard error: standard output has the answer alone."""
    typer.echo(message, err=True)


@contextmanager
def failures_told() -> Iterator[None]:
    """What every command runs in."""
    try:
        yield
    except Failure as failure:
        tell(str(failure))
        raise typer.Exit(failure.status) from failure
    except KeyboardInterrupt as interrupt:
        raise typer.Exit(INTERRUPTED) from interrupt
    except BrokenPipeError as error:
        _close_standard_output()
        raise typer.Exit(NOBODY_READS) from error
    except UnicodeEncodeError as error:
        tell(f"Names and options must be UTF-8: {error.object!a} isn't.")
        raise typer.Exit(WRONG_USAGE) from error
    except OSError as error:
        tell(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        raise typer.Exit(WRONG_USAGE if isinstance(error, _WRONG_PATHS) else FAILED) from error


def _close_standard_output() -> None:
    """Python writes what is left of it when it ends, and would complain that nobody reads it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
