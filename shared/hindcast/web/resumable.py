"""Uploads that go on where they broke off: as the draft "Resumable Uploads for HTTP" of the IETF has it, without its
interim responses. docs/decisions/0014 has what differs.

A POST with `Upload-Complete: ?0` begins an upload; PATCH adds to it, and with `Upload-Complete: ?1` ends it. What it is
answered then is what the same POST is answered with the whole body: the request is made up of what was kept, and goes
through the application like any other.
"""

from asyncio import CancelledError
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal, Self

from anyio import sleep
from fastapi import APIRouter, Header, HTTPException, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hindcast.errors import Conflict, HindcastError, InUse, InvalidInput, NotFound, Unavailable, WrongOffset
from hindcast.web import errors
from hindcast.web.partial_uploads import Answer, PartialUpload, PartialUploads, Posted
from hindcast.web.uploads import BUFFER_BYTES, drained

PART = "application/partial-upload"
OFFSET, COMPLETE, LENGTH, LIMIT = "Upload-Offset", "Upload-Complete", "Upload-Length", "Upload-Limit"
NOT_YET, DONE = "?0", "?1"
"""A structured field's booleans."""
REHEARSED_BYTES = 1 << 20
"""So much of an upload is looked at when it begins."""
TURN_SECONDS = 0.1

_OF_THE_BODY = ("accept", "content-encoding", "content-type", "idempotency-key")
"""Headers of the POST that go with its body; others, such as a key that lets somebody in, are those of the request that
ends the upload."""
_OF_A_CONNECTION = ("asgi", "client", "http_version", "root_path", "scheme", "server", "state", "type")

RESUMABLE: dict[str, Any] = {
    "parameters": [
        {
            "name": COMPLETE,
            "in": "header",
            "required": False,
            "schema": {"type": "string", "enum": [NOT_YET, DONE]},
            "description": f"`{NOT_YET}`: the body is only the beginning, or nothing, and the answer is 201 with the "
            "Location of an upload, which PATCH adds to.",
        },
        {
            "name": LENGTH,
            "in": "header",
            "required": False,
            "schema": {"type": "integer", "minimum": 0},
            "description": "Bytes of the whole body, where they are known when such an upload begins.",
        },
    ]
}
"""What a POST says of itself in the OpenAPI document, besides its own."""
_FILE = {"schema": {"type": "string", "format": "binary"}}
_PATCH: dict[str, Any] = {"requestBody": {"required": False, "content": {PART: _FILE}}}


@dataclass(frozen=True)
class Uploads:
    """Those to one path."""

    path: str
    """Of the POST."""
    tag: str
    """The resource's, in the OpenAPI document."""
    kept: PartialUploads

    @classmethod
    def to(cls, path: str, *, folder: Path, seconds: float, tag: str | None = None) -> Self:
        """Kept in a folder of their own under `folder`; the tag is the path's last word if it isn't said."""
        kind = path.rpartition("/")[2]
        return cls(path, tag or kind, PartialUploads(folder / kind, seconds=seconds))


class Resumable:
    """ASGI middleware: begins uploads."""

    def __init__(self, app: ASGIApp, *, uploads: Sequence[Uploads]) -> None:
        self.app = app
        self.uploads = {each.path: each.kept for each in uploads}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if (
            scope["type"] != "http"
            or scope["method"] != "POST"
            or scope["path"] not in self.uploads
            or Headers(scope=scope).get(COMPLETE) != NOT_YET
        ):
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            with _cut_off_as_unavailable():
                response = await self._begun(request, self.uploads[scope["path"]])
                if response.status_code >= 400:
                    await drained(request)
        except HindcastError as error:
            response = await _refused(error, request)
        await response(scope, receive, send)

    async def _begun(self, request: Request, uploads: PartialUploads) -> Response:
        """Where the upload goes on; or why there is none, which is told before its bytes are sent and, as far as the
        first of them show it, right after those."""
        posted = _posted(request)
        if refused := await self._rehearsed(request, b""):
            return _answered(refused)
        upload = await run_in_threadpool(uploads.begin, posted)
        try:
            offset = await _kept(request, upload, at=0)
            await run_in_threadpool(upload.settle, at=offset, whole=False)
            with upload.read() as body:
                answer = await self._rehearsed(request, body.read(REHEARSED_BYTES)) if offset else None
        except BaseException:  # nobody was told where it is
            upload.delete()
            raise
        if answer is not None:
            upload.delete()
            return _answered(answer)
        location = f"{request.url.path}/uploads/{upload.id}"
        return Response(status_code=201, headers={"Location": location, **_state(upload, uploads)})

    async def _rehearsed(self, request: Request, beginning: bytes) -> Answer | None:
        """What the POST is answered that has seen no more of its body than this; None where it reads on."""
        messages: list[Message] = [{"type": "http.request", "body": beginning, "more_body": True}]

        async def receive() -> Message:
            return messages.pop() if messages else {"type": "http.disconnect"}

        scope = dict(request.scope)
        try:
            return await _recorded(self.app, scope, receive)
        except ClientDisconnect:
            return None
        finally:
            if "route" in scope:
                request.scope["route"] = scope["route"]


