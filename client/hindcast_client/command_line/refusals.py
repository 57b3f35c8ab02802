"""What a server refuses, in the words of whoever typed the command."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus

from hindcast_client.command_line.failures import FAILED, WRONG_USAGE, Failure
from hindcast_client.errors import HindcastError, Refused, Unreachable, WrongUrl

Naming = Callable[[str], str]
"""What whoever typed the command knows a request's field as: an option, or a file and its line."""


@contextmanager
def refusals_told(naming: Naming) -> Iterator[None]:
    """Failure in the place of what the client raises."""
    try:
        yield
    except Refused as refused:
        raise Failure(_refusal(refused, naming), status=_status(refused, naming)) from refused
    except Unreachable as error:
        elsewhere = (
            ""
            if error.uncertain
            else " `hindcast up` starts it here; another address is named with --server or HINDCAST_URL."
        )
        raise Failure(f"{error}{elsewhere}") from error
    except WrongUrl as error:
        raise Failure(f"--server {error}", status=WRONG_USAGE) from error
    except HindcastError as error:
        raise Failure(str(error)) from error


def _status(refused: Refused, naming: Naming) -> int:
    """Wrong usage where all that is refused is options: the service alone knows what some of them may be."""
    fields = [naming(error.field) for error in refused.errors]
    return WRONG_USAGE if fields and all(field.startswith("-") for field in fields) else FAILED


def _refusal(refused: Refused, naming: Naming) -> str:
    if refused.errors:
        return "\n".join(f"{naming(error.field)} {error.message}" for error in refused.errors)
    sentences = [refused.detail]
    if refused.retry_after is not None:
        sentences.append(f"It may be tried again in {refused.retry_after:g} seconds.")
    if refused.status >= HTTPStatus.INTERNAL_SERVER_ERROR and refused.request_id is not None:
        sentences.append(f"The request's id is {refused.request_id}.")
    return " ".join(sentences)
