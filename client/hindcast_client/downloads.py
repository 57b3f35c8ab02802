"""Where what is downloaded goes. A file is there whole or not at all: it is written beside its place, then moved."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Protocol


class Sink(Protocol):
    """Takes bytes: an open file, say."""

    def write(self, data: bytes, /) -> object:
        """All of them."""


Target = str | os.PathLike[str] | Sink


@contextmanager
def target_file(target: Target) -> Iterator[Sink]:
    """What to write to. OSError where that can't be."""
    if not isinstance(target, str | os.PathLike):
        yield target
        return
    place = Path(target).resolve()
    with NamedTemporaryFile(dir=place.parent, prefix=".hindcast-", delete=False) as file:
        try:
            yield file
            file.flush()
            _as_new_files_are(Path(file.name))
            os.replace(file.name, place)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def rewritable(target: Target) -> bool:
    """Whether what was written can be written once more."""
    return isinstance(target, str | os.PathLike)


def _as_new_files_are(path: Path) -> None:
    """Temporary files are their owner's alone."""
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)
