"""A large upload, which goes out in parts: where it breaks off it goes on from what the service has."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from hindcast_client.errors import Conflict, HindcastError, NotUnderstood, TimedOut
from hindcast_client.request import Request
from hindcast_client.uploads import PIECE_BYTES, Piece, Upload
from hindcast_client.waiting import AWAY

PART_BYTES = 8 << 20
"""So large that far lines are fast too; so much is held until the service has confirmed it."""
PART_SECONDS = 60.0
"""A part is answered as soon as it is there, but for the last: a connection that is silent for so long is dead."""
MEDIA_TYPE = "application/partial-upload"
WRONG_OFFSET = "/problems/wrong-offset"


@dataclass(frozen=True)
class Step:
    """A request on the way, to be sent once."""

    request: Request
    seconds: float | None
    """How long its answer may be silent; None: as long as others."""
    ends: bool
    """Whether it is answered with what the whole upload comes to."""


class LargeUpload:
    """The requests that bring one about, and what of it the service hasn't confirmed yet."""

    def __init__(self, request: Request) -> None:
        """The request is what would send all of it at once."""
        assert request.upload is not None
        self.offset = 0
        """Bytes that the service has."""
        self._whole = request
        self._upload = request.upload
        self._coming = request.upload.read_on()
        self._held: deque[Piece] = deque()
        self._ended = False
        self._told = 0
        self._sure = True
        self._path = ""
        self._upload.tell(0)

    @property
    def beginning(self) -> Request:
        """With a few bytes, by which the service may see that it can't use the rest."""
        of_all = dict(self._upload.headers)
        length = of_all.pop("content-length", None)
        announced = {} if length is None else {"upload-length": length}
        headers = {**of_all, **announced, "upload-complete": "?0", **self._whole.headers}
        return replace(self._whole, upload=self._held_upload(PIECE_BYTES), headers=headers, once=False)

    def begun(self, headers: Mapping[str, str]) -> None:
        """As the answer's headers tell. NotUnderstood."""
        self._path = urlsplit(headers.get("location", "")).path
        if not self._path:
            raise NotUnderstood("The service has begun an upload and doesn't say where.")
        if self._upload.on_begun is not None:
            self._upload.on_begun(self._path)
        self.confirm(headers)

    def next(self) -> Step:
        """A part, or the question how far it has come, where that isn't sure."""
        if not self._sure:
            return Step(Request("HEAD", self._path), PART_SECONDS, ends=False)
        upload = self._held_upload(PART_BYTES)
        headers = {
            "content-type": MEDIA_TYPE,
            "upload-offset": str(self.offset),
            "upload-complete": "?1" if self._ended else "?0",
        }
        seconds = None if self._ended else PART_SECONDS
        return Step(Request("PATCH", self._path, upload=upload, headers=headers), seconds, self._ended)

    def lost(self, step: Step, error: HindcastError) -> None:
        """There is no answer to that step. Raises the error, unless the upload can go on after it."""
        wrong_offset = isinstance(error, Conflict) and error.type == WRONG_OFFSET
        waited_for = isinstance(error, TimedOut) and step.ends
        if waited_for or not (wrong_offset or isinstance(error, AWAY)):
            raise error
        self._sure = False

    def confirm(self, headers: Mapping[str, str]) -> bool:
        """The service has what the headers tell; whether that's more than before. NotUnderstood where it can't be."""
        told = headers.get("upload-offset", "")
        if not told.isdigit() or not 0 <= (more := int(told) - self.offset) <= self._bytes_held:
            raise NotUnderstood(f"The service says that it has {told or 'nothing'} of the upload, which can't be.")
        self._sure = True
        self.offset += more
        progress = more > 0
        while more:
            piece = self._held.popleft()
            if len(piece.content) > more:
                self._held.appendleft(replace(piece, content=piece.content[more:]))
            more -= min(more, len(piece.content))
        return progress

    @property
    def _bytes_held(self) -> int:
        return sum(len(piece.content) for piece in self._held)

    def _held_upload(self, size: int) -> Upload:
        """`size` bytes that come next, or a few more, or fewer at the end: read, if they haven't been."""
        held = self._bytes_held
        while held < size and not self._ended:
            if piece := next(self._coming, None):
                self._held.append(piece)
                held += len(piece.content)
            else:
                self._ended = True
        return Upload(self._sending, rereadable=True, size=held)

    def _sending(self) -> Iterator[bytes]:
        for piece in tuple(self._held):
            yield piece.content
            if piece.read > self._told:
                self._told = piece.read
                self._upload.tell(piece.read)
