"""What a server refuses, in the words of whoever typed the command."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus

from hindcast_client.command_line.failures import FAILED, WRONG_USAGE, Failure
from hindcast_client.errors import HindcastError, Refused, Unreachable, WrongArgument, WrongUrl

Naming = Callable[[str], str]
"""What whoever typed the command knows a request's field as: an option, or a file and its line."""


@contextmanager
def refusals_told(naming: Naming) -> Iterator[None]:
    """Failure in the place of what the client raises."""
    try:
        yield
    except Refused as refused:
        raise Failure(_refusal(refused, naming), status=_status(refused)) from refused
    except Unreachable as error:
        elsewhere = (
            ""
            if error.uncertain
            else " `hindcast up` starts it here; another address is named with --server or HINDCAST_URL."
        )
        raise Failure(f"{error}{elsewhere}") from error
    except WrongUrl as error:
        given = os.environ.get("HINDCAST_URL")
        typed = "HINDCAST_URL" if given and repr(given) in str(error) else "--server"
        raise Failure(f"{typed} {error}", status=WRONG_USAGE) from error
    except WrongArgument as error:
        told = _sentence(naming(error.field), error.right) if error.field else str(error)
        raise Failure(told, status=WRONG_USAGE) from error
    except HindcastError as error:
        raise Failure(str(error)) from error


def _status(refused: Refused) -> int:
    """Wrong usage where the same would be refused again."""
    passes = refused.status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
    is_of_client = HTTPStatus.BAD_REQUEST <= refused.status < HTTPStatus.INTERNAL_SERVER_ERROR
    return WRONG_USAGE if is_of_client and not passes else FAILED


def _refusal(refused: Refused, naming: Naming) -> str:
    if refused.errors:
        return "\n".join(_sentence(naming(error.field), error.message) for error in refused.errors)
    sentences = [refused.detail]
    if refused.retry_after is not None:
        sentences.append(f"It may be tried again in {refused.retry_after:g} seconds.")
    if refused.status >= HTTPStatus.INTERNAL_SERVER_ERROR and refused.request_id is not None:
        sentences.append(f"The request's id is {refused.request_id}.")
    return " ".join(sentences)


def _sentence(name: str, message: str) -> str:
    """`--size must be …`; what is a sentence of its own comes after a colon."""
    return f"{name}: {message}" if message[:1].isupper() else f"{name} {message}"
