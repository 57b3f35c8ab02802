"""What httpx2 tells, as the errors of this library."""

import email.utils
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2
from pydantic import ValidationError

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
        raise Refused.of(_problem(response, url, body), retry_after=_retry_after(response))
    if response.headers.get("content-type", "").startswith("text/html"):
        raise NotUnderstood(f"A web page is what {url} answers with: it isn't Hindcast.")


@contextmanager
def understood(path: str) -> Iterator[None]:
    """NotUnderstood, in one sentence, for an answer from there whose fields aren't those that are known."""
    try:
        yield
    except ValidationError as error:
        first, *others = error.errors(include_url=False, include_input=False, include_context=False)
        field = ".".join(map(str, first["loc"]))
        told = f"{field}: {first['msg']}" if field else first["msg"]
        more = (
            f" ({len(others)} more fields are wrong)" if len(others) > 1 else " (one more is wrong)" if others else ""
        )
        raise NotUnderstood(f"{path} answers what this version of the client doesn't know: {told}{more}.") from error


def _problem(response: httpx2.Response, url: str, body: bytes) -> Mapping[str, Any]:
    """As RFC 9457 has it, also where something else answered, such as a proxy."""
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    detail = f"{response.url} answered {response.status_code} {response.reason_phrase}."
    made = {"title": response.reason_phrase, "status": response.status_code, "detail": detail}
    problem = {**made, **found} if isinstance(found, dict) else made
    parts = urlsplit(url)
    if response.status_code == 404 and parts.path and not str(problem.get("type", "")).startswith("/problems/"):
        root = f"{parts.scheme}://{parts.netloc}"
        return {**problem, "detail": f"No Hindcast answers at {url}: there is no such path. Is it at {root}?"}
    return problem


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
