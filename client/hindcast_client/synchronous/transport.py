# Made of hindcast_client/asynchronous/transport.py by `make client`: change that, not this.
"""How requests get to a server and answers back."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from time import sleep
from typing import Any, TypeVar

import httpx2
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from hindcast_client.answer import Page
from hindcast_client.downloads import Target, rewritable, target_file
from hindcast_client.errors import HindcastError, NotFound, NotUnderstood
from hindcast_client.request import JSON, Request, delete, get
from hindcast_client.responses import check, connection_errors
from hindcast_client.retrying import Tries
from hindcast_client.uploads import Upload

CONNECT_SECONDS = 10.0
PAGE_ITEMS = 100

Answered = TypeVar("Answered", bound=BaseModel)
Taken = TypeVar("Taken")


class Transport:
    """One server, which several tasks may ask at once. Every error is a HindcastError, but for what reading and writing
    files raises."""

    def __init__(self, url: str, *, api_key: str | None, timeout: float | None, patience: float) -> None:
        """`timeout` and `patience` are seconds; without the one, an answer may take as long as it takes."""
        self.url = url.rstrip("/")
        self.patience = patience
        self._timeout = timeout
        headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
        try:
            self._http = httpx2.Client(headers=headers)
        except (ImportError, ValueError, httpx2.InvalidURL) as error:
            raise HindcastError(f"The proxies that the environment names can't be used: {error}") from error

    def close(self) -> None:
        """Gives the connections back."""
        self._http.close()

    def ask(self, request: Request, answer: type[Answered], *, patience: float | None = None) -> Answered:
        """What a request is answered with. `patience` in the place of the server's."""
        body = self.read(request, patience=patience)
        try:
            return answer.model_validate_json(body)
        except ValidationError as error:
            raise NotUnderstood(
                f"{request.path} answers what this version of the client doesn't know: {error}"
            ) from error

    def items(self, path: str, answer: type[Answered], **query: Any) -> Iterator[Answered]:
        """What a list holds, page after page."""
        cursor: str | None = None
        while True:
            page = self.ask(get(path, limit=PAGE_ITEMS, cursor=cursor, **query), Page)
            for item in page.items:
                yield answer.model_validate(item)
            if (cursor := page.next_cursor) is None:
                return

    def delete(self, path: str) -> None:
        """Deletes what is there. That an earlier try has deleted it already is no error."""
        try:
            self.read(delete(path))
        except NotFound as error:
            if not error.uncertain:
                raise

    def read(self, request: Request, *, patience: float | None = None) -> bytes:
        """The body of an answer."""

        def whole(response: httpx2.Response) -> bytes:
            return response.read()

        return self._tried(request, whole, patience)

    def save(self, request: Request, target: Target) -> Mapping[str, str]:
        """Writes the body of an answer to a file: its headers. One that breaks off begins again, unless the file is an
        open one."""

        def copied(response: httpx2.Response) -> Mapping[str, str]:
            with target_file(target) as file:
                for piece in response.iter_bytes():
                    file.write(piece)
            return response.headers

        return self._tried(replace(request, once=request.once or not rewritable(target)), copied, None)

    def _tried(self, request: Request, take: Callable[[httpx2.Response], Taken], patience: float | None) -> Taken:
        tries = Tries(request, self.patience if patience is None else patience)
        while True:
            try:
                with self.open(request) as response:
                    return take(response)
            except HindcastError as error:
                pause = tries.pause_after(error)
            sleep(pause)

    @contextmanager
    def open(self, request: Request, *, timeout: float | None = None) -> Iterator[httpx2.Response]:
        """The answer to a single try, to be read piece by piece; `timeout` seconds may go by without one."""
        seconds = self._timeout if timeout is None else timeout
        with (
            connection_errors(self.url),
            self._http.stream(
                request.method,
                self.url + request.path,
                params=request.parameters,
                timeout=httpx2.Timeout(seconds, connect=min(seconds or CONNECT_SECONDS, CONNECT_SECONDS)),
                **_body(request),
            ) as response,
        ):
            check(response, self.url, body=b"" if response.is_success else response.read())
            yield response


def _body(request: Request) -> dict[str, Any]:
    if request.upload is not None:
        return {"content": _pieces(request.upload), "headers": {**request.upload.headers, **request.all_headers}}
    if request.json is not None:
        return {"content": to_json(request.json), "headers": {**request.all_headers, "content-type": JSON}}
    return {"headers": request.all_headers}


def _pieces(upload: Upload) -> Iterator[bytes]:
    yield from upload.pieces()
