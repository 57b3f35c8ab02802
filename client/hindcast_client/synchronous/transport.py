# Made of hindcast_client/asynchronous/transport.py by `make client`: change that, not this.
"""How requests get to a server and answers back."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from time import sleep
from typing import Any, TypeVar

import httpx2
from pydantic import BaseModel

from hindcast_client.addresses import server_at
from hindcast_client.answer import Page
from hindcast_client.downloads import Target, rewritable, target_file
from hindcast_client.errors import Closed, HindcastError, NotFound, Refused, TooMany, Unavailable
from hindcast_client.parts import MEDIA_TYPE, LargeUpload
from hindcast_client.request import JSON, Request, delete, get
from hindcast_client.responses import Told, check, connection_errors, understood
from hindcast_client.retrying import Tries
from hindcast_client.uploads import Upload, looked_into
from hindcast_client.waiting import PATIENCE_SECONDS, Contact

CONNECT_SECONDS = 10.0
PAGE_ITEMS = 100

Answered = TypeVar("Answered", bound=BaseModel)
Taken = TypeVar("Taken")


class Transport:
    """One server, which several tasks may ask at once. Every error is a HindcastError, but for what reading and writing
    files raises."""

    def __init__(self, url: str, *, api_key: str | None, timeout: float | None, patience: float) -> None:
        """`timeout` and `patience` are seconds; without the one, an answer may take as long as it takes. WrongUrl."""
        self.url = server_at(url)
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
        with understood(request.path):
            return answer.model_validate_json(body)

    def items(self, path: str, answer: type[Answered], **query: Any) -> Iterator[Answered]:
        """What a list holds, page after page."""
        cursor: str | None = None
        while True:
            page = self.ask(get(path, limit=PAGE_ITEMS, cursor=cursor, **query), Page)
            for item in page.items:
                with understood(path):
                    told = answer.model_validate(item)
                yield told
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
        """The body of an answer. A large upload goes on where it broke off, if the service can do that."""
        if request.upload is not None:
            upload, large = looked_into(request.upload)
            request = replace(request, upload=upload)
            if large and self._takes_parts(request.path, patience):
                return self._sent_in_parts(LargeUpload(request), patience)
        return (self._tried(request, _whole, patience)).body

    def save(self, request: Request, target: Target) -> Mapping[str, str]:
        """Writes the body of an answer to a file: its headers. One that breaks off begins again, unless the file is an
        open one."""

        def copied(response: httpx2.Response) -> Mapping[str, str]:
            with target_file(target) as file:
                for piece in response.iter_bytes():
                    file.write(piece)
            return response.headers

        return self._tried(replace(request, once=request.once or not rewritable(target)), copied, None)

    def _takes_parts(self, path: str, patience: float | None) -> bool:
        """Whether uploads there may come in parts."""
        try:
            answer = self._tried(Request("OPTIONS", path), _whole, patience)
        except (TooMany, Unavailable):
            raise
        except Refused:
            return False
        return MEDIA_TYPE in answer.headers.get("accept-patch", "")

    def _sent_in_parts(self, upload: LargeUpload, patience: float | None) -> bytes:
        """What the whole upload is answered with. Once it has begun, the server may be away for a while."""
        answer = self._tried(upload.beginning, _whole, patience)
        if answer.headers.get("upload-complete") == "?1":
            return answer.body
        upload.begun(answer.headers)
        contact = Contact(max(self.patience, PATIENCE_SECONDS))
        while True:
            step = upload.next()
            try:
                with self.open(step.request, timeout=step.seconds) as response:
                    answer = _whole(response)
            except HindcastError as error:
                upload.lost(step, error)
                pause = contact.pause_after(error)
            else:
                if step.ends:
                    return answer.body
                if upload.confirm(answer.headers):
                    contact.made()
                pause = 0
            sleep(pause)

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
        if self._http.is_closed:
            raise Closed(f"This client of {self.url} is closed: make another one.")
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


def _whole(response: httpx2.Response) -> Told:
    return Told(response.headers, response.read())


def _body(request: Request) -> dict[str, Any]:
    if request.upload is not None:
        return {"content": _pieces(request.upload), "headers": {**request.upload.headers, **request.all_headers}}
    if request.json is not None:
        return {"content": request.body, "headers": {**request.all_headers, "content-type": JSON}}
    return {"headers": request.all_headers}


def _pieces(upload: Upload) -> Iterator[bytes]:
    yield from upload.pieces()
