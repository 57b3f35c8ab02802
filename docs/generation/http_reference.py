"""The HTTP reference, made of docs/openapi.json: a page for each resource, and one for the types that several have."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

Schema = Mapping[str, Any]

_TYPES = "#/components/schemas/"
_PROBLEM = "Problem"
_SHARED_PAGE = "types"
_HEAD = """\
# HTTP

All of Hindcast is one origin, `http://127.0.0.1:8000` unless it was told otherwise, and every path begins with `/v1`.
A running server describes the same at `/docs`, and as JSON at `/openapi.json`.

- What is sent and answered is JSON unless it says otherwise. Fields and query parameters that aren't known are refused.
- Things have ids that the server makes (`job_…`, `cor_…`, `tab_…`, `lm_…`) and may have a `name` of yours, unique among
  things of a kind, which does wherever an id is asked for.
- Lists are answered in pages, newest first: `?limit=` says how many, and `next_cursor` is sent as `?cursor=` for the
  next page.
- Scores are natural logarithms, and every answer says so (`"log_base": "e"`). Times are in UTC.
- Uploads (corpora, tables, models, n-gram models) may come in several requests, and go on where they broke off: a POST
  with the header `Upload-Complete: ?0` answers 201 and a `Location`, to which PATCH adds. This is the IETF's draft
  *Resumable Uploads for HTTP*; [decision 14](../decisions/0014-uploads-that-go-on.md) says what differs.