def uploads_router(to: Uploads) -> APIRouter:
    """What is below a path of uploads to it, and the OPTIONS by which it says that there may be some."""
    api = APIRouter(prefix=to.path, tags=[to.tag])
    uploads, kind = to.kept, to.path.rpartition("/")[2]
    limit = {LIMIT: f"max-age={uploads.seconds:.0f}"}

    @api.options("", status_code=204, name=f"options_of_{kind}")
    async def options() -> Response:
        """How uploads may come: `Accept-Patch: application/partial-upload` says that they may go on where they broke
        off."""
        return Response(status_code=204, headers={"Allow": "GET, HEAD, OPTIONS, POST", "Accept-Patch": PART, **limit})

    @api.get("/uploads/{upload}", status_code=204, name=f"get_upload_of_{kind}")
    def get_upload(upload: str) -> Response:
        """How far an upload has come, in headers: `Upload-Offset` is how many bytes are kept, and `Upload-Complete`
        `?1` when no more come. HEAD is answered the same."""
        state = _state(uploads.get(upload), uploads)
        return Response(status_code=204, headers={**state, "Cache-Control": "no-store"})

    @api.patch("/uploads/{upload}", status_code=204, name=f"append_to_upload_of_{kind}", openapi_extra=_PATCH)
    async def append(
        request: Request,
        upload: str,
        upload_offset: Annotated[int, Header(ge=0, description="Which byte of the upload the body begins with.")],
        upload_complete: Annotated[
            Literal["?0", "?1"], Header(description="`?1`: the upload ends with this body, which may be empty.")
        ],
    ) -> Response:
        """Add to an upload, with `Content-Type: application/partial-upload`. Bytes are kept as they come, also where
        the connection breaks off. 204 with the next `Upload-Offset`, or 409 with the right one where it is another.
        What ends the upload is answered as the POST would have been with all of it, with `Upload-Complete: ?1`; asked
        again, it is answered the same again."""
        if request.headers.get("content-type", PART).partition(";")[0].strip().lower() != PART:
            await drained(request)
            raise HTTPException(415, f"Content-Type must be {PART}.")
        return await _continued(request, to, upload, upload_offset, done=upload_complete == DONE)

    @api.delete("/uploads/{upload}", status_code=204, name=f"delete_upload_of_{kind}")
    def delete_upload(upload: str) -> None:
        """Drop an upload. What became of one that has ended stays."""
        partial = uploads.get(upload)
        with partial.turn() as mine:
            if not mine:
                raise InUse(f"Upload {upload} is being taken in.")
            partial.delete()

    return api


async def _continued(request: Request, to: Uploads, id: str, offset: int, *, done: bool) -> Response:
    """The answer to a PATCH."""
    try:
        with _cut_off_as_unavailable():
            upload = await run_in_threadpool(to.kept.get, id)
            await _taken(request, upload, offset, done=done)
            answer = await _answer_to(upload, request, to.path) if done else None
    except WrongOffset as error:
        refusal = await _refused(error, request)
        refusal.headers[OFFSET] = str(error.offset)
        return refusal
    except HindcastError as error:
        return await _refused(error, request)
    return _answered(answer) if answer else Response(status_code=204, headers=_state(upload, to.kept))


@contextmanager
def _cut_off_as_unavailable() -> Iterator[None]:
    """Unavailable when the service ends in the midst of it: the upload goes on when that is back."""
    try:
        yield
    except CancelledError as error:
        raise Unavailable("The service is about to end; the upload can go on when it is back.") from error


