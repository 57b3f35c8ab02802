"""Files that a command was pointed to: what is wrong with them is told in a sentence."""

import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hindcast.errors import InvalidInput


@contextmanager
def reading(path: Path, *, option: str) -> Iterator[None]:
    """The block reads the file, which `option` of the command named. Where it can't, InvalidInput names both."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise InvalidInput.field(option, f"{path} is not UTF-8: {error.reason} at byte {error.start}") from error
    except OSError as error:
        raise InvalidInput.field(option, f"{path} can't be read: {error.strerror or error}") from error
    except (EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise InvalidInput.field(option, f"{path} can't be read: {error}") from error
