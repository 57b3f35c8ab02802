"""What can go wrong, as one tree. What the network and the file formats raise never comes through it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hindcast_client.answers import CorpusAnswer, ExperimentAnswer, JobAnswer


class HindcastError(Exception):
    """Whatever goes wrong between this client and Hindcast."""

    uncertain = False
    """Whether the service may have done what was asked all the same: the connection broke off before its answer came,
    at this try or at an earlier one of the same request."""


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field of a request, and what would be right."""

    field: str
    message: str


class Refused(HindcastError):
    """The service can't use what was asked, or can't answer it now."""

    def __init__(self, problem: Mapping[str, Any], *, retry_after: float | None = None) -> None:
        super().__init__(problem.get("detail") or problem.get("title") or "refused")
        self.problem = problem
        """All that it says, as RFC 9457 has it."""
        self.retry_after = retry_after
        """Seconds after which it may be asked again, where it said so."""

    @classmethod
    def of(cls, problem: Mapping[str, Any], *, retry_after: float | None = None) -> "Refused":
        """With the class that its status has."""
        return _CLASSES.get(int(problem.get("status") or 0), cls)(problem, retry_after=retry_after)

    @property
    def type(self) -> str:
        """A stable name for this sort of problem, such as `/problems/name-taken`."""
        return str(self.problem.get("type", "about:blank"))

    @property
    def title(self) -> str:
        """The sort of problem, in words."""
        return str(self.problem.get("title", ""))

    @property
    def status(self) -> int:
        """Of HTTP."""
        return int(self.problem.get("status") or 0)

    @property
    def detail(self) -> str:
        """What the matter is."""
        return str(self)

    @property
    def request_id(self) -> str | None:
        """What to look for in the server's log."""
        return self.problem.get("request_id")

    @property
    def errors(self) -> Sequence[FieldError]:
        """The fields that are wrong, where that is the matter."""
        found = [error for error in self.problem.get("errors") or () if isinstance(error, dict)]
        return [FieldError(str(error.get("field", "")), str(error.get("message", ""))) for error in found]


class Invalid(Refused):
    """422, or 400: fields are wrong; `errors` names them."""


class NotAllowed(Refused):
    """401 or 403: without a key, or with one that doesn't allow it."""


class NotFound(Refused):
    """404."""


class Conflict(Refused):
    """409: a name is taken, something is in use, or not in a state for this."""


class Gone(Refused):
    """410: it was there, such as a session that has ended."""


class TooLarge(Refused):
    """413."""


class TooMany(Refused):
    """429: `retry_after` says when there may be room again."""


class NotInstalled(Refused):
    """501: the server lacks a package."""


class Unavailable(Refused):
    """502, 503 or 504: something that the service needs is away."""


_CLASSES: Mapping[int, type[Refused]] = {
    400: Invalid,
    401: NotAllowed,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    410: Gone,
    413: TooLarge,
    422: Invalid,
    429: TooMany,
    501: NotInstalled,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


class Unreachable(HindcastError, ConnectionError):
    """Nobody answers, or the connection broke off."""

    def __init__(self, message: str, *, uncertain: bool = False) -> None:
        super().__init__(message)
        self.uncertain = uncertain


class WrongUrl(HindcastError, ValueError):
    """What was given for the URL of a server is none."""


class WrongArgument(HindcastError, TypeError, ValueError):
    """What was given for something that is asked is of no type, or of no value, that could be sent."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(f"{field} {message}" if field else message)
        self.field = field
        """Of the request, such as `optimizer.epochs`; empty where it is all of it, or none."""
        self.right = message
        """What is wrong with it, or would be right."""


class Closed(HindcastError, RuntimeError):
    """The client, or the stream, was closed before this was asked of it."""


class TimedOut(HindcastError, TimeoutError):
    """It took longer than it was given."""


class NotUnderstood(HindcastError):
    """What answered isn't Hindcast, or a version of it that this client doesn't know."""


class JobFailed(HindcastError):
    """A job, a corpus or an experiment that was waited for has failed, or was cancelled."""

    def __init__(
        self,
        message: str,
        *,
        ended: "JobAnswer | CorpusAnswer | ExperimentAnswer",
        problem: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.ended = ended
        """As it was told last."""
        self.problem = problem
        """Why it failed, as RFC 9457 has it; None where it was cancelled, and for experiments, whose rows say why."""


class Evicted(HindcastError):
    """A state isn't held by the service any more (or never was): `state`."""

    def __init__(self, state: int, message: str) -> None:
        super().__init__(message)
        self.state = state
