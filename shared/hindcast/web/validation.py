"""What pydantic found wrong with a request, in plain words and under the names that the sender wrote.

pydantic locates an error by every step of its own way through the types, tags of unions included
(`body.language_model.optimizer.epochs`). Walking the JSON schema alongside tells which steps the sender never wrote.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute

from hindcast.errors import FieldError, InvalidInput

JsonSchema = Mapping[str, Any]

_PLAIN: Mapping[str, str] = {
    "missing": "is required",
    "model_attributes_type": "must be an object",
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "too_short": "must have {min_length} or more items, not {actual_length}",
    "too_long": "must have no more items than {max_length}",
}
"""Errors that pydantic tells in terms of Python. All else reads well but for its beginning."""
_TYPE_OF_LABEL = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}


def invalid_input(errors: Iterable[Mapping[str, Any]], schema: JsonSchema) -> InvalidInput:
    """pydantic's errors about a document of `schema`, as ours."""
    return _invalid((error["type"], _field_error(error, schema, schema)) for error in errors)


def invalid_request(request: Request, errors: Iterable[Mapping[str, Any]]) -> InvalidInput:
    """What FastAPI found wrong with a request: body, query, path and headers."""
    document: JsonSchema = request.app.openapi()
    schema = _body_schema(request, document)
    found: list[tuple[str, FieldError]] = []
    for error in errors:
        place, *location = error["loc"]
        inner = {**error, "loc": location}
        field = _body_error(inner, schema, document) if place == "body" else _field_error(inner, {}, {})
        found.append((error["type"], field))
    return _invalid(found)


def _invalid(found: Iterable[tuple[str, FieldError]]) -> InvalidInput:
    """Where something may be of several types and one of them fits so far as to have fields, that it isn't of the
    others tells nothing; nor does it that a list is too short without the items that are wrong."""
    every = dict.fromkeys(found)
    above = {prefix for _, error in every for prefix in _prefixes(error.field)}
    telling = [error for type, error in every if error.field not in above or not type.endswith(("_type", "too_short"))]
    return InvalidInput.fields(list(dict.fromkeys(telling)))


def _prefixes(field: str) -> Iterator[str]:
    """Paths to what a field is part of."""
    return accumulate(field.split(".")[:-1], "{}.{}".format)


def _body_schema(request: Request, document: JsonSchema) -> JsonSchema:
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return {}
    operation = document["paths"].get(route.path_format, {}).get(request.method.lower(), {})
    schema: JsonSchema = (
        operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    )
    return schema


def _body_error(error: Mapping[str, Any], schema: JsonSchema, root: JsonSchema) -> FieldError:
    if error["type"] == "json_invalid":
        return FieldError("body", f"is no JSON: {error['ctx']['error']} at character {error['loc'][0]}")
    if not error["loc"]:
        if error["type"] == "missing":
            return FieldError("body", "is missing: send JSON")
        if isinstance(error.get("input"), bytes):
            return FieldError("body", "must be JSON, sent with Content-Type: application/json")
    return _field_error(error, schema, root)


def _field_error(error: Mapping[str, Any], schema: JsonSchema, root: JsonSchema) -> FieldError:
    path, parent = _written_path(error["loc"], schema, root)
    context = error.get("ctx", {})
    if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        discriminator = str(context["discriminator"]).strip("'")
        path = [*path, discriminator]
    return FieldError(".".join(path) or "body", _message(error["type"], error["msg"], context, parent))


def _message(type: str, message: str, context: Mapping[str, Any], parent: JsonSchema) -> str:
    match type:
        case "union_tag_not_found":
            tags = ", ".join(parent.get("discriminator", {}).get("mapping", {}))
            return f"is required: one of {tags}" if tags else "is required"
        case "union_tag_invalid":
            return f"must be one of {context['expected_tags']}"
        case "extra_forbidden":
            known = ", ".join(parent.get("properties", {}))
            return f"is no known field; known are {known}" if known else "is no known field"
        case "value_error" | "assertion_error":
            return str(context.get("error") or message)
        case _ if type in _PLAIN:
            return _PLAIN[type].format(**context)
        case _:
            return message.replace("Input should be", "must be", 1)


def _written_path(location: Sequence[str | int], schema: JsonSchema, root: JsonSchema) -> tuple[list[str], JsonSchema]:
    """The steps that stand in the document itself, and the schema of the object around the last of them."""
    path: list[str] = []
    node = parent = _resolved(schema, root)
    for step in location:
        if len(node.get("oneOf", node.get("anyOf", ()))) > 1:
            node = parent = _chosen(node, str(step), root)
            continue
        path.append(str(step))
        parent, node = node, _child(node, step, root)
    return path, node if "discriminator" in node else parent


def _resolved(node: JsonSchema, root: JsonSchema) -> JsonSchema:
    """The schema behind `$ref` and behind "or null"."""
    while True:
        options = [option for option in node.get("anyOf", ()) if option.get("type") != "null"]
        if "$ref" in node:
            reference = node["$ref"].removeprefix("#/").split("/")
            node = root
            for key in reference:
                node = node[key]
        elif len(options) == 1:
            node = options[0]
        else:
            return {**node, "anyOf": options} if options else node


def _chosen(node: JsonSchema, label: str, root: JsonSchema) -> JsonSchema:
    """The member of a union that pydantic calls `label`; an empty schema where that can't be told."""
    mapping = node.get("discriminator", {}).get("mapping", {})
    if label in mapping:
        return _resolved({"$ref": mapping[label]}, root)
    for option in node.get("oneOf", node.get("anyOf", ())):
        member = _resolved(option, root)
        if member.get("title") == label or member.get("type") == _TYPE_OF_LABEL.get(label):
            return member
    return {}


def _child(node: JsonSchema, step: str | int, root: JsonSchema) -> JsonSchema:
    inner = node.get("items") if isinstance(step, int) else node.get("properties", {}).get(step)
    if inner is None:
        inner = node.get("additionalProperties")
    return _resolved(inner, root) if isinstance(inner, Mapping) else {}
