"""`client.models.sessions`: conversations with a model."""

from hindcast_client.answers import SessionAnswer
from hindcast_client.asynchronous.transport import AsyncTransport
from hindcast_client.request import Reference, at, get, post


class AsyncSessions:
    """Sessions: each lives in the memory of the service, and ends when nobody has used it for a while (Gone then)."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def begin(self, model: Reference, *, context: str = "") -> SessionAnswer:
        """Begins one, after text that came before. Its id is what a rescoring takes as `session`."""
        request = post(at("models", model, "sessions"), {"context": context}, once=True)
        return await self._transport.ask(request, SessionAnswer)

    async def get(self, model: Reference, session: Reference) -> SessionAnswer:
        """What it has come to."""
        return await self._transport.ask(get(at("models", model, "sessions", session)), SessionAnswer)

    async def commit(self, model: Reference, session: Reference, text: str) -> SessionAnswer:
        """Has it hear an utterance that was chosen elsewhere."""
        request = post(at("models", model, "sessions", session, "commit"), {"text": text}, once=True)
        return await self._transport.ask(request, SessionAnswer)

    async def reset(self, model: Reference, session: Reference) -> SessionAnswer:
        """Has it go back to where it began."""
        return await self._transport.ask(post(at("models", model, "sessions", session, "reset")), SessionAnswer)

    async def end(self, model: Reference, session: Reference) -> None:
        """Ends it."""
        await self._transport.delete(at("models", model, "sessions", session))
