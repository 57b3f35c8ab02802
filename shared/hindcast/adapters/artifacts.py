"""Folders and files under keys, anywhere that fsspec reaches. A key is whole or not there."""

import errno
import json
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from hindcast.errors import HindcastError, NotFound, Unavailable

UNFINISHED = ".unfinished"
"""The folder below the root (or the cache) where a key is written before it is renamed into place."""
LEFT_SECONDS = 24 * 3600
"""What nobody has written to for so long was left there by a process that died."""
CONTENTS = ".contents.json"
"""In a store that can't rename: the list of a key's files, written after the last of them, at `<key>.contents.json`."""


class FileArtifacts:
    """See hindcast.jobs.ports.Artifacts.

    Behind `file://` is a folder: what is put there is renamed into place, and fetched where it lies. Every other
    protocol of fsspec is taken for an object store, of which copies are kept in the cache.
    """

    def __init__(self, url: str, cache: Path) -> None:
        """`url` as fsspec has it: `file:///path`, `s3://bucket/prefix`. Nothing is connected or made yet."""
        self._remote: Any
        self._remote, root = url_to_fs(url)
        self._root = root.rstrip("/")
        self._is_local = isinstance(self._remote, LocalFileSystem)
        self._local = Path(root) if self._is_local else cache

    def put(self, folder: Path, key: str) -> int:
        """See hindcast.jobs.ports.Artifacts."""
        _check(key)
        size = sum(file.stat().st_size for file in _files(folder))
        if self._is_local:
            self._take(folder, key)
        else:
            with self._away(key):
                self._upload(folder, key)
        return size

    def fetch(self, key: str) -> Path:
        """See hindcast.jobs.ports.Artifacts."""
        _check(key)
        here = self._local / key
        if here.exists():
            return here
        if self._is_local:
            raise NotFound(f"There is no artifact {key!r}.")
        with self._away(key):
            self._download(key)
        return here

    @contextmanager
    def open_write(self, key: str) -> Iterator[BinaryIO]:
        """See hindcast.jobs.ports.Artifacts."""
        _check(key)
        unfinished = self._unfinished()
        try:
            with unfinished.open("wb") as stream:
                yield stream
            self.put(unfinished, key)
        finally:
            unfinished.unlink(missing_ok=True)

    def delete(self, key: str) -> None:
        """See hindcast.jobs.ports.Artifacts."""
        _check(key)
        self._remove(self._local / key)
        if not self._is_local:
            with self._away(key):
                self._remove_remote(key)

    def _take(self, source: Path, key: str) -> None:
        """Move into place: a rename within one file system, else a copy and then a rename."""
        place = self._local / key
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists():
            raise FileExistsError(f"artifact {key} is there already")
        try:
            source.rename(place)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            copy = self._unfinished()
            shutil.copytree(source, copy) if source.is_dir() else shutil.copyfile(source, copy)
            copy.rename(place)

    def _upload(self, source: Path, key: str) -> None:
        names = [file.relative_to(source).as_posix() for file in _files(source)] if source.is_dir() else []
        for name in names:
            self._remote.put_file(str(source / name), f"{self._root}/{key}/{name}")
        if source.is_file():
            self._remote.put_file(str(source), f"{self._root}/{key}")
        self._remote.pipe_file(self._contents(key), json.dumps(names).encode())

    def _download(self, key: str) -> None:
        names = json.loads(self._remote.cat_file(self._contents(key)))
        unfinished = self._unfinished()
        if names:
            for name in names:
                (unfinished / name).parent.mkdir(parents=True, exist_ok=True)
                self._remote.get_file(f"{self._root}/{key}/{name}", str(unfinished / name))
        else:
            self._remote.get_file(f"{self._root}/{key}", str(unfinished))
        place = self._local / key
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            unfinished.rename(place)
        except OSError:
            # Another process was quicker: its copy is as good.
            self._remove(unfinished)
            if not place.exists():
                raise

    def _remove_remote(self, key: str) -> None:
        contents = self._contents(key)
        if self._remote.exists(contents):
            self._remote.rm_file(contents)
        if self._remote.exists(f"{self._root}/{key}"):
            self._remote.rm(f"{self._root}/{key}", recursive=True)

    def _remove(self, path: Path) -> None:
        """It is renamed first, so that a folder is gone at once and not file by file under a reader's eyes."""
        doomed = self._unfinished()
        try:
            path.rename(doomed)
        except FileNotFoundError:
            return
        shutil.rmtree(doomed) if doomed.is_dir() else doomed.unlink()

    def _contents(self, key: str) -> str:
        return f"{self._root}/{key}{CONTENTS}"

    def _unfinished(self) -> Path:
        folder = self._local / UNFINISHED
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.iterdir():
            with suppress(FileNotFoundError):
                if time.time() - left.stat().st_mtime > LEFT_SECONDS:
                    shutil.rmtree(left) if left.is_dir() else left.unlink()
        return folder / secrets.token_hex(8)

    @contextmanager
    def _away(self, key: str) -> Iterator[None]:
        """Whatever a remote store raises, in our terms: each of fsspec's many has errors of its own."""
        try:
            yield
        except FileNotFoundError as error:
            raise NotFound(f"There is no artifact {key!r}.") from error
        except HindcastError:
            raise
        except Exception as error:
            raise Unavailable(f"The artifact store is away: {error}") from error


def _check(key: str) -> None:
    path = PurePosixPath(key)
    if path.is_absolute() or not path.parts or ".." in path.parts or path.parts[0] == UNFINISHED:
        raise ValueError(f"{key!r} is no key of an artifact")


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    return sorted(file for file in source.rglob("*") if file.is_file())
