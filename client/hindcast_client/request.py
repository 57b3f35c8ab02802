"""What is asked of a service, before anybody sends it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote
from uuid import uuid4

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, to_json

from hindcast_client.answer import Answer
from hindcast_client.errors import Refused, WrongArgument
from hindcast_client.uploads import Upload

JSON = "application/json"


@dataclass(frozen=True)
class Request:
    """One request, which may be sent several times until it is answered."""

    method: str
    path: str
    """Below the service's URL."""
    query: Mapping[str, Any] = field(default_factory=dict)
    """None: as if it weren't there."""
    json: Any = None
    """What is sent as JSON. Or:"""
    upload: Upload | None = None
    accept: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    once: bool = False
    """Doing it twice would do more than doing it once, such as making a thing without a name: it isn't sent again where
    the service may have got it."""
    key: str = field(default_factory=lambda: uuid4().hex)
    """Tells the service which requests are the same one, sent again."""

    @property
    def all_headers(self) -> Mapping[str, str]:
        """Of each time that it is sent; those of what is sent along are told besides."""
        keyed = {"idempotency-key": self.key} if self.method == "POST" else {}
        return {"accept": self.accept, **keyed, **self.headers}

    @property
    def body(self) -> bytes:
        """The JSON as it is sent. WrongArgument, which names the field, for what has none."""
        try:
            return to_json(self.json)
        except (PydanticSerializationError, ValueError) as error:
            field, value = _unwritable("", self.json)
            if isinstance(value, str):
                raise WrongArgument(f"must be UTF-8: {value!a:.80} isn't", field=field) from error
            raise WrongArgument(
                f"can't be sent as JSON: {value!r:.80} is of the type {type(value).__name__}", field=field
            ) from error

    @property
    def parameters(self) -> Mapping[str, str]:
        """The query as it stands in a URL."""
        return {name: _written(value) for name, value in self.query.items() if value is not None}

    @property
    def replayable(self) -> bool:
        """Whether what is sent can be read a second time."""
        return self.upload is None or self.upload.rereadable


def get(path: str, *, accept: str = JSON, headers: Mapping[str, str] | None = None, **query: Any) -> Request:
    """Asks, and changes nothing."""
    return Request("GET", path, query=query, accept=accept, headers=headers or {})


def delete(path: str) -> Request:
    """Deletes what is there."""
    return Request("DELETE", path)


def post(path: str, json: Any = None, *, accept: str = JSON, once: bool = False) -> Request:
    """Sends fields as JSON."""
    return Request("POST", path, json={} if json is None else json, accept=accept, once=once)


class Identified(Protocol):
    """A job, a corpus, a table, a model: whatever has an id."""

    @property
    def id(self) -> str:
        """Made by the server."""


Reference = str | Identified
"""An id, a name, or what has an id."""


def id_of(reference: Reference) -> str:
    """An id or a name. WrongArgument for what has none."""
    if isinstance(reference, str):
        return reference
    if not isinstance(id := getattr(reference, "id", None), str):
        raise WrongArgument(f"must be an id, a name, or what has an id, not {reference!r}")
    return id


def at(*parts: Reference) -> str:
    """A path below /v1; ids and names are quoted. NotFound for what can't be one, and would mean another path."""
    names = [id_of(part) for part in parts]
    collections = ["", *names]
    return "/v1/" + "/".join(_quoted(name, _NOUNS.get(of, "")) for of, name in zip(collections, names, strict=False))


_NOUNS = {
    "jobs": "job",
    "corpora": "corpus",
    "domains": "set of domains",
    "tables": "table",
    "models": "model",
    "ngrams": "n-gram model",
    "experiments": "experiment",
    "sessions": "session",
}
"""What one is called that stands below a collection's name."""


def _quoted(name: str, noun: str) -> str:
    if not name:
        raise _not_found("An id or a name must have a letter at least: this one is empty.")
    there_is_none = f"There is no {noun or 'such thing as'} {name!r}"
    if "/" in name:
        raise _not_found(f"{there_is_none}: names have no /.")
    if name in (".", ".."):
        raise _not_found(f"{there_is_none}: names aren't one dot or two.")
    # Three dots, say, would be taken for a way through folders by some.
    return quote(name, safe="") if name.strip(".") else name.replace(".", "%2E")


def _not_found(detail: str) -> Refused:
    return Refused.of({"title": "Not Found", "status": 404, "detail": detail})


def stated(**fields: Any) -> dict[str, Any]:
    """The fields that aren't None, what has an id as its id: what isn't stated is left to the service's defaults."""
    return {name: _meant(value) for name, value in fields.items() if value is not None}


def fields_of(spec: Mapping[str, Any] | BaseModel | None, fields: Mapping[str, Any]) -> dict[str, Any]:
    """A specification as it is sent; `fields` go before what it says itself. What has an id stands for it."""
    with must_be("a specification", "a mapping of fields, or a pydantic model"):
        told = spec.model_dump() if isinstance(spec, BaseModel) else dict(spec or {})
    return {name: _meant(value) for name, value in {**told, **fields}.items()}


@contextmanager
def must_be(name: str, right: str) -> Iterator[None]:
    """WrongArgument, which says what would be right, for what Python can't take for that."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise WrongArgument(f"{name} must be {right}: {error}") from error


def texts_of(texts: str | Sequence[str]) -> Sequence[str]:
    """One is as good as a list of one."""
    return [texts] if isinstance(texts, str) else texts


def _meant(value: Any) -> Any:
    """With ids in the place of whatever came from the server and has one."""
    if isinstance(value, Answer):
        return getattr(value, "id", value)
    if isinstance(value, Mapping):
        return {name: _meant(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_meant(each) for each in value]
    return value


def _unwritable(path: str, value: Any) -> tuple[str, Any]:
    """The first part of it, however far in, that JSON has nothing for."""
    places = range(len(value)) if isinstance(value, list | tuple) else value if isinstance(value, Mapping) else ()
    for name in places:
        part = value[name]
        try:
            to_json(part)
        except (PydanticSerializationError, ValueError):
            return _unwritable(f"{path}.{name}" if path else str(name), part)
    return path, value


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
