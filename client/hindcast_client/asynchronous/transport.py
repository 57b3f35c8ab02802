"""How requests get to a server and answers back."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

import httpx2
from anyio import sleep
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


class AsyncTransport:
    """One server, which several tasks may ask at once. Every error is a HindcastError, but for what reading and writing
    files raises."""

    def __init__(self, url: str, *, api_key: str | None, timeout: float | None, patience: float) -> None:
        """`timeout` and `patience` are seconds; without the one, an answer may take as long as it takes."""
        self.url = url.rstrip("/")
        self.patience = patience
        self._timeout = timeout
        headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
        try:
            self._http = httpx2.AsyncClient(headers=headers)
        except (ImportError, ValueError, httpx2.InvalidURL) as error:
            raise HindcastError(f"The proxies that the environment names can't be used: {error}") from error

    async def close(self) -> None:
        """Gives the connections back."""
        await self._http.aclose()

    async def ask(self, request: Request, answer: type[Answered], *, patience: float | None = None) -> Answered:
        """What a request is answered with. `patience` in the place of the server's."""
        body = await self.read(request, patience=patience)
        try:
            return answer.model_validate_json(body)
        except ValidationError as error:
            raise NotUnderstood(
                f"{request.path} answers what this version of the client doesn't know: {error}"
            ) from error

    async def items(self, path: str, answer: type[Answered], **query: Any) -> AsyncIterator[Answered]:
        """What a list holds, page after page."""
        cursor: str | None = None
        while True:
            page = await self.ask(get(path, limit=PAGE_ITEMS, cursor=cursor, **query), Page)
            for item in page.items:
                yield answer.model_validate(item)
            if (cursor := page.next_cursor) is None:
                return

    async def delete(self, path: str) -> None:
        """Deletes what is there. That an earlier try has deleted it already is no error."""
        try:
            await self.read(delete(path))
        except NotFound as error:
            if not error.uncertain:
                raise

    async def read(self, request: Request, *, patience: float | None = None) -> bytes:
        """The body of an answer."""

        async def whole(response: httpx2.Response) -> bytes:
            return await response.aread()

        return await self._tried(request, whole, patience)

    async def save(self, request: Request, target: Target) -> Mapping[str, str]:
        """Writes the body of an answer to a file: its headers. One that breaks off begins again, unless the file is an
        open one."""

        async def copied(response: httpx2.Response) -> Mapping[str, str]:
            with target_file(target) as file:
                async for piece in response.aiter_bytes():
                    file.write(piece)
            return response.headers

        return await self._tried(replace(request, once=request.once or not rewritable(target)), copied, None)

    async def _tried(
        self, request: Request, take: Callable[[httpx2.Response], Awaitable[Taken]], patience: float | None
    ) -> Taken:
        tries = Tries(request, self.patience if patience is None else patience)
        while True:
            try:
                async with self.open(request) as response:
                    return await take(response)
            except HindcastError as error:
                pause = tries.pause_after(error)
            await sleep(pause)

    @asynccontextmanager
    async def open(self, request: Request, *, timeout: float | None = None) -> AsyncIterator[httpx2.Response]:
        """The answer to a single try, to be read piece by piece; `timeout` seconds may go by without one."""
        seconds = self._timeout if timeout is None else timeout
        with connection_errors(self.url):
            async with self._http.stream(
                request.method,
                self.url + request.path,
                params=request.parameters,
                timeout=httpx2.Timeout(seconds, connect=min(seconds or CONNECT_SECONDS, CONNECT_SECONDS)),
                **_body(request),
            ) as response:
                check(response, self.url, body=b"" if response.is_success else await response.aread())
                yield response


def _body(request: Request) -> dict[str, Any]:
    if request.upload is not None:
        return {"content": _pieces(request.upload), "headers": {**request.upload.headers, **request.all_headers}}
    if request.json is not None:
        return {"content": to_json(request.json), "headers": {**request.all_headers, "content-type": JSON}}
    return {"headers": request.all_headers}


async def _pieces(upload: Upload) -> AsyncIterator[bytes]:
    for piece in upload.pieces():
        yield piece
