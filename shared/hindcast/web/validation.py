"""What pydantic found wrong with a request, in plain words and under the names that the sender wrote.

pydantic locates an error by every step of its own way through the types, tags of unions included
(`body.language_model.optimizer.epochs`). Walking the JSON schema alongside tells which steps the sender never wrote,
and what would have been right.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute

from hindcast.errors import FieldError, InvalidInput
from hindcast.web.wording import JsonSchema, amount, either, expected, one_of, required, resolved

Error = Mapping[str, Any]
"""One of pydantic's."""

_MUST_BE = "must be "
_KEY = "[key]"
"""pydantic's last step where it isn't the value of an object's key that is wrong, but the key."""
_TYPE_OF_LABEL = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "list": "array",
    "tuple": "array",
    "dict": "object",
}


@dataclass(frozen=True)
class _Place:
    """Where in a document something is wrong."""

    path: Sequence[str]
    """The steps that stand in the document itself."""
    asked: JsonSchema
    """Of what stands there; empty where that can't be told."""
    around: JsonSchema
    """Of the object around it."""
    root: JsonSchema


def invalid_input(errors: Iterable[Error], schema: JsonSchema) -> InvalidInput:
    """pydantic's errors about a document of `schema`, as ours."""
    return _invalid((error["type"], _field_error(error, schema, schema)) for error in errors)


def invalid_request(request: Request, errors: Iterable[Error]) -> InvalidInput:
    """What FastAPI found wrong with a request: body, query, path and headers."""
    document: JsonSchema = request.app.openapi()
    operation = _operation(request, document)
    found: list[tuple[str, FieldError]] = []
    for error in errors:
        place, *location = error["loc"]
        inner = {**error, "loc": location}
        if place == "body":
            field = _body_error(inner, _body(operation), document)
        else:
            field = _field_error(inner, _parameters(operation, place), document)
        found.append((error["type"], field))
    return _invalid(found)


def _invalid(found: Iterable[tuple[str, FieldError]]) -> InvalidInput:
    """Where something may be of several types and one of them fits so far as to have fields, that it isn't of the
    others tells nothing; nor does it that a list is too short without the items that are wrong."""
    every = dict.fromkeys(found)
    above = {prefix for _, error in every for prefix in _prefixes(error.field)}
    messages: dict[str, list[str]] = {}
    for type, error in every:
        is_of_the_whole = type.endswith("_type") or type in ("literal_error", "too_short")
        if not (is_of_the_whole and error.field in above):
            messages.setdefault(error.field, []).append(error.message)
    return InvalidInput.fields([FieldError(field, _as_one(told)) for field, told in messages.items()])


def _prefixes(field: str) -> Iterator[str]:
    """Paths to what a field is part of."""
    return accumulate(field.split(".")[:-1], "{}.{}".format)


def _as_one(messages: Sequence[str]) -> str:
    """What is said of one field. What may be of several types must be of any, unless it is of one and wrong in it."""
    others = [message for message in messages if not message.startswith(_MUST_BE)]
    return "; ".join(others) or _MUST_BE + either(message.removeprefix(_MUST_BE) for message in messages)


def _operation(request: Request, document: JsonSchema) -> JsonSchema:
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return {}
    operation: JsonSchema = document["paths"].get(route.path_format, {}).get(request.method.lower(), {})
    return operation


def _body(operation: JsonSchema) -> JsonSchema:
    schema: JsonSchema = (
        operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    )
    return schema


def _parameters(operation: JsonSchema, place: str) -> JsonSchema:
    """What stands in the query, the path or the headers, as if it were an object."""
    parameters = [parameter for parameter in operation.get("parameters", ()) if parameter["in"] == place]
    return {"properties": {parameter["name"]: parameter["schema"] for parameter in parameters}}


def _body_error(error: Error, schema: JsonSchema, root: JsonSchema) -> FieldError:
    if error["type"] == "json_invalid":
        return FieldError("body", f"is no JSON: {error['ctx']['error']} at character {error['loc'][0]}")
    if not error["loc"]:
        if error["type"] == "missing":
            return FieldError("body", "is missing: send JSON")
        if isinstance(error.get("input"), bytes):
            return FieldError("body", "must be JSON, sent with Content-Type: application/json")
    return _field_error(error, schema, root)


def _field_error(error: Error, schema: JsonSchema, root: JsonSchema) -> FieldError:
    place, about = _located(error["loc"], schema, root), ""
    if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        place = replace(place, path=[*place.path, str(error["ctx"]["discriminator"]).strip("'")])
    elif at_key := _located_key(error["loc"], schema, root):
        place, about = at_key, f"the key {json.dumps(error['loc'][-2])} "
    return FieldError(".".join(place.path) or "body", about + _message(error, place))


