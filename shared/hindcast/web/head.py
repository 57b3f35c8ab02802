"""HEAD, wherever there is GET."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Head:
    """ASGI middleware: has HEAD answered as GET would be, without the body. A stream is stopped once its head is out:
    it is told that the client has left."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        answered = asyncio.Event()
        messages = [{"type": "http.request", "body": b"", "more_body": False}]

        async def nothing() -> Message:
            if messages:
                return messages.pop()
            await answered.wait()
            return {"type": "http.disconnect"}

        async def head_alone(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b""})
                answered.set()

        # From 2.4 on a stream would look for the client when it sends, and one that has nothing to say would stay.
        asgi = {**scope.get("asgi", {}), "spec_version": "2.3"}
        asked = {**scope, "method": "GET", "asgi": asgi}
        try:
            await self.app(asked, nothing, head_alone)
        finally:
            if "route" in asked:
                scope["route"] = asked["route"]
