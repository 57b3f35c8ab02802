# Made of hindcast_client/asynchronous/sessions.py by `make client`: change that, not this.
"""`client.models.sessions`: conversations with a model."""

from hindcast_client.answers import SessionAnswer
from hindcast_client.request import Reference, at, get, post
from hindcast_client.synchronous.transport import Transport


class Sessions:
    """Sessions: each lives in the memory of the service, and ends when nobody has used it for a while (Gone then)."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def begin(self, model: Reference, *, context: str = "") -> SessionAnswer:
        """Begins one, after text that came before. Its id is what a rescoring takes as `session`."""
        request = post(at("models", model, "sessions"), {"context": context}, once=True)
        return self._transport.ask(request, SessionAnswer)

    def get(self, model: Reference, session: Reference) -> SessionAnswer:
        """What it has come to."""
        return self._transport.ask(get(at("models", model, "sessions", session)), SessionAnswer)

    def commit(self, model: Reference, session: Reference, text: str) -> SessionAnswer:
        """Has it hear an utterance that was chosen elsewhere."""
        request = post(at("models", model, "sessions", session, "commit"), {"text": text}, once=True)
        return self._transport.ask(request, SessionAnswer)

    def reset(self, model: Reference, session: Reference) -> SessionAnswer:
        """Has it go back to where it began."""
        return self._transport.ask(post(at("models", model, "sessions", session, "reset")), SessionAnswer)

    def end(self, model: Reference, session: Reference) -> None:
        """Ends it."""
        self._transport.delete(at("models", model, "sessions", session))
