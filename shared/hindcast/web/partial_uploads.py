"""Uploads that come in several requests: what is kept of them until they are whole, and then what they were answered.

An upload is a folder. It survives the process that made it, and several processes may serve it at a time."""

import errno
import fcntl
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from hindcast.errors import Conflict, Gone, InvalidInput, NoRoom, NotFound, WrongOffset

ID = re.compile(r"upl_[0-9a-f]{32}")
"""Nobody guesses one that isn't theirs."""
POSTED, BODY, WHOLE, ANSWER = "posted.json", "body", "whole", "answer.json"
"""What is in a folder: the request that began it, its bytes, a mark that no more come, and what it was answered."""


@dataclass(frozen=True)
class Posted:
    """The request that an upload began with."""

    query: str
    """As it stood in the URL."""
    headers: Mapping[str, str]
    """Those that tell what the body is."""
    length: int | None
    """Bytes that were announced; None where nobody knew."""


@dataclass(frozen=True)
class Answer:
    """What a request was answered."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: str
    """Its bytes, as Latin-1."""


class PartialUpload:
    """One of them."""

    def __init__(self, folder: Path) -> None:
        self.id = folder.name
        self._folder = folder

    @cached_property
    def posted(self) -> Posted:
        """What it began with."""
        return Posted(**self._json(POSTED))

    @property
    def offset(self) -> int:
        """Bytes that are kept."""
        if (answer := self._folder / ANSWER).exists():
            return int(json.loads(answer.read_bytes())["bytes"])
        with self._there():
            return (self._folder / BODY).stat().st_size

    @property
    def whole(self) -> bool:
        """Whether no more bytes come."""
        return (self._folder / WHOLE).exists()

    @property
    def answer(self) -> Answer | None:
        """What it was answered for good."""
        if not (self._folder / ANSWER).exists():
            return None
        told = self._json(ANSWER)
        headers = [(name, value) for name, value in told["headers"]]
        return Answer(told["status"], headers, told["body"])

    @property
    def touched(self) -> float:
        """The moment, in seconds since 1970, when something was kept of it last."""
        with self._there():
            return max(file.stat().st_mtime for file in (self._folder, *self._folder.iterdir()))

    def append(self, content: bytes, *, at: int) -> None:
        """Keep what comes next. WrongOffset unless byte `at` is the next: of two that write at once, one goes on and
        the other is told, whether they are of one process or of two. InvalidInput beyond the length that was announced;
        NoRoom; Conflict where no more was to come."""
        length = self.posted.length
        if length is not None and at + len(content) > length:
            raise InvalidInput.field("Upload-Length", f"said {length} bytes, and more came")
        with self._alone_with_the_body(at) as body:
            rest = memoryview(content)
            try:
                while rest:
                    rest = rest[body.write(rest) :]
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise NoRoom(f"The server's disk is full after {self.offset} bytes of the upload.") from error
                raise

    def settle(self, *, at: int, whole: bool) -> None:
        """Have what was kept outlive a power cut. With `whole`, no more bytes come. WrongOffset, Conflict, as above;
        InvalidInput where it is whole and shorter than was announced."""
        length = self.posted.length
        if whole and length not in (None, at):
            raise InvalidInput.field("Upload-Length", f"said {length} bytes, and the upload has {at}")
        with self._alone_with_the_body(at) as body:
            os.fsync(body.fileno())
            if whole:
                (self._folder / WHOLE).touch()

    def read(self) -> BinaryIO:
        """What was kept, from the beginning."""
        with self._there():
            return (self._folder / BODY).open("rb")

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """Whether nobody else, in any process, is at work with the whole of it while the block lasts."""
        with self._there():
            file = (self._folder / POSTED).open("rb")
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def end(self, answer: Answer) -> None:
        """Keep the answer, and no longer the bytes."""
        with self._there():
            told = json.dumps({**asdict(answer), "bytes": self.offset})
            (self._folder / "answering").write_text(told)
            (self._folder / "answering").rename(self._folder / ANSWER)
            (self._folder / BODY).unlink(missing_ok=True)

    def delete(self) -> None:
        """As if it had never been."""
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def _alone_with_the_body(self, at: int) -> Iterator[BinaryIO]:
        with self._there():
            body = os.open(self._folder / BODY, os.O_WRONLY | os.O_APPEND)
        with os.fdopen(body, "ab", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if self.whole:
                raise Conflict("The upload is whole: nothing can be added to it.")
            if (offset := os.fstat(body).st_size) != at:
                raise WrongOffset(offset)
            yield file

    def _json(self, name: str) -> dict[str, Any]:
        with self._there():
            told: dict[str, Any] = json.loads((self._folder / name).read_bytes())
            return told

    @contextmanager
    def _there(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise NotFound(f"There is no upload {self.id!r}: it has ended, or was dropped.") from error


class PartialUploads:
    """Those to one path."""

    def __init__(self, folder: Path, *, seconds: float, now: Callable[[], float] = time.time) -> None:
        """Under `folder`, which is made when it is needed. One that nobody has gone on with for `seconds` is dropped,
        as is an answer of that age."""
        self.seconds = seconds
        self._folder = folder
        self._now = now

    def begin(self, posted: Posted) -> PartialUpload:
        """A new one, with nothing in it. NoRoom where the disk has less than was announced."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._drop_old()
        free = shutil.disk_usage(self._folder).free
        if posted.length is not None and posted.length > free:
            raise NoRoom(f"The upload has {posted.length} bytes, and the server's disk has room for {free}.")
        folder = self._folder / f"upl_{secrets.token_hex(16)}"
        folder.mkdir()
        (folder / BODY).touch()
        (folder / POSTED).write_text(json.dumps(asdict(posted)))
        return PartialUpload(folder)

    def get(self, id: str) -> PartialUpload:
        """NotFound; Gone if it is old and just now dropped."""
        if not ID.fullmatch(id) or not (self._folder / id / POSTED).exists():
            raise NotFound(f"There is no upload {id!r}: it has ended, or was dropped.")
        upload = PartialUpload(self._folder / id)
        if self._is_old(upload):
            upload.delete()
            raise Gone(f"Nobody has gone on with upload {id} for {self.seconds:g} seconds: it was dropped.")
        return upload

    def _drop_old(self) -> None:
        for folder in self._folder.iterdir():
            upload = PartialUpload(folder)
            try:
                if self._is_old(upload):
                    upload.delete()
            except NotFound:  # another process was quicker
                continue

    def _is_old(self, upload: PartialUpload) -> bool:
        return self._now() - upload.touched > self.seconds
