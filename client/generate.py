"""Writes what no one should write by hand: `answers.py`, from the services' OpenAPI document, and `synchronous/`, from
`asynchronous/`. `make client` runs it; a test runs it too and compares."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

HERE = Path(__file__).parent
PACKAGE = HERE / "hindcast_client"
ROOT = HERE.parent
SNAPSHOT = ROOT / "docs" / "openapi.json"

ANSWERS_HEAD = '"""What the services answer. Made of docs/openapi.json by `make client`: change that, not this."""\n\n'
TWIN_HEAD = "# Made of {source} by `make client`: change that, not this.\n"

SCHEMAS = "#/components/schemas/"
PAGE = "PageOf_"
BINARY_TWIN = "VectorsAnswer"
"""Its vectors are fetched as numbers, not as JSON."""
ANYTHING = "JsonValue"
EMPTY: Mapping[str, Any] = {"array": [], "object": {}}
CONSTRAINTS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "pattern"}
"""Of what is sent; what is answered is taken as it comes."""

SYNCHRONOUS: Sequence[tuple[str, str]] = (
    (r"\bAsyncGenerator\[(.+), None\]", r"Generator[\1, None, None]"),
    (r"\basync (?=def|with|for)", ""),
    (r"\bawait ", ""),
    (r"\bAsync(?=[A-Z])", ""),
    (r"\basynchronous\b", "synchronous"),
    (r"\basynccontextmanager\b", "contextmanager"),
    (r"\b__a(enter|exit|iter|next)__\b", r"__\1__"),
    (r"\bAwaitable\[(\w+)\]", r"\1"),
    (r"\ba(close|closing|read|iter_bytes|iter_lines)\b", r"\1"),
    (r"\bfrom anyio import sleep\b", "from time import sleep"),
)
"""What is replaced by what, in this order, wherever it stands in a source: code, strings and comments alike."""


def synchronous(source: str) -> str:
    """The same without waiting for anything but the answer itself."""
    for pattern, replacement in SYNCHRONOUS:
        source = re.sub(pattern, replacement, source)
    return source


def twins() -> Iterator[tuple[Path, str]]:
    """The files of `synchronous/`, and what is in them."""
    for file in sorted((PACKAGE / "asynchronous").glob("*.py")):
        source = file.read_text()
        head = TWIN_HEAD.format(source=file.relative_to(HERE)) if source.strip() else ""
        yield PACKAGE / "synchronous" / file.name, formatted(head + synchronous(source))


def answers() -> str:
    """The source of `answers.py`."""
    with TemporaryDirectory() as folder:
        document, module = Path(folder, "openapi.json"), Path(folder, "answers.py")
        schemas = answered(json.loads(SNAPSHOT.read_text()))
        document.write_text(json.dumps({"openapi": "3.1.0", "paths": {}, "components": {"schemas": schemas}}))
        command = [sys.executable, "-m", "datamodel_code_generator"]  # its options are in pyproject.toml
        subprocess.run([*command, "--input", document, "--output", module], cwd=ROOT, check=True)
        source = module.read_text()
    source = re.sub(r"\A(#.*\n|\n)+", "", source)
    source = re.sub(r"    model_config = ConfigDict\(\n.*\n    \)\n", "", source)
    return formatted(ANSWERS_HEAD + source)


def answered(document: Mapping[str, Any]) -> dict[str, Any]:
    """The schemas of all JSON answers and of what stands in them, in alphabetical order. Lists are what is on their
    pages."""
    schemas: Mapping[str, Any] = document["components"]["schemas"]
    found: dict[str, Any] = {}

    def add(name: str) -> None:
        if name.startswith(PAGE):
            add(_name(schemas[name]["properties"]["items"]["items"]))
        elif name not in found and name not in (BINARY_TWIN, ANYTHING):
            found[name] = {}
            found[name] = _simplified(schemas[name])
            for inside in _references(schemas[name]):
                add(inside)

    for operations in document["paths"].values():
        for operation in operations.values():
            for inside in _references(operation["responses"]):
                add(inside)
    return dict(sorted(found.items()))


def _simplified(schema: Any) -> Any:
    """Without what only matters to who answers."""
    if isinstance(schema, list):
        return [_simplified(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("$ref") == SCHEMAS + ANYTHING:
        return {"description": schema["description"]} if "description" in schema else {}
    kept = {name: value for name, value in schema.items() if name not in CONSTRAINTS}
    if "prefixItems" not in kept:
        kept.pop("minItems", None)
    if isinstance(kept.get("title"), str):
        del kept["title"]
    if isinstance(kept.get("additionalProperties"), bool):
        del kept["additionalProperties"]
    for name, value in kept.items():
        kept[name] = _fields(value, kept.get("required", ())) if name == "properties" else _simplified(value)
    return kept


def _fields(properties: Mapping[str, Any], required: Sequence[str]) -> dict[str, Any]:
    """What may be absent is empty then, rather than None."""
    fields = {name: _simplified(schema) for name, schema in properties.items()}
    for name, schema in fields.items():
        if name not in required and schema.get("type") in EMPTY:
            schema.setdefault("default", EMPTY[schema["type"]])
    return fields


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield _name(schema)
        schema = list(schema.values())
    if isinstance(schema, list):
        for each in schema:
            yield from _references(each)


def _name(reference: Mapping[str, Any]) -> str:
    name: str = reference["$ref"].removeprefix(SCHEMAS)
    return name


def formatted(source: str) -> str:
    """As ruff writes it, with the project's settings."""
    mend = ["check", "--fix", "--unsafe-fixes", "--exit-zero", "--select", "I,F401,SIM117,UP028"]
    for command in (mend, ["format"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--quiet", "--no-cache"]
        there = ["--stdin-filename", str(PACKAGE / "answers.py"), "-"]
        done = subprocess.run(ruff + there, input=source, text=True, stdout=subprocess.PIPE, check=True)
        source = done.stdout
    return source


def generated() -> Iterator[tuple[Path, str]]:
    """Each file that is made, and what is in it."""
    yield PACKAGE / "answers.py", answers()
    yield from twins()


if __name__ == "__main__":
    for path, content in generated():
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
