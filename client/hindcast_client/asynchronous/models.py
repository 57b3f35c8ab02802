"""`client.models`: language models, and what can be asked of them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal

from hindcast_client.answers import (
    ModelCard,
    NextAnswer,
    PerplexityAnswer,
    RankAnswer,
    RescoreAnswer,
    TuneAnswer,
)
from hindcast_client.asynchronous.sessions import AsyncSessions
from hindcast_client.asynchronous.transport import AsyncTransport
from hindcast_client.downloads import Target
from hindcast_client.request import Reference, Request, at, get, post, stated, texts_of
from hindcast_client.uploads import OnSent, Source, upload_of

History = Literal["sentence", "document"]
List = Mapping[str, Any]
"""What a recogniser guessed at one utterance: `utterance`, `hypotheses` with `text` and perhaps `am_score`, and perhaps
`reference`."""
WARNING = "hindcast-warning"


class AsyncModels:
    """Language models. Any is meant by its id, by its name, or by itself. Scores are natural logs."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport
        self.sessions = AsyncSessions(transport)
        """Conversations: what was said in one utterance is known in the next."""

    async def get(self, model: Reference) -> ModelCard:
        """What is known of one. NotFound."""
        return await self._transport.ask(get(at("models", model)), ModelCard)

    async def list(self, *, pipeline: str | None = None, name: str | None = None) -> AsyncIterator[ModelCard]:
        """All of them, newest first; pages are asked for as they are needed."""
        async for model in self._transport.items(at("models"), ModelCard, pipeline=pipeline, name=name):
            yield model

    async def delete(self, model: Reference) -> None:
        """Conflict while a job needs it."""
        await self._transport.delete(at("models", model))

    async def import_(self, source: Source, *, name: str | None = None, on_progress: OnSent | None = None) -> ModelCard:
        """Uploads what `bundle` gave. See `AsyncCorpora.create` for what a source is, and what a `name` is good for."""
        upload = upload_of(source, on_progress=on_progress)
        request = Request("POST", at("models"), query={"name": name}, upload=upload, once=name is None)
        return await self._transport.ask(request, ModelCard)

    async def bundle(self, model: Reference, target: Target) -> None:
        """Writes the whole model to a path, where it is whole or not at all, or to an open file."""
        await self._transport.save(get(at("models", model, "bundle"), accept="*/*"), target)

    async def perplexity(
        self,
        model: Reference,
        texts: str | Sequence[str] | None = None,
        *,
        corpus: Reference | Mapping[str, object] | None = None,
        history: History | None = None,
        detail: Literal["none", "sentence", "token"] | None = None,
        top: int | None = None,
    ) -> PerplexityAnswer:
        """How well it predicts texts, each a document whose lines are paragraphs, or a stored corpus. With detail
        token, the `top` most probable words in the place of each."""
        asked = None if texts is None else texts_of(texts)
        told = stated(texts=asked, corpus=corpus, history=history, detail=detail, top=top)
        return await self._transport.ask(post(at("models", model, "perplexity"), told), PerplexityAnswer)

    async def next(
        self,
        model: Reference,
        context: str,
        *,
        k: int | None = None,
        history: History | None = None,
        complete: bool | None = None,
    ) -> NextAnswer:
        """The `k` most probable next words. The last sentence of the context is open unless it is said to be
        `complete`."""
        told = stated(context=context, k=k, history=history, complete=complete)
        return await self._transport.ask(post(at("models", model, "next"), told), NextAnswer)

    async def rank(
        self,
        model: Reference,
        context: str,
        words: str | Sequence[str],
        *,
        history: History | None = None,
        complete: bool | None = None,
    ) -> RankAnswer:
        """Where words stand among all that could come next: 1 + the number of words strictly more probable."""
        told = stated(context=context, words=texts_of(words), history=history, complete=complete)
        return await self._transport.ask(post(at("models", model, "rank"), told), RankAnswer)

    async def rescore(self, model: Reference, lists: Sequence[List], **options: Any) -> RescoreAnswer:
        """Scores what a recogniser guessed, every component of each score told. `options` are `lm_weight`, `session`
        and so on. With a session, lists aren't sent again after a connection that broke off: it could hear them
        twice."""
        request = post(at("models", model, "rescore"), {"lists": lists, "options": options}, once="session" in options)
        return await self._transport.ask(request, RescoreAnswer)

    async def rescore_file(
        self, model: Reference, source: Source, target: Target, *, format: str, **options: Any
    ) -> str | None:
        """The same for a file in a format of recognisers, such as `kaldi` or `slf`: it comes back in it, written to a
        path, where it is whole or not at all, or to an open file. `options` are the query parameters of the service.
        What to mind when the scores are read, if there is anything."""
        request = Request(
            "POST",
            at("models", model, "rescore"),
            query={"format": format, **options},
            upload=upload_of(source),
            accept="*/*",
            once="session" in options,
        )
        return (await self._transport.save(request, target)).get(WARNING)

    async def tune(
        self,
        model: Reference,
        development: Sequence[List],
        report: Sequence[List] | None = None,
        *,
        options: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> TuneAnswer:
        """Weights with the fewest word errors on lists whose references are known, and what they are worth on others.
        `settings` are `groups`, `ranges` and so on."""
        told = stated(development=development, report=report, options=options, **settings)
        return await self._transport.ask(post(at("models", model, "rescore", "tune"), told), TuneAnswer)
