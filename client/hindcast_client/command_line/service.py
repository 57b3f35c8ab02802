"""Asking a server of Hindcast with a body that is sent as it is read."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import httpx2

from hindcast_client.command_line.refusals import Naming, refusals_told
from hindcast_client.request import Request, at
from hindcast_client.settings import server_key
from hindcast_client.synchronous.transport import Transport
from hindcast_client.uploads import Upload


class Service:
    """A server, by its URL."""

    def __init__(self, url: str) -> None:
        self._url = url

    @contextmanager
    def asked(
        self,
        place: Sequence[str],
        body: Iterable[bytes],
        *,
        naming: Naming,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[httpx2.Response]:
        """The answer to a body that is sent to `place`, the parts of a path, piece by piece, once, to be read piece by
        piece. Failure where it's a refusal, or where there is none."""
        upload = Upload(lambda: iter(body), rereadable=False)
        with refusals_told(naming):
            request = Request("POST", at(*place), query=query or {}, upload=upload, accept="*/*", headers=headers or {})
            # Scoring takes as long as it takes; that nobody is there shows soon.
            transport = Transport(self._url, api_key=server_key(), timeout=None, patience=0)
            try:
                with transport.open(request) as answer:
                    yield answer
            finally:
                transport.close()
