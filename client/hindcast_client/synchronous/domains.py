# Made of hindcast_client/asynchronous/domains.py by `make client`: change that, not this.
"""`client.domains`: what texts are about, as it was found by jobs of the kind `domains`."""

from collections.abc import Iterator

from hindcast_client.answers import DomainsAnswer, DomainsSummary, Example
from hindcast_client.request import Reference, at, get
from hindcast_client.synchronous.transport import Transport


class Domains:
    """Sets of domains. Any is meant by its id, by its name, or by itself."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get(self, domains: Reference) -> DomainsAnswer:
        """One set, with all its domains. NotFound."""
        return self._transport.ask(get(at("domains", domains)), DomainsAnswer)

    def list(self, *, name: str | None = None) -> Iterator[DomainsSummary]:
        """All sets, newest first; pages are asked for as they are needed."""
        yield from self._transport.items(at("domains"), DomainsSummary, name=name)

    def examples(self, domains: Reference, cluster: int) -> Iterator[Example]:
        """What a domain is surest of in the text that it was found in, the surest first. Gone where the corpus was
        deleted."""
        path = at("domains", domains, "clusters", str(cluster), "examples")
        yield from self._transport.items(path, Example)

    def delete(self, domains: Reference) -> None:
        """Conflict while a job needs it."""
        self._transport.delete(at("domains", domains))
