"""What httpx2 tells, as the errors of this library."""

import email.utils
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from hindcast_client.errors import NotUnderstood, Refused, TimedOut, Unreachable, WrongUrl


@dataclass(frozen=True)
class Told:
    """An answer, read to its end."""

    headers: Mapping[str, str]
    body: bytes


_NEVER_ARRIVED = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)


@contextmanager
def connection_errors(url: str) -> Iterator[None]:
    """Unreachable, TimedOut, NotUnderstood and WrongUrl instead of what httpx2 raises."""
    try:
        yield
    except _NEVER_ARRIVED as error:
        raise Unreachable(f"Nobody answers at {url}: {_told(error)}. Is Hindcast running there?") from error
    except httpx2.TimeoutException as error:
        raise TimedOut(f"{url} hasn't answered in time: {_told(error)}.") from error
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
        raise WrongUrl(f"must be a URL such as http://127.0.0.1:8000, not {url!r}: {_told(error)}") from error
    except httpx2.TransportError as error:
        raise Unreachable(f"The connection to {url} broke off: {_told(error)}.", uncertain=True) from error
    except httpx2.RequestError as error:
        raise NotUnderstood(f"What {url} answers can't be read: {_told(error)}.") from error


def check(response: httpx2.Response, url: str, *, body: bytes = b"") -> None:
    """Refused for an answer that is no success, whose body is `body`; NotUnderstood for a web page. `url` is the
    server's."""
    if not response.is_success:
        raise Refused.of(_problem(response, body), retry_after=_retry_after(response))
    if response.headers.get("content-type", "").startswith("text/html"):
        raise NotUnderstood(f"A web page is what {url} answers with: it isn't Hindcast.")


def _problem(response: httpx2.Response, body: bytes) -> Mapping[str, Any]:
    """As RFC 9457 has it, also where something else answered, such as a proxy."""
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    detail = f"{response.url} answered {response.status_code} {response.reason_phrase}."
    made = {"title": response.reason_phrase, "status": response.status_code, "detail": detail}
    return {**made, **found} if isinstance(found, dict) else made


def _retry_after(response: httpx2.Response) -> float | None:
    """In seconds, from a number or a date."""
    told = response.headers.get("retry-after", "")
    if told.isdigit():
        return float(told)
    try:
        moment = email.utils.parsedate_to_datetime(told).timestamp()
    except ValueError:
        return None
    return max(0.0, moment - time.time())


def _told(error: Exception) -> str:
    return str(error) or type(error).__name__
