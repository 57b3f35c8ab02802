"""Asking a server of Hindcast, and what its refusals come to in a command's own words."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import httpx2

from hindcast_client.command_line.failures import Failure
from hindcast_client.errors import HindcastError, Refused, Unreachable, WrongUrl
from hindcast_client.request import Request
from hindcast_client.settings import server_key
from hindcast_client.synchronous.transport import Transport
from hindcast_client.uploads import Upload

Naming = Callable[[str], str]
"""What whoever typed the command knows a request's field as: an option, or a file and its line."""


class Service:
    """A server, by its URL."""

    def __init__(self, url: str) -> None:
        self._url = url

    @contextmanager
    def asked(
        self,
        path: str,
        body: Iterable[bytes],
        *,
        naming: Naming,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[httpx2.Response]:
        """The answer to a body that is sent piece by piece, once, to be read piece by piece. Failure where it's a
        refusal, or where there is none."""
        upload = Upload(lambda: iter(body), rereadable=False)
        request = Request("POST", path, query=query or {}, upload=upload, accept="*/*", headers=headers or {})
        try:
            # Scoring takes as long as it takes; that nobody is there shows soon.
            transport = Transport(self._url, api_key=server_key(), timeout=None, patience=0)
            try:
                with transport.open(request) as answer:
                    yield answer
            finally:
                transport.close()
        except Refused as refused:
            raise Failure(_refusal(refused, naming)) from refused
        except Unreachable as error:
            elsewhere = "" if error.uncertain else " Another address is named with --server or HINDCAST_URL."
            raise Failure(f"{error}{elsewhere}") from error
        except WrongUrl as error:
            raise Failure(f"--server {error}") from error
        except HindcastError as error:
            raise Failure(str(error)) from error


def _refusal(refused: Refused, naming: Naming) -> str:
    if refused.errors:
        return "\n".join(f"{naming(error.field)} {error.message}" for error in refused.errors)
    sentences = [refused.detail]
    if refused.retry_after is not None:
        sentences.append(f"It may be tried again in {refused.retry_after:g} seconds.")
    if refused.status >= HTTPStatus.INTERNAL_SERVER_ERROR and refused.request_id is not None:
        sentences.append(f"The request's id is {refused.request_id}.")
    return " ".join(sentences)
