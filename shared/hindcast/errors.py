"""The one error tree. It knows nothing of HTTP: statuses are decided at the web edge.

A class's docstring is its default message, written for the person who meets it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field, and what would be right."""

    field: str
    """Where: a dotted path into the request (`input.table`), a query parameter or `line 17`."""
    message: str


class HindcastError(Exception):
    """Something went wrong in Hindcast."""

    def __init__(self, detail: str | None = None, *, errors: Sequence[FieldError] = ()) -> None:
        self.detail = detail or (type(self).__doc__ or "").strip().splitlines()[0]
        self.errors = tuple(errors)
        super().__init__(self.detail)


class InvalidInput(HindcastError):
    """What was sent can't be used as it is."""

    @classmethod
    def field(cls, field: str, message: str) -> "InvalidInput":
        """One field is wrong: `InvalidInput.field("size", "must be even: each direction has half")`."""
        return cls.fields([FieldError(field, message)])

    @classmethod
    def fields(cls, errors: Sequence[FieldError]) -> "InvalidInput":
        """Several fields are wrong."""
        return cls("; ".join(f"{error.field}: {error.message}" for error in errors), errors=errors)

    def renamed(self, name: Callable[[str], str]) -> "InvalidInput":
        """The same, each field under the name by which its sender knows it."""
        if not self.errors:
            return self
        return self.fields([FieldError(name(error.field), error.message) for error in self.errors])


class NotFound(HindcastError):
    """There is nothing of that id or name."""


class Gone(NotFound):
    """It was there once, and is no more."""


class TooMany(HindcastError):
    """There are as many of them as there may be."""


class Conflict(HindcastError):
    """That contradicts what is there already."""


class NameTaken(Conflict):
    """The name belongs to another."""


class InUse(Conflict):
    """It is in use and can't be deleted."""


class WrongOffset(Conflict):
    """An upload goes on from another byte than that."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"The upload goes on from byte {offset}.")
        self.offset = offset
        """Bytes that have been kept."""


class IllegalMove(Conflict):
    """The job is in a state from which that can't be done."""


class LeaseLost(Conflict):
    """The job belongs to another attempt now: nothing that this one reports counts."""


class Unavailable(HindcastError):
    """Something that Hindcast depends on is away: try again in a moment."""

    retry_after_seconds = 2


class NoRoom(HindcastError):
    """There is no room for it on the server's disk."""


class NotInstalled(HindcastError):
    """It needs a package that isn't installed here."""


class Corrupt(HindcastError):
    """A stored file is not what was written: its checksum or structure is wrong."""


class Stopped(HindcastError):
    """The work was asked to stop."""
