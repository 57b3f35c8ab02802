"""One Hindcast, and all that it can be asked."""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from hindcast_client.answers import CheckAnswer, JointHealth, RankManyAnswer
from hindcast_client.asynchronous.corpora import AsyncCorpora
from hindcast_client.asynchronous.domains import AsyncDomains
from hindcast_client.asynchronous.experiments import AsyncExperiments
from hindcast_client.asynchronous.jobs import AsyncJobs
from hindcast_client.asynchronous.models import AsyncModels, History, List
from hindcast_client.asynchronous.ngrams import AsyncNgrams
from hindcast_client.asynchronous.tables import AsyncTables
from hindcast_client.asynchronous.transport import AsyncTransport
from hindcast_client.request import Reference, at, get, post, stated, texts_of
from hindcast_client.settings import server_key, server_url


class AsyncHindcast:
    """A Hindcast at a URL.

    Every error is a HindcastError, but for what reading and writing your files raises. Requests are sent again while
    the server is away or too busy (503, 429, nobody there), until `patience` seconds have gone by. Where a connection
    breaks off after the server may have got a request, it is sent again only if doing it twice does no more than doing
    it once."""

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        timeout: float | None = 600.0,
        patience: float = 30.0,
    ) -> None:
        """The URL is that of $HINDCAST_URL or http://127.0.0.1:8000 where none is given, the key that of
        $HINDCAST_API_KEY. `timeout` is how many seconds an answer may be silent: scoring takes as long as it takes;
        None: for ever. WrongUrl."""
        self._transport = AsyncTransport(
            url or server_url(), api_key=api_key or server_key(), timeout=timeout, patience=patience
        )
        self.jobs = AsyncJobs(self._transport)
        """What is queued, runs and has ended."""
        self.corpora = AsyncCorpora(self._transport, self.jobs)
        """Text."""
        self.domains = AsyncDomains(self._transport)
        """What texts are about."""
        self.experiments = AsyncExperiments(self._transport)
        """Rows of pre-training and language models, as one table."""
        self.tables = AsyncTables(self._transport)
        """Vectors of words."""
        self.models = AsyncModels(self._transport)
        """Language models."""
        self.ngrams = AsyncNgrams(self._transport)
        """N-gram models."""

    async def close(self) -> None:
        """Gives the connections back."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    async def health(self) -> JointHealth:
        """How the services are. Unavailable, once patience has run out, while one can't answer."""
        return await self._transport.ask(get("/readyz"), JointHealth)

    async def rank(
        self,
        models: Sequence[Reference],
        context: str,
        words: str | Sequence[str],
        *,
        history: History | None = None,
        complete: bool | None = None,
    ) -> RankManyAnswer:
        """Where words stand by each of several models, among all that could come next."""
        told = stated(models=models, context=context, words=texts_of(words), history=history, complete=complete)
        return await self._transport.ask(post(at("rank"), told), RankManyAnswer)

    async def check(
        self,
        lists: Sequence[List],
        *,
        model: Reference | None = None,
        options: Mapping[str, Any] | None = None,
        most_oov: float | None = None,
    ) -> CheckAnswer:
        """What is likely wrong with lists of a recogniser, before they are scored."""
        told = stated(lists=lists, model=model, options=options, most_oov=most_oov)
        return await self._transport.ask(post(at("rescore", "check"), told), CheckAnswer)
