"""Server-sent events as text. httpx2 reads them too, but says nothing of comments: it is by them that a stream in which
nothing happens shows that it lives."""

import json
from collections.abc import Mapping
from typing import Any

from hindcast_client.answers import EventAnswer


class EventLines:
    """Takes the lines of a stream, one by one."""

    def __init__(self) -> None:
        self._fields: dict[str, str] = {}

    def event(self, line: str) -> EventAnswer | None:
        """The event that a line ends; None for all other lines. ValueError for an event that isn't one of a job."""
        if line:
            name, _, value = line.partition(":")
            if name:  # else it is a comment
                self._fields[name] = value.removeprefix(" ")
            return None
        fields, self._fields = self._fields, {}
        return _event(fields) if "data" in fields else None


def _event(fields: Mapping[str, str]) -> EventAnswer:
    data: dict[str, Any] = json.loads(fields["data"])
    told = {"id": fields.get("id"), "type": fields.get("event"), "created_at": data.pop("created_at", None)}
    return EventAnswer.model_validate({**told, "data": data})
