"""Files that a command was pointed to: what is wrong with them is told in a sentence."""

import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hindcast.errors import InvalidInput


@contextmanager
def told_as(option: str, path: Path) -> Iterator[None]:
    """InvalidInput, naming the command's option and the file, where the block can't read or understand it."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise InvalidInput.field(option, f"{path} is not UTF-8: {error.reason} at byte {error.start}") from error
    except OSError as error:
        raise InvalidInput.field(option, f"{path} can't be read: {error.strerror or error}") from error
    except LookupError as error:
        raise InvalidInput.field(option, f"{path} can't be read: it lacks {error}") from error
    except (EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise InvalidInput.field(option, f"{path} can't be read: {error}") from error
