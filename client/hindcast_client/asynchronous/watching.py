"""What happens to a job, told as it happens: by server-sent events, or by asking now and then where there are none."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from anyio import sleep

from hindcast_client.answers import EventAnswer, EventPage, JobAnswer
from hindcast_client.asynchronous.transport import AsyncTransport
from hindcast_client.errors import Refused, TimedOut
from hindcast_client.event_stream import EventLines
from hindcast_client.request import at, get
from hindcast_client.waiting import AWAY, ENDED, POLL_SECONDS, Contact, Deadline, OnAway

STREAM = "text/event-stream"
SILENCE_SECONDS = 40.0
"""A stream in which not even a comment comes for so long is dead: the service sends one every 15 seconds."""
MOST_EVENTS = 1000


class AsyncWatch:
    """One job. The server may go away and come back in between: no event is missed, and none comes twice."""

    def __init__(
        self,
        transport: AsyncTransport,
        job: str,
        *,
        after: int,
        deadline: Deadline,
        patience: float,
        on_away: OnAway | None = None,
        silence: float = SILENCE_SECONDS,
    ) -> None:
        """`after` is the id of the last event that was seen; `patience` and `silence` are seconds, see `Contact`."""
        self._transport = transport
        self._path = at("jobs", job)
        self._seen = after
        self._deadline = deadline
        self._contact = Contact(patience, on_away=on_away)
        self._silence = silence
        self._streams = True
        """Whether streams can be had, as far as is known."""

    async def events(self) -> AsyncGenerator[EventAnswer | None, None]:
        """Until the job has ended, also past the deadline; None: time goes by. Raises what patience doesn't help with,
        and at its end what it would have helped with."""
        ended = False
        while not ended:
            pause = 0.0
            try:
                # Asked before its events: what happened until its end is among them then.
                ended = (await self._transport.ask(get(self._path), JobAnswer, patience=0)).status in ENDED
                # A stream can't be left at a given moment, for nothing may come from it then.
                streams = self._streams and self._deadline.left > self._silence
                async with aclosing(self._streamed() if streams else self._polled()) as events:
                    async for event in events:
                        self._contact.made()
                        self._seen = self._seen if event is None else event.id
                        yield event
                self._contact.made()
                pause = 0.0 if streams or ended else POLL_SECONDS
            except AWAY as error:
                pause = self._contact.pause_after(error)
            if pause:
                yield None
                await sleep(min(pause, self._deadline.left))

    async def _streamed(self) -> AsyncGenerator[EventAnswer | None, None]:
        """Until the stream ends, or the deadline is near. One that brings nothing is the last."""
        lines, brought = EventLines(), False
        request = get(f"{self._path}/events", accept=STREAM, headers={"last-event-id": str(self._seen)})
        try:
            async with self._transport.open(request, timeout=self._silence) as response:
                if response.headers.get("content-type", "").startswith(STREAM):
                    async for line in response.aiter_lines():
                        brought = True
                        yield lines.event(line)
                        if self._deadline.left <= self._silence:
                            return
            self._streams = brought
        except AWAY as error:
            # As a proxy that holds everything back would do it. That nobody answers says nothing of streams.
            self._streams = brought or not (error.uncertain or isinstance(error, TimedOut))
            raise
        except (Refused, ValueError):
            self._streams = False

    async def _polled(self) -> AsyncGenerator[EventAnswer | None, None]:
        """What has happened so far."""
        cursor: str | None = str(self._seen)
        while cursor is not None:
            request = get(f"{self._path}/events", limit=MOST_EVENTS, cursor=cursor)
            page = await self._transport.ask(request, EventPage, patience=0)
            for event in page.items:
                yield event
            cursor = page.next_cursor
