# Made of hindcast_client/asynchronous/jobs.py by `make client`: change that, not this.
"""`client.jobs`: what is queued, runs and has ended."""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from typing import Any

from pydantic import BaseModel, PrivateAttr

from hindcast_client.answers import EventAnswer, JobAnswer, MetricsAnswer, ProgressAnswer
from hindcast_client.errors import JobFailed
from hindcast_client.request import Reference, at, fields_of, get, id_of, post
from hindcast_client.synchronous.transport import Transport
from hindcast_client.synchronous.watching import Watch
from hindcast_client.waiting import PATIENCE_SECONDS, Deadline, OnAway

OnProgress = Callable[[ProgressAnswer], object]


class Job(JobAnswer):
    """A job as it was told, to be waited for and moved on. It doesn't change: what is asked of it gives a new one."""

    _jobs: "Jobs" = PrivateAttr()

    def refresh(self) -> "Job":
        """As it is now."""
        return self._jobs.get(self.id)

    def wait(
        self,
        *,
        timeout: float | None = None,
        on_progress: OnProgress | None = None,
        patience: float = PATIENCE_SECONDS,
    ) -> "Job":
        """As it is once it has succeeded. See `Jobs.wait`."""
        return self._jobs.wait(self.id, timeout=timeout, on_progress=on_progress, patience=patience)

    def events(self, *, after: int = 0, patience: float = PATIENCE_SECONDS) -> Generator[EventAnswer, None, None]:
        """What happens to it. See `Jobs.events`."""
        return self._jobs.events(self.id, after=after, patience=patience)

    def cancel(self) -> "Job":
        """See `Jobs.cancel`."""
        return self._jobs.cancel(self.id)

    def retry(self) -> "Job":
        """See `Jobs.retry`."""
        return self._jobs.retry(self.id)

    def delete(self) -> None:
        """See `Jobs.delete`."""
        self._jobs.delete(self.id)


class Jobs:
    """Jobs: pre-training, language models, corpora. Any is meant by its id, by its name, or by itself."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, spec: Mapping[str, Any] | BaseModel | None = None, /, **fields: Any) -> Job:
        """Queues a job: `kind`, and the fields of its kind, as a mapping, as a pydantic model or by name.

        After a connection that broke off it is sent again only where it has a `name`, which can't be taken twice: if
        the first try got there, a Conflict that is `uncertain` says so."""
        told = fields_of(spec, fields)
        return self._bound(self._transport.ask(post(at("jobs"), told, once="name" not in told), Job))

    def get(self, job: Reference) -> Job:
        """One job. NotFound."""
        return self._bound(self._transport.ask(get(at("jobs", job)), Job))

    def list(
        self,
        *,
        status: str | None = None,
        kind: str | None = None,
        name: str | None = None,
        search: str | None = None,
        in_experiment: bool | None = None,
    ) -> Iterator[Job]:
        """All of them, newest first; pages are asked for as they are needed. `search` stands in the name or label, in
        any case; `in_experiment` says whether experiments posted them."""
        filters = {"status": status, "kind": kind, "name": name, "search": search, "in_experiment": in_experiment}
        for job in self._transport.items(at("jobs"), Job, **filters):
            yield self._bound(job)

    def metrics(self, job: Reference, *, points: int | None = None) -> MetricsAnswer:
        """The whole history of each metric, as curves of so many points at most."""
        return self._transport.ask(get(at("jobs", job, "metrics"), points=points), MetricsAnswer)

    def cancel(self, job: Reference) -> Job:
        """Stops one that waits at once, one that runs within seconds. Conflict for one that has ended."""
        return self._bound(self._transport.ask(post(at("jobs", job, "cancel")), Job))

    def retry(self, job: Reference) -> Job:
        """Queues one that failed or was cancelled again, to go on from its last checkpoint. Conflict for others."""
        return self._bound(self._transport.ask(post(at("jobs", job, "retry")), Job))

    def delete(self, job: Reference) -> None:
        """Removes one that has ended; what it made stays."""
        self._transport.delete(at("jobs", job))

    def events(
        self,
        job: Reference,
        *,
        after: int = 0,
        patience: float = PATIENCE_SECONDS,
        on_away: OnAway | None = None,
    ) -> Generator[EventAnswer, None, None]:
        """What has happened to a job since the event with the id `after`, and what happens until it has ended. The
        server may be away for `patience` seconds at a time; no event is missed."""
        deadline = Deadline(None)
        watch = Watch(self._transport, id_of(job), after=after, deadline=deadline, patience=patience, on_away=on_away)
        with closing(watch.events()) as events:
            for event in events:
                if event is not None:
                    yield event

    def wait(
        self,
        job: Reference,
        *,
        timeout: float | None = None,
        on_progress: OnProgress | None = None,
        patience: float = PATIENCE_SECONDS,
    ) -> Job:
        """The job once it has succeeded. JobFailed where it fails or is cancelled; TimedOut after `timeout` seconds,
        while the job goes on; Unreachable or Unavailable once the server has been away for `patience` seconds."""
        self.watch(job, Deadline(timeout), on_progress, patience)
        ended = self.get(job)
        if ended.status == "succeeded":
            return ended
        if ended.error is None:
            raise JobFailed(f"{ended.name or ended.id} was cancelled.", ended=ended)
        raise JobFailed(
            f"{ended.name or ended.id} failed: {ended.error.detail}", ended=ended, problem=ended.error.model_dump()
        )

    def watch(self, job: Reference, deadline: Deadline, on_progress: OnProgress | None, patience: float) -> None:
        """Waits until a job has ended, however it does. TimedOut."""
        watch = Watch(self._transport, id_of(job), after=0, deadline=deadline, patience=patience)
        with closing(watch.events()) as events:
            for event in events:
                if event is None:
                    deadline.check(f"The job {id_of(job)}")
                elif event.type == "progress" and on_progress is not None:
                    on_progress(ProgressAnswer.model_validate(event.data))

    def _bound(self, job: Job) -> Job:
        job._jobs = self
        return job
