"""Files that are one JSON object, with an entry for each utterance."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from hindcast.errors import InvalidInput
from hindcast_scorer.formats.json_text import TwiceThere, objects_of, parsed
from hindcast_scorer.formats.text_lines import check_not_gzip, decoded

MAX_DOCUMENT_BYTES = 1 << 28
"""It is held in memory as a whole."""


class Document:
    """Such a file, read, and where in it things are."""

    def __init__(self, body: BinaryIO) -> None:
        self._text = _read(body)
        self._position = 0
        self._line = 1
        self.fields: Mapping[str, Any] = objects_of(self._parsed(), "the whole", "line 1")

    def place(self, utterance: str) -> str:
        """Of an utterance's entry: `line 17`. To be asked in the order in which they stand.

        It is looked for as text, since Python's JSON reader tells no places.
        """
        name = re.compile(re.escape(json.dumps(utterance, ensure_ascii=False)) + r"\s*:")
        if found := name.search(self._text, self._position):
            self._line += self._text.count("\n", self._position, found.start())
            self._position = found.start()
        return f"line {self._line}"

    def entries(self, fields: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Of each utterance its place, its id and what is there of it. InvalidInput where that's no object."""
        for utterance, entry in fields.items():
            place = self.place(utterance)
            yield place, utterance, objects_of(entry, "an utterance", place)

    def _parsed(self) -> Any:
        try:
            return parsed(self._text)
        except json.JSONDecodeError as error:
            raise InvalidInput.field(
                f"line {error.lineno}", f"must be JSON: {error.msg} at character {error.colno}"
            ) from error
        except TwiceThere as error:
            raise InvalidInput.field(self._second_place(error.name), str(error)) from error
        except ValueError as error:
            raise InvalidInput.field("body", str(error)) from error

    def _second_place(self, name: str) -> str:
        """Where a name stands again; only known where it stands twice in all."""
        found = [match.start() for match in re.finditer(re.escape(json.dumps(name, ensure_ascii=False)), self._text)]
        return f"line {self._text.count(chr(10), 0, found[1]) + 1}" if len(found) == 2 else "body"


def _read(body: BinaryIO) -> str:
    content = body.read(MAX_DOCUMENT_BYTES + 1)
    if len(content) > MAX_DOCUMENT_BYTES:
        raise InvalidInput.field("body", f"has more than {MAX_DOCUMENT_BYTES} bytes: send it in parts")
    if not content.strip():
        raise InvalidInput.field("body", "is empty: there must be one list")
    check_not_gzip(content)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return decoded(content[error.start :], f"line {line}")
