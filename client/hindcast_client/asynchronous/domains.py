"""`client.domains`: what texts are about, as it was found by jobs of the kind `domains`."""

from collections.abc import AsyncIterator

from hindcast_client.answers import DomainsAnswer, DomainsSummary, Example
from hindcast_client.asynchronous.transport import AsyncTransport
from hindcast_client.request import Reference, at, get


class AsyncDomains:
    """Sets of domains. Any is meant by its id, by its name, or by itself."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def get(self, domains: Reference) -> DomainsAnswer:
        """One set, with all its domains. NotFound."""
        return await self._transport.ask(get(at("domains", domains)), DomainsAnswer)

    async def list(self, *, name: str | None = None) -> AsyncIterator[DomainsSummary]:
        """All sets, newest first; pages are asked for as they are needed."""
        async for domains in self._transport.items(at("domains"), DomainsSummary, name=name):
            yield domains

    async def examples(self, domains: Reference, cluster: int) -> AsyncIterator[Example]:
        """What a domain is surest of in the text that it was found in, the surest first. Gone where the corpus was
        deleted."""
        path = at("domains", domains, "clusters", str(cluster), "examples")
        async for example in self._transport.items(path, Example):
            yield example

    async def delete(self, domains: Reference) -> None:
        """Conflict while a job needs it."""
        await self._transport.delete(at("domains", domains))
