"""The WebSocket edge: streams of first-pass scores."""

import json
import logging
from typing import Any, Literal

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from hindcast.lm.base import History
from hindcast.web.schemas import Problem
from hindcast_scorer.streaming.stream import Stream
from hindcast_scorer.streams import Streams

_log = logging.getLogger(__name__)


def streaming_router(streams: Streams, *, slots: int) -> APIRouter:
    """No more than `slots` frames are computed at a time, whoever sent them; a client that is slow to read its answers
    holds none of them."""
    routes = APIRouter()
    turns: list[CapacityLimiter] = []

    @routes.websocket("/v1/models/{model}/stream")
    async def stream_scores(
        websocket: WebSocket,
        model: str,
        history: History | None = None,
        sum: Literal["exact", "skipped"] = "exact",
    ) -> None:
        if not turns:  # it belongs to the event loop, which isn't there yet when routes are made
            turns.append(CapacityLimiter(slots))
        with streams.place():
            stream, opening = await to_thread.run_sync(lambda: streams.open(model, history=history, sum=sum))
            try:
                await websocket.accept()
                await websocket.send_text(json.dumps(opening))
                await _converse(websocket, stream, turns[0])
            except WebSocketDisconnect:
                pass

    return routes


async def _converse(websocket: WebSocket, stream: Stream, turns: CapacityLimiter) -> None:
    """One frame for each, until the client leaves."""
    while (message := await websocket.receive())["type"] != "websocket.disconnect":
        answer = await to_thread.run_sync(_answer, stream, _payload(message), limiter=turns)
        if isinstance(answer, bytes):
            await websocket.send_bytes(answer)
        else:
            await websocket.send_text(answer)


def _payload(message: Any) -> str | bytes:
    text: str | None = message.get("text")
    binary: bytes | None = message.get("bytes")
    return text if text is not None else binary or b""


def _answer(stream: Stream, frame: str | bytes) -> str | bytes:
    try:
        return stream.answer(frame)
    except Exception:
        # A bug of ours in one frame is no reason to take a decoder's states from it.
        _log.exception("A frame of %d bytes failed", len(frame))
        problem = Problem(title="Internal error", status=500, detail="Hindcast failed in a way that it did not expect.")
        return json.dumps({"id": None, "problem": problem.model_dump(exclude_none=True)})