def _message(error: Error, place: _Place) -> str:
    if describe := _MESSAGES.get(error["type"]):
        return describe(error, place)
    pydantics: str = error["msg"]
    what = expected(place.asked, place.root) if error["type"] in _TOLD_BY_SCHEMA else ""
    return _MUST_BE + what if what else pydantics.replace("Input should be ", _MUST_BE, 1)


def _no_tag(error: Error, place: _Place) -> str:
    tags = place.asked.get("discriminator", {}).get("mapping")
    return f"is required: {one_of(tags)}" if tags else "is required"


def _unknown_field(error: Error, place: _Place) -> str:
    known = ", ".join(place.around.get("properties", {}))
    return f"is no known field; known are {known}" if known else "is no known field"


def _characters(error: Error, place: _Place) -> str:
    least, most = (_limit(error, place, *names) for names in (("minLength", "min_length"), ("maxLength", "max_length")))
    return f"must have {amount(least, most)} characters"


def _items(error: Error, place: _Place) -> str:
    least, most = (_limit(error, place, *names) for names in (("minItems", "min_length"), ("maxItems", "max_length")))
    there = error["ctx"].get("actual_length")
    return f"must have {amount(least, most)} items" + (f", not {there}" if there is not None else "")


def _limit(error: Error, place: _Place, keyword: str, ours: str) -> int | None:
    """Both limits are told, also the one that was kept."""
    limit: int | None = place.asked.get(keyword, error["ctx"].get(ours))
    return limit


def _own_words(error: Error, place: _Place) -> str:
    return str(error.get("ctx", {}).get("error") or error["msg"])


_MESSAGES: Mapping[str, Callable[[Error, _Place], str]] = {
    "missing": lambda error, place: required(place.asked, place.root),
    "union_tag_not_found": _no_tag,
    "union_tag_invalid": lambda error, place: _MUST_BE + f"one of {error['ctx']['expected_tags']}".replace("'", ""),
    "extra_forbidden": _unknown_field,
    "value_error": _own_words,
    "assertion_error": _own_words,
    "string_too_short": _characters,
    "string_too_long": _characters,
    "too_short": _items,
    "too_long": _items,
    "string_unicode": lambda error, place: "must be Unicode: half of a surrogate pair is no character",
}
_TOLD_BY_SCHEMA = frozenset({
    "model_attributes_type", "model_type", "dict_type", "list_type", "tuple_type", "string_type", "bool_type",
    "bool_parsing", "int_type", "int_parsing", "int_parsing_size", "int_from_float", "float_type", "float_parsing",
    "greater_than", "greater_than_equal", "less_than", "less_than_equal", "multiple_of", "literal_error", "enum",
})  # fmt: skip
"""Errors of which pydantic says less than the schema does, or the same in terms of Python."""


def _located(location: Sequence[str | int], schema: JsonSchema, root: JsonSchema) -> _Place:
    path: list[str] = []
    node = around = resolved(schema, root)
    for step in location:
        if len(node.get("oneOf", node.get("anyOf", ()))) > 1:
            node = around = _chosen(node, str(step), root)
            continue
        path.append(str(step))
        around, node = node, _child(node, step, root)
    return _Place(path, node, around, root)


def _located_key(location: Sequence[str | int], schema: JsonSchema, root: JsonSchema) -> _Place | None:
    """Where the object is of which a key is wrong itself, not the value under it; None if it isn't that."""
    if not location or location[-1] != _KEY:
        return None
    place = _located(location[:-2], schema, root)
    return replace(place, asked=place.asked["propertyNames"]) if "propertyNames" in place.asked else None


def _chosen(node: JsonSchema, label: str, root: JsonSchema) -> JsonSchema:
    """The member of a union that pydantic calls `label`; an empty schema where that can't be told."""
    mapping = node.get("discriminator", {}).get("mapping", {})
    if label in mapping:
        return resolved({"$ref": mapping[label]}, root)
    name = label.removeprefix("constrained-").partition("[")[0]
    for option in node.get("oneOf", node.get("anyOf", ())):
        member = resolved(option, root)
        is_literal = name == "literal" and not member.keys().isdisjoint(("enum", "const"))
        if is_literal or member.get("title") == label or member.get("type") == _TYPE_OF_LABEL.get(name, label):
            return member
    return {}


def _child(node: JsonSchema, step: str | int, root: JsonSchema) -> JsonSchema:
    inner = _item(node, step) if isinstance(step, int) else node.get("properties", {}).get(step)
    if inner is None:
        inner = node.get("additionalProperties")
    return resolved(inner, root) if isinstance(inner, Mapping) else {}


def _item(node: JsonSchema, number: int) -> Any:
    """What an array must have there: a tuple says it of each item."""
    items = node.get("prefixItems", ())
    return items[number] if number < len(items) else node.get("items")