- What goes wrong is told as `application/problem+json`, a [Problem](types.md#problem) that names the fields and what
  would be right.

| resource | requests |
|---|---|
"""
_WORDS = {
    "operations": "Health and figures",
    "scoring": "Perplexity, ranks, next words",
    "n-grams": "N-gram models",
    "types": "Types of several resources",
}
_BOUNDS = {
    "minimum": "from",
    "exclusiveMinimum": "above",
    "maximum": "to",
    "exclusiveMaximum": "below",
    "multipleOf": "a multiple of",
}
_SIZES = {"minLength": "at least", "minItems": "at least", "maxLength": "at most", "maxItems": "at most"}


@dataclass(frozen=True)
class Request:
    """One method of one path."""

    method: str
    path: str
    described: Schema

    @property
    def tag(self) -> str:
        """The resource that it belongs to."""
        return str(self.described["tags"][0])

    @property
    def anchor(self) -> str:
        """Of its heading."""
        return re.sub(r"[^a-z0-9]+", "-", f"{self.method}-{self.path}".lower()).strip("-")


def http_pages(document: Path) -> Sequence[tuple[str, str]]:
    """Places and Markdown, first the overview."""
    return list(_Reference(json.loads(document.read_text(encoding="utf-8"))).pages())


class _Reference:
    def __init__(self, document: Schema) -> None:
        self.types: Mapping[str, Schema] = document["components"]["schemas"]
        self.by_tag: dict[str, list[Request]] = defaultdict(list)
        for path, methods in document["paths"].items():
            for method, described in methods.items():
                request = Request(method.upper(), path, described)
                self.by_tag[request.tag].append(request)
        for requests in self.by_tag.values():
            requests.sort(key=lambda request: request.path)

    def pages(self) -> Iterator[tuple[str, str]]:
        overview = [f"| {self._title(tag)} | {self._links(requests)} |" for tag, requests in self.by_tag.items()]
        yield "http/index.md", _HEAD + "\n".join(overview) + "\n"
        for tag, requests in self.by_tag.items():
            sections = [f"# {self._title(tag)}", *(self._request(request, tag) for request in requests)]
            yield f"http/{tag}.md", "\n\n".join(sections + self._types_of(tag)) + "\n"
        yield (
            f"http/{_SHARED_PAGE}.md",
            "\n\n".join([f"# {self._title(_SHARED_PAGE)}", *self._types_of(_SHARED_PAGE)]) + "\n",
        )

    @cached_property
    def page_of(self) -> Mapping[str, str]:
        """The page where each type is described: that of the one resource that has it, else the shared one."""
        users: dict[str, set[str]] = defaultdict(set)
        for tag, requests in self.by_tag.items():
            for name in self._reached(request.described for request in requests):
                users[name].add(tag)
        return {name: next(iter(tags)) if len(tags) == 1 else _SHARED_PAGE for name, tags in users.items()}

    def _reached(self, found: Iterator[Schema]) -> set[str]:
        reached: set[str] = set()
        waiting = [name for each in found for name in _named(each)]
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting += _named(self.types[name])
        return reached

    def _types_of(self, page: str) -> list[str]:
        names = [name for name in self.types if self.page_of.get(name) == page]
        return ["## Types", *(self._type_section(name, page) for name in names)] if names else []

    @staticmethod
    def _title(tag: str) -> str:
        return _WORDS.get(tag, tag.capitalize())

    def _links(self, requests: Sequence[Request]) -> str:
        return "<br>".join(f"[`{each.method} {each.path}`]({each.tag}.md#{each.anchor})" for each in requests)

    def _request(self, request: Request, page: str) -> str:
        told = request.described
        parts = [f"## `{request.method} {request.path}` {{ #{request.anchor} }}", _text(told.get("description", ""))]
        queries = [each for each in told.get("parameters", []) if each["in"] != "path"]
        if queries:
            parts.append(self._table(page, [self._parameter(each) for each in queries], head="parameter"))
        if "requestBody" in told:
            parts.append(f"**Body**: {self._contents(told['requestBody']['content'], page)}")
        for status, answer in told["responses"].items():
            if status != "default":
                content = answer.get("content")
                parts.append(f"**{status}**" + (f": {self._contents(content, page)}" if content else ""))
        return "\n\n".join(part for part in parts if part)

    @staticmethod
    def _parameter(told: Schema) -> tuple[str, Schema, bool]:
        text = told.get("description", "")
        if told["in"] == "header":
            return told["name"].title(), {**told["schema"], "description": f"A header. {text}"}, False
        return told["name"], {**told["schema"], "description": text}, told.get("required", False)

    def _contents(self, contents: Mapping[str, Schema], page: str) -> str:
        """What may be sent or answered, a type for each media type."""
        told = []
        for media, content in contents.items():
            kind = self._kind(content.get("schema", {}), page)
            plain = media == "application/json" or kind == "the bytes of a file"
            told.append(kind if plain and len(contents) == 1 else f"{kind} (`{media}`)")
        return ", or ".join(told)

    def _type_section(self, name: str, page: str) -> str:
        schema = self.types[name]
        parts = [f"### {name} {{ #{name.lower()} }}", _text(schema.get("description", ""))]
        if "properties" in schema:
            needed = schema.get("required", [])
            fields = [(field, told, field in needed) for field, told in schema["properties"].items()]
            parts.append(self._table(page, fields, head="field"))
        elif "enum" in schema:
            parts.append(self._kind(schema, page))
        for example in schema.get("examples", []):
            parts.append(f"Example: `{json.dumps(example, ensure_ascii=False)}`")
        return "\n\n".join(part for part in parts if part)

    def _table(self, page: str, fields: Sequence[tuple[str, Schema, bool]], *, head: str) -> str:
        rows = [f"| {head} | type | default | |", "|---|---|---|---|"]
        for name, told, needed in fields:
            default = "*needed*" if needed else _default(told)
            text = _text(told.get("description", "")).replace("\n", " ").replace("|", r"\|")
            rows.append(f"| `{name}` | {self._kind(told, page)} | {default} | {text} |")
        return "\n".join(rows)

    def _kind(self, schema: Schema, page: str) -> str:
        """A type in words, with a link where it is described."""
        if "$ref" in schema:
            return self._link(schema["$ref"].removeprefix(_TYPES), page)
        for several in ("anyOf", "oneOf"):
            if several in schema:
                return " or ".join(dict.fromkeys(self._kind(one, page) for one in schema[several]))
        if "const" in schema:
            return f"`{json.dumps(schema['const'])}`"
        if "enum" in schema:
            return " or ".join(f"`{json.dumps(one)}`" for one in schema["enum"])
        return self._kind_of_type(schema, page)

    def _kind_of_type(self, schema: Schema, page: str) -> str:
        kind = schema.get("type")
        if kind == "array":
            items = [self._kind(one, page) for one in schema.get("prefixItems", [])]
            told = f"[{', '.join(items)}]" if items else f"list of {self._kind(schema.get('items', {}), page)}"
            return told + _limits(schema, _SIZES)
        if kind == "object":
            values = schema.get("additionalProperties")
            return f"object of {self._kind(values, page)}" if isinstance(values, dict) and values else "object"
        if kind == "string":
            told = {"binary": "the bytes of a file", "date-time": "time"}.get(schema.get("format", ""), "string")
            return told + _limits(schema, _SIZES, unit=" characters")
        if kind is None:
            return "any JSON"
        return {"boolean": "true or false"}.get(kind, str(kind)) + _limits(schema, _BOUNDS)

    def _link(self, name: str, page: str) -> str:
        there = self.page_of[name]
        return f"[{name}]({'' if there == page else f'{there}.md'}#{name.lower()})"


def _named(schema: Any) -> list[str]:
    """The types that are referred to anywhere in it, but for the problem that every request may answer."""
    if isinstance(schema, list):
        return [name for part in schema for name in _named(part)]
    if not isinstance(schema, dict):
        return []
    found = [schema["$ref"].removeprefix(_TYPES)] if isinstance(schema.get("$ref"), str) else []
    return found + [name for key, part in schema.items() if key != "discriminator" for name in _named(part)]


def _limits(schema: Schema, words: Mapping[str, str], *, unit: str = "") -> str:
    told = [f"{word} {_number(schema[name])}{unit}" for name, word in words.items() if name in schema]
    return ", " + " ".join(told) if told else ""


def _number(value: float) -> str:
    return f"{int(value):,}" if float(value).is_integer() else f"{value:g}"


def _default(told: Schema) -> str:
    default = told.get("default")
    return "" if default is None else f"`{json.dumps(default, ensure_ascii=False)}`"


def _text(written: str) -> str:
    """Markdown of a description: angle brackets that aren't code are themselves."""
    parts = re.split(r"(`[^`]*`)", written.strip())
    return "".join(part if part.startswith("`") else part.replace("<", "&lt;") for part in parts)
