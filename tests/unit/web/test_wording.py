import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hindcast.web.wording import LONGEST_GIST, amount, either, expected, required

OPENAPI = json.loads((Path(__file__).parents[3] / "docs" / "openapi.json").read_text(encoding="utf-8"))
STRING, INTEGER = {"type": "string"}, {"type": "integer"}


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (STRING, "a string"),
        ({"type": "string", "minLength": 1}, "a string of 1 or more characters"),
        ({"type": "string", "minLength": 1, "maxLength": 200}, "a string of 1 to 200 characters"),
        ({"anyOf": [{"type": "string", "maxLength": 9}, {"type": "null"}]}, "a string of at most 9 characters"),
        (INTEGER, "an integer"),
        ({"type": "integer", "minimum": 2.0, "maximum": 4294967295.0}, "an integer from 2 to 4294967295"),
        ({"type": "integer", "minimum": 1}, "an integer of 1 or more"),
        ({"type": "integer", "maximum": 8}, "an integer of at most 8"),
        ({"type": "integer", "minimum": 2, "maximum": 8, "multipleOf": 2.0}, "a multiple of 2 from 2 to 8"),
        ({"type": "number", "exclusiveMinimum": 0}, "a number above 0"),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 0.5}, "a number above 0 and at most 0.5"),
        ({"type": "number", "minimum": 0, "exclusiveMaximum": 1}, "a number of 0 or more and below 1"),
        ({"type": "boolean"}, "true or false"),
        ({"type": "array"}, "a list"),
        ({"type": "array", "items": STRING, "minItems": 2, "maxItems": 8}, "a list of 2 to 8 strings"),
        ({"type": "array", "items": {"$ref": "#/$defs/Count"}}, "a list of integers"),
        ({"type": "array", "items": {}, "maxItems": 3}, "a list of at most 3 items"),
        ({"type": "object"}, "an object"),
        ({"type": "object", "required": ["train", "valid"]}, "an object with train, valid"),
        ({"enum": ["text", "jsonl"], "type": "string"}, "one of text, jsonl"),
        ({"const": "table-1", "type": "string"}, "table-1"),
        ({"anyOf": [STRING, {"$ref": "#/$defs/Count"}]}, "a string or an integer"),
        ({"anyOf": [{"enum": ["a", "b"]}, {"type": "array"}]}, "one of a, b, or a list"),
        ({"anyOf": [STRING, {}]}, ""),
        ({"oneOf": [], "discriminator": {"propertyName": "kind", "mapping": {"a": "", "b": ""}}},
         "an object whose kind is one of a, b"),
        ({"examples": ["news", {"corpus": "é"}], "type": "object"}, 'something like "news" or {"corpus": "é"}'),
        ({}, ""),
    ],
)  # fmt: skip
def test_a_schema_is_told_in_words(schema: dict[str, Any], words: str) -> None:
    assert expected(schema, {"$defs": {"Count": INTEGER}}) == words


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({}, "is required"),
        (STRING, "is required: a string"),
        ({"description": "Its name. Or not."}, "is required: its name"),
        ({**STRING, "description": "Its id\nor name."}, "is required: a string (its id or name)"),
        ({**STRING, "description": "`gold`, or an id."}, "is required: a string (`gold`, or an id)"),
        ({**STRING, "description": "LSTM or not."}, "is required: a string (LSTM or not)"),
        ({**STRING, "description": f"What: {'very ' * 20}long."}, "is required: a string (what)"),
        (
            {"$ref": "#/$defs/Text", "description": "The text to learn."},
            'is required: the text to learn, such as "news"',
        ),
        ({"$ref": "#/$defs/Text"}, 'is required: any text, such as "news"'),
        ({"examples": ["news"]}, 'is required: something like "news"'),
    ],
)
def test_what_is_missing_is_described(schema: dict[str, Any], message: str) -> None:
    text = {"type": "object", "description": "Any text.", "examples": ["news"]}
    assert required(schema, {"$defs": {"Text": text}}) == message


def test_amounts_and_alternatives() -> None:
    limits = [(None, None), (1, None), (0, 8), (None, 8), (2, 8), (3, 3)]
    assert [amount(*limit) for limit in limits] == ["", "1 or more", "at most 8", "at most 8", "2 to 8", "3"]
    assert either(["a string", "a list", "a string"]) == "a string or a list"


def properties(node: Any) -> Iterator[tuple[str, Any, bool]]:
    """What an object of that schema may have, its schema, and whether it must be there."""
    if isinstance(node, list):
        for inner in node:
            yield from properties(inner)
    elif isinstance(node, dict):
        for name, inner in node.get("properties", {}).items():
            yield name, inner, name in node.get("required", ())
        for inner in node.values():
            yield from properties(inner)


def test_every_field_and_parameter_of_the_api_can_be_told_in_few_words() -> None:
    operations = [operation for item in OPENAPI["paths"].values() for operation in item.values()]
    parameters = [each for operation in operations for each in operation.get("parameters", ())]
    asked = [(each["name"], each["schema"], each["required"]) for each in parameters]
    requests = {name: found for name, found in OPENAPI["components"]["schemas"].items() if not name.endswith("Answer")}
    asked += properties(requests)
    assert len(asked) > 200
    for name, schema, is_required in asked:
        if is_required:
            message = required(schema, OPENAPI)
            assert "is required: " in message, name
            assert len(message) < LONGEST_GIST + 120, message
