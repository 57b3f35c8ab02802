"""Asking a server of Hindcast, and what its refusals come to in a command's own words."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx2

from hindcast_client.command_line.failures import Failure

CONNECT_SECONDS = 10.0

Naming = Callable[[str], str]
"""What whoever typed the command knows a request's field as: an option, or a file and its line."""


class Service:
    """A server, by its URL."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    @contextmanager
    def asked(
        self,
        path: str,
        body: Iterable[bytes],
        *,
        naming: Naming,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[httpx2.Response]:
        """The answer to a body that is sent piece by piece, to be read piece by piece. Failure where it's a refusal, or
        where there is none."""
        told = {"content-type": "application/octet-stream", **(headers or {})}
        try:
            with (
                _client() as http,
                http.stream("POST", self._url + path, content=body, params=query, headers=told) as answer,
            ):
                if not answer.is_success:
                    answer.read()
                    raise Failure(_refusal(answer, naming))
                if answer.headers.get("content-type", "").startswith("text/html"):
                    raise Failure(f"A web page is what {self._url} answers with: it isn't Hindcast.")
                yield answer
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            raise Failure(
                f"Nobody answers at {self._url}: {error}. Is Hindcast running there? Another address is named with "
                "--server or HINDCAST_URL."
            ) from error
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
            raise Failure(f"--server must be a URL such as http://127.0.0.1:8000, not {self._url!r}.") from error
        except httpx2.HTTPError as error:
            raise Failure(f"The connection to {self._url} broke off: {error or type(error).__name__}.") from error


def _client() -> httpx2.Client:
    # Scoring takes as long as it takes; that nobody is there shows soon.
    timeout = httpx2.Timeout(None, connect=CONNECT_SECONDS)
    try:
        return httpx2.Client(timeout=timeout)
    except (ImportError, ValueError, httpx2.InvalidURL) as error:
        raise Failure(f"The proxies that the environment names can't be used: {error}") from error


def _refusal(answer: httpx2.Response, naming: Naming) -> str:
    problem = _problem(answer)
    if wrong := [error for error in problem.get("errors") or () if isinstance(error, dict)]:
        return "\n".join(f"{naming(str(error.get('field')))} {error.get('message')}" for error in wrong)
    sentences = [str(problem.get("detail") or f"{answer.url} answered {answer.status_code} {answer.reason_phrase}.")]
    if "retry-after" in answer.headers:
        sentences.append(f"It may be tried again in {answer.headers['retry-after']} seconds.")
    if answer.status_code >= httpx2.codes.INTERNAL_SERVER_ERROR and "request_id" in problem:
        sentences.append(f"The request's id is {problem['request_id']}.")
    return " ".join(sentences)


def _problem(answer: httpx2.Response) -> Mapping[str, Any]:
    """As RFC 9457 has it; empty where something else answered, such as a proxy."""
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
