"""Models of JSON documents that people write."""

from typing import Any

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic_core import CoreSchema

_SCALARS = frozenset({"int", "float", "bool", "str"})
_NO_SCHEMAS = frozenset({"cls", "config", "default", "metadata"})


def _refuse_coercion(node: Any) -> None:
    if isinstance(node, dict):
        # A model may have a field that is called `type`: what stands there then is no string.
        if isinstance(kind := node.get("type"), str) and kind in _SCALARS:
            node.setdefault("strict", True)
            if kind == "float":
                node.setdefault("allow_inf_nan", False)
        for key, inner in node.items():
            if key not in _NO_SCHEMAS:
                _refuse_coercion(inner)
    elif isinstance(node, list | tuple):
        for inner in node:
            _refuse_coercion(inner)


class JsonModel(BaseModel):
    """A document whose numbers, strings and booleans must be written as such: no "64" for 64, no 1 for true, and no
    infinity, which Python reads and PostgreSQL's JSON can't hold.

    pydantic's own strict mode would also refuse a list for a tuple, and JSON has no tuples. Here a list stays good for
    one, and 1 for 1.0.
    """

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        _refuse_coercion(handler.resolve_ref_schema(schema))
        return schema