async def _taken(request: Request, partial: PartialUpload, offset: int, *, done: bool) -> None:
    """Adds the body to the upload, unless that is whole, or becomes so meanwhile, and it is its answer that is asked
    for."""
    try:
        offset = await _kept(request, partial, at=offset)
        await run_in_threadpool(partial.settle, at=offset, whole=done)
    except (Conflict, NotFound):
        if not (done and partial.whole):
            raise
        await drained(request)


async def _kept(request: Request, upload: PartialUpload, *, at: int) -> int:
    """Keeps the body as it comes; the offset after it."""
    async for chunk in request.stream():
        await run_in_threadpool(upload.append, chunk, at=at)
        at += len(chunk)
    return at


async def _answer_to(upload: PartialUpload, request: Request, path: str) -> Answer:
    """What the whole upload is answered: found out once, by whoever asks first; others wait for it. What passes by
    itself, such as that the database is away, is not the answer for good."""
    while True:
        with upload.turn() as mine:
            if mine:
                if (known := upload.answer) is not None:
                    return known
                answer = await _posted_whole(upload, request, path)
                if answer.status < 500 and answer.status != 429:
                    await run_in_threadpool(upload.end, answer)
                return answer
        await sleep(TURN_SECONDS)


async def _posted_whole(upload: PartialUpload, request: Request, path: str) -> Answer:
    """The answer to the POST that the upload stands for."""
    sent = [(name, value) for name, value in request.headers.items() if not _is_of_the_part(name)]
    headers = [
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in (*sent, *upload.posted.headers.items())
    ]
    scope = {name: request.scope[name] for name in _OF_A_CONNECTION if name in request.scope}
    scope |= {"method": "POST", "path": path, "raw_path": path.encode(), "headers": headers}
    scope["query_string"] = upload.posted.query.encode("latin-1")
    with upload.read() as body:
        return await _recorded(request.app, scope, _sending(body))


def _is_of_the_part(name: str) -> bool:
    return name in _OF_THE_BODY or name in ("content-length", "transfer-encoding") or name.startswith("upload-")


def _sending(body: BinaryIO) -> Receive:
    async def receive() -> Message:
        block = await run_in_threadpool(body.read, BUFFER_BYTES)
        return {"type": "http.request", "body": block, "more_body": bool(block)}

    return receive


async def _recorded(app: ASGIApp, scope: Scope, receive: Receive) -> Answer:
    """What `app` answers."""
    status, headers, body = 500, Headers(), bytearray()

    async def send(message: Message) -> None:
        nonlocal status, headers
        if message["type"] == "http.response.start":
            status, headers = message["status"], Headers(raw=list(message["headers"]))
        else:
            body.extend(message.get("body", b""))

    await app(scope, receive, send)
    kept = [(name, value) for name, value in headers.items() if name not in ("content-length", "x-request-id")]
    return Answer(status, kept, body.decode("latin-1"))


def _answered(answer: Answer) -> Response:
    response = Response(answer.body.encode("latin-1"), answer.status)
    for name, value in answer.headers:
        response.headers.append(name, value)
    response.headers[COMPLETE] = DONE
    return response


async def _refused(error: HindcastError, request: Request) -> Response:
    """The problem that it is, for a client that still sends; but nobody listens when the service ends."""
    later = {"Retry-After": str(error.retry_after_seconds)} if isinstance(error, Unavailable) else None
    if later is None:
        await drained(request)
    return errors.answer(errors.problem_of(error, request_id=request.state.request_id), headers=later)


def _state(upload: PartialUpload, uploads: PartialUploads) -> dict[str, str]:
    told = {OFFSET: str(upload.offset), COMPLETE: DONE if upload.whole else NOT_YET}
    if upload.posted.length is not None:
        told[LENGTH] = str(upload.posted.length)
    return {**told, LIMIT: f"max-age={uploads.seconds:.0f}"}


def _posted(request: Request) -> Posted:
    """InvalidInput for a length that is none."""
    length = request.headers.get(LENGTH)
    if length is not None and not (length.isascii() and length.isdigit()):
        raise InvalidInput.field(LENGTH, "must be a number of bytes")
    headers = {name: request.headers[name] for name in _OF_THE_BODY if name in request.headers}
    query: bytes = request.scope["query_string"]
    return Posted(query.decode("latin-1"), headers, None if length is None else int(length))
