"""Which of several forms an answer takes, as the Accept header asks."""

from collections.abc import Sequence
from email.message import Message

from fastapi import HTTPException


def preferred(accept: str | None, offered: Sequence[str]) -> str:
    """The media type of `offered` that `accept` likes best (RFC 9110, section 12.5.1); the first of those it likes
    equally, 406 if it likes none."""
    ranges = [_range(part) for part in (accept or "*/*").split(",") if part.strip()]
    qualities = [_quality(media_type, ranges) for media_type in offered]
    if max(qualities) <= 0:
        raise HTTPException(406, f"Accept: {accept} asks for none of what there is: {', '.join(offered)}.")
    return offered[qualities.index(max(qualities))]


def _range(part: str) -> tuple[str, float]:
    message = Message()
    message["Accept"] = part.strip()
    parameters = dict(message.get_params([], header="Accept"))
    try:
        quality = float(parameters.get("q", "1"))
    except ValueError:
        quality = 0.0
    return part.partition(";")[0].strip().lower(), quality


def _quality(media_type: str, ranges: Sequence[tuple[str, float]]) -> float:
    """The quality of the most precise range that covers `media_type`; 0 where none does."""
    whole_type = media_type.partition("/")[0] + "/*"
    for form in (media_type, whole_type, "*/*"):
        qualities = [quality for range, quality in ranges if range == form]
        if qualities:
            return max(qualities)
    return 0.0
