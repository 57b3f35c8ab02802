"""What a JSON schema asks for, in plain words."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

JsonSchema = Mapping[str, Any]

LONGEST_GIST = 90
"""Characters."""
_PLURALS = {"string": "strings", "integer": "integers", "number": "numbers", "object": "objects"}


def resolved(node: JsonSchema, root: JsonSchema) -> JsonSchema:
    """The schema behind `$ref` and behind "or null", with the description that stands nearest to the field."""
    told: JsonSchema = {}
    while True:
        told = told or {key: node[key] for key in ("description",) if key in node}
        options = [option for option in node.get("anyOf", ()) if option.get("type") != "null"]
        if "$ref" in node:
            reference = node["$ref"].removeprefix("#/").split("/")
            node = root
            for key in reference:
                node = node[key]
        elif len(options) == 1:
            node = options[0]
        else:
            return {**node, **told, **({"anyOf": options} if options else {})}


def required(node: JsonSchema, root: JsonSchema) -> str:
    """That something is required, and what it would be: "is required: an integer from 2 to 1000 (domains)"."""
    schema = resolved(node, root)
    what, meaning = expected(schema, root), _gist(schema.get("description", ""))
    if meaning and "examples" in schema:
        told = f"{meaning}, such as {_examples(schema)}"
    else:
        told = f"{what} ({meaning})" if what and meaning else what or meaning
    return f"is required: {told}" if told else "is required"


def expected(node: JsonSchema, root: JsonSchema) -> str:
    """What would be right: "an integer from 1 to 1000", "one of text, jsonl"; nothing where the schema doesn't say."""
    schema = resolved(node, root)
    for keyword, describe in _BY_KEYWORD.items():
        if keyword in schema:
            return describe(schema, root)
    describe_type = _BY_TYPE.get(schema.get("type", ""))
    return describe_type(schema, root) if describe_type else ""


def one_of(choices: Iterable[Any]) -> str:
    """What may be chosen from; what is alone, alone."""
    words = [str(choice) for choice in choices]
    return f"one of {', '.join(words)}" if len(words) > 1 else words[0]


def either(alternatives: Iterable[str]) -> str:
    """Any of these, once each."""
    told = list(dict.fromkeys(alternatives))
    return (", or " if any("," in each for each in told) else " or ").join(told)


def amount(least: int | None, most: int | None) -> str:
    """How many: "1 to 200", "2 or more", "at most 8"; nothing where any number is right."""
    if least == most:
        return "" if least is None else str(least)
    if most is None:
        return f"{least} or more"
    return f"{least} to {most}" if least else f"at most {most}"


def _examples(schema: JsonSchema) -> str:
    return " or ".join(json.dumps(example, ensure_ascii=False) for example in schema["examples"])


def _tagged(schema: JsonSchema, root: JsonSchema) -> str:
    discriminator = schema["discriminator"]
    return f"an object whose {discriminator['propertyName']} is {one_of(discriminator['mapping'])}"


def _alternatives(schema: JsonSchema, root: JsonSchema) -> str:
    told = [expected(option, root) for option in schema.get("oneOf", schema.get("anyOf", ()))]
    return either(told) if all(told) else ""


def _string(schema: JsonSchema, root: JsonSchema) -> str:
    length = amount(schema.get("minLength"), schema.get("maxLength"))
    return f"a string of {length} characters" if length else "a string"


def _number(schema: JsonSchema, root: JsonSchema) -> str:
    noun = "an integer" if schema["type"] == "integer" else "a number"
    if "multipleOf" in schema:
        noun = f"a multiple of {schema['multipleOf']:.16g}"
    return " ".join(filter(None, (noun, _range(schema))))


def _range(schema: JsonSchema) -> str:
    if "minimum" in schema and "maximum" in schema:
        return f"from {schema['minimum']:.16g} to {schema['maximum']:.16g}"
    bounds = {"minimum": "of {:.16g} or more", "exclusiveMinimum": "above {:.16g}", "exclusiveMaximum": "below {:.16g}"}
    bounds["maximum"] = "at most {:.16g}" if "exclusiveMinimum" in schema else "of at most {:.16g}"
    return " and ".join(words.format(schema[keyword]) for keyword, words in bounds.items() if keyword in schema)


def _list(schema: JsonSchema, root: JsonSchema) -> str:
    number = amount(schema.get("minItems"), schema.get("maxItems"))
    items = _PLURALS.get(resolved(schema.get("items", {}), root).get("type", ""))
    if not (number or items):
        return "a list"
    return " ".join(filter(None, ("a list of", number, items or "items")))


def _object(schema: JsonSchema, root: JsonSchema) -> str:
    names = schema.get("required")
    return f"an object with {', '.join(names)}" if names else "an object"


def _gist(description: str) -> str:
    """Its first sentence, to stand inside one of ours; of a long one what comes before its details."""
    sentence = " ".join(description.split()).split(". ")[0].removesuffix(".")
    if len(sentence) > LONGEST_GIST:
        sentence = re.split("[:;] ", sentence)[0]
    starts_with_a_name = sentence[1:2].isupper() or not sentence[:1].isalpha()
    return sentence if starts_with_a_name else sentence[:1].lower() + sentence[1:]


_BY_KEYWORD: Mapping[str, Callable[[JsonSchema, JsonSchema], str]] = {
    "examples": lambda schema, root: f"something like {_examples(schema)}",
    "discriminator": _tagged,
    "oneOf": _alternatives,
    "anyOf": _alternatives,
    "enum": lambda schema, root: one_of(schema["enum"]),
    "const": lambda schema, root: str(schema["const"]),
}
"""The first that a schema has says most."""
_BY_TYPE: Mapping[str, Callable[[JsonSchema, JsonSchema], str]] = {
    "string": _string,
    "integer": _number,
    "number": _number,
    "boolean": lambda schema, root: "true or false",
    "array": _list,
    "object": _object,
}
