"""A request's body as a file: read as it arrives, never held whole."""

import gzip
import io
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO, cast

from anyio import from_thread
from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect

from hindcast.errors import HindcastError, InvalidInput

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BUFFER_BYTES = 1 << 20
DRAIN_BYTES = 64 << 20
"""A client still sends when it is refused: so much is read and dropped, so that it comes to read the answer."""


@contextmanager
def received(request: Request) -> Iterator[io.BufferedReader]:
    """The body as it is sent. InvalidInput for a form, whose boundaries and headers would be taken for the file's own.
    For endpoints that FastAPI runs in a thread (plain `def`)."""
    body = _Body(request.stream())
    try:
        if request.headers.get("content-type", "").strip().lower().startswith("multipart/"):
            raise InvalidInput.field("body", "must be the file itself, not a form: curl --data-binary @file, not -F")
        yield body
    except HindcastError:
        body.drain()
        raise


@contextmanager
def uploaded(request: Request) -> Iterator[BinaryIO]:
    """The body, unpacked if its Content-Encoding is gzip; InvalidInput for a broken gzip. For endpoints that FastAPI
    runs in a thread (plain `def`)."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip"):
        raise HTTPException(415, f"Content-Encoding {encoding} is not known: send gzip or none.")
    with received(request) as body:
        try:
            yield cast(BinaryIO, gzip.GzipFile(fileobj=body) if encoding == "gzip" else body)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise InvalidInput.field("body", f"is no whole gzip: {error}") from error


async def drained(request: Request) -> None:
    """What a client still sends when it is refused. For endpoints that FastAPI runs on the event loop (`async def`)."""
    dropped = 0
    with suppress(ClientDisconnect, RuntimeError):  # the latter where all of it has been read
        async for chunk in request.stream():
            dropped += len(chunk)
            if dropped >= DRAIN_BYTES:
                return


class _Body(io.BufferedReader):
    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        super().__init__(_Chunks(chunks), BUFFER_BYTES)

    def drain(self) -> None:
        drained = 0
        with suppress(ClientDisconnect):
            while drained < DRAIN_BYTES and (dropped := self.read1(BUFFER_BYTES)):
                drained += len(dropped)


class _Chunks(io.RawIOBase):
    """Pulls from the event loop, which must not be this thread's."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        while not self._rest:
            chunk = from_thread.run(self._next)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        target = memoryview(buffer).cast("B")
        length = min(len(target), len(self._rest))
        target[:length] = self._rest[:length]
        self._rest = self._rest[length:]
        return length

    async def _next(self) -> bytes | None:
        return await anext(self._chunks, None)
