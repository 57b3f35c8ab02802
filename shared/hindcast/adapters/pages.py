"""Cursors of lists that run from the newest to the oldest."""

import base64
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from hindcast.errors import InvalidInput
from hindcast.registry import Page

Row = TypeVar("Row")
Place = tuple[datetime, str]
"""Where in a list: when the item was made, and its id."""


def place_of(page: Page) -> Place | None:
    """The last item of the page before; None on the first page. InvalidInput if the cursor is none of ours."""
    if page.cursor is None:
        return None
    try:
        moment, id = json.loads(base64.urlsafe_b64decode(page.cursor))
        return datetime.fromisoformat(moment), str(id)
    except (ValueError, TypeError) as error:
        raise InvalidInput.field("cursor", "must be a `next_cursor` that this list gave") from error


def cut(rows: Sequence[Row], page: Page, place: Callable[[Row], Place]) -> tuple[Sequence[Row], str | None]:
    """One page of `rows`, which hold one more than fits if there is more, and the cursor of the next."""
    if len(rows) <= page.limit:
        return rows, None
    moment, id = place(rows[page.limit - 1])
    cursor = json.dumps([moment.isoformat(), id]).encode()
    return rows[: page.limit], base64.urlsafe_b64encode(cursor).decode()
