"""`client.ngrams`: n-gram models, to be joined with neural ones."""

from collections.abc import AsyncIterator

from hindcast_client.answers import NgramCard
from hindcast_client.asynchronous.transport import AsyncTransport
from hindcast_client.request import Reference, Request, at, get
from hindcast_client.uploads import OnSent, Source, upload_of


class AsyncNgrams:
    """N-gram models. Any is meant by its id, by its name, or by itself."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def import_(
        self, source: Source, *, name: str | None = None, compress: bool = False, on_progress: OnSent | None = None
    ) -> NgramCard:
        """Uploads an ARPA file or a KenLM binary, gzipped or not. NotInstalled where the server can't read them. See
        `AsyncCorpora.create` for what a source is, and what a `name` is good for."""
        upload = upload_of(source, compress=compress, on_progress=on_progress)
        request = Request("POST", at("ngrams"), query={"name": name}, upload=upload, once=name is None)
        return await self._transport.ask(request, NgramCard)

    async def get(self, ngram: Reference) -> NgramCard:
        """What is known of one. NotFound."""
        return await self._transport.ask(get(at("ngrams", ngram)), NgramCard)

    async def list(self, *, name: str | None = None) -> AsyncIterator[NgramCard]:
        """All of them, newest first; pages are asked for as they are needed."""
        async for ngram in self._transport.items(at("ngrams"), NgramCard, name=name):
            yield ngram

    async def delete(self, ngram: Reference) -> None:
        """Deletes one."""
        await self._transport.delete(at("ngrams", ngram))
