"""Several services' OpenAPI documents as one."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]

PUBLIC = "/v1/"
"""What is below belongs to the origin; a service's other paths are its own."""
_COMPONENTS = "#/components/"


def merged(own: Document, services: Mapping[str, Document]) -> dict[str, Any]:
    """`own` (the origin's), with the public paths of each service by name, and all components. A component that two
    documents define differently is kept once for each, under a name that begins with the service's; so is an
    operation's id that two documents use."""
    documents = {"": own, **services}
    clashes = _clashes(documents)
    paths: dict[str, Any] = _translated(own["paths"], {})
    components: dict[str, dict[str, Any]] = {}
    for service, document in documents.items():
        names = {key: _renamed(key, service) for key in clashes}
        for key, definition in _components(document).items():
            section, name = names.get(key, key).split("/", 1)
            components.setdefault(section, {})[name] = _translated(definition, names)
        if service:
            paths |= {path: _translated(item, names) for path, item in _public(document).items()}
    _tell_operations_apart(paths, {path: service for service, found in services.items() for path in _public(found)})
    return {**own, "paths": paths, "components": components}


def _public(document: Document) -> dict[str, Any]:
    return {path: item for path, item in document["paths"].items() if path.startswith(PUBLIC)}


def _tell_operations_apart(paths: Mapping[str, Any], services: Mapping[str, str]) -> None:
    """Put the service's name before each `operationId` that stands more than once. `services`: whose a path is."""
    operations = [(path, operation) for path, item in paths.items() for operation in item.values()]
    uses = Counter(operation.get("operationId") for _, operation in operations)
    for path, operation in operations:
        if "operationId" in operation and uses[operation["operationId"]] > 1:
            operation["operationId"] = f"{services.get(path, 'origin')}_{operation['operationId']}"


def _components(document: Document) -> dict[str, Any]:
    """Definitions by `section/name`: `schemas/Problem`."""
    return {
        f"{section}/{name}": definition
        for section, definitions in document.get("components", {}).items()
        for name, definition in definitions.items()
    }


def _clashes(documents: Mapping[str, Document]) -> set[str]:
    """Components of one name that aren't the same everywhere: they differ, or refer to such as differ."""
    definitions: dict[str, list[Any]] = {}
    for document in documents.values():
        for key, definition in _components(document).items():
            definitions.setdefault(key, []).append(definition)
    shared = {key: found for key, found in definitions.items() if len(found) > 1}
    clashes = {key for key, found in shared.items() if any(other != found[0] for other in found[1:])}
    while True:
        more = {key for key, found in shared.items() if clashes.intersection(_references(found))} - clashes
        if not more:
            return clashes
        clashes |= more


def _references(node: Any) -> Iterator[str]:
    """Components that `node` refers to, also in a discriminator's mapping."""
    if isinstance(node, str):
        if node.startswith(_COMPONENTS):
            yield node.removeprefix(_COMPONENTS)
    elif isinstance(node, Mapping):
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _renamed(key: str, service: str) -> str:
    section, name = key.split("/", 1)
    return f"{section}/{service.title()}{name}"


def _translated(node: Any, names: Mapping[str, str]) -> Any:
    """`node` with its references to renamed components under the new names."""
    if isinstance(node, str) and node.startswith(_COMPONENTS):
        key = node.removeprefix(_COMPONENTS)
        return _COMPONENTS + names.get(key, key)
    if isinstance(node, Mapping):
        return {key: _translated(value, names) for key, value in node.items()}
    if isinstance(node, list):
        return [_translated(value, names) for value in node]
    return node
