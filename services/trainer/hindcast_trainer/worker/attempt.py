"""One attempt at one job: its child is listened to, its lease kept, and what it comes to written down.

While the database is away the child goes on and what it says is kept; it is written, and the lease renewed, when the
database is back. Only then may it turn out that the job belongs to another attempt: the child is ended at once.
"""

import logging
import shutil
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hindcast.errors import InvalidInput, LeaseLost, Unavailable
from hindcast.jobs import service
from hindcast.jobs.job import Job
from hindcast.jobs.ports import Database
from hindcast.registry import Resource
from hindcast.web.errors import problem_of
from hindcast_trainer.protocol import Assignment, Checkpoint, Done, Failure, Log, Message, Outcome, Report
from hindcast_trainer.worker.child_process import ChildProcess

GIVE_UP_SECONDS = 5.0
"""A worker that is being stopped tries so long to reach the database; the lease runs out without it."""
PAUSE_SECONDS = 0.25

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Circumstances:
    """What all attempts of a worker have in common."""

    artifacts_url: str
    """Where files live, an fsspec URL."""
    cache: Path
    """Where remote files are copied to before they are read."""
    scratch: Path
    """A folder of this worker alone, best on the artifacts' file system."""
    embedder_url: str
    threads: int
    """Threads that one job may compute with."""
    lease_seconds: float
    heartbeat_seconds: float
    checkpoint_seconds: float
    kinds: str = "hindcast_trainer.kinds"
    """Name of the module that knows the kinds of jobs."""
    device: str = "cpu"
    """What networks are trained on: `cpu`, `cuda` or `auto`."""


class Attempt:
    """One attempt, for one thread to run."""

    def __init__(
        self,
        job: Job,
        resources: Sequence[Resource],
        *,
        database: Database,
        circumstances: Circumstances,
        stopping: threading.Event,
    ) -> None:
        """`job` was claimed. When `stopping` is set the job is given back."""
        self._job = job
        self._resources = resources
        self._database = database
        self._circumstances = circumstances
        self._stopping = stopping
        self._artifact = service.artifact_key(job) if job.result_type else None
        self._unwritten: deque[Message] = deque()
        self._outcome: Outcome | None = None
        self._cancelled = False
        self._next_beat = 0.0
        self._database_is_away = False

    def run(self) -> None:
        """See it through."""
        self._circumstances.scratch.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{self._job.id}-", dir=self._circumstances.scratch))
        child = ChildProcess(self._assignment(folder))
        try:
            self._follow(child)
            self._write_end(child)
        except LeaseLost:
            _log.warning("job %s went on without attempt %d", self._job.id, self._job.attempt)
            child.end()
            self._persist(self._abandon)
        finally:
            child.end()
            shutil.rmtree(folder, ignore_errors=True)

    def _assignment(self, folder: Path) -> Assignment:
        return Assignment(
            kind=self._job.kind,
            spec=self._job.spec,
            resources=self._resources,
            artifacts_url=self._circumstances.artifacts_url,
            cache=self._circumstances.cache,
            artifact=self._artifact,
            checkpoint=self._job.checkpoint,
            checkpoints=f"{service.checkpoint_folder(self._job)}/{self._job.attempt}",
            folder=folder,
            threads=self._circumstances.threads,
            checkpoint_seconds=self._circumstances.checkpoint_seconds,
            embedder_url=self._circumstances.embedder_url,
            kinds=self._circumstances.kinds,
            device=self._circumstances.device,
        )

    def _follow(self, child: ChildProcess) -> None:
        """Until it has ended: hear it, keep the lease, write down what it says, stop it when asked."""
        while (heard := child.listen(PAUSE_SECONDS)) is not None:
            for message in heard:
                if isinstance(message, Outcome):
                    self._outcome = message
                else:
                    self._unwritten.append(message)
            self._beat_and_write()
            if self._cancelled or self._stopping.is_set():
                child.stop()

    def _beat_and_write(self) -> None:
        try:
            self._beat_if_due()
            while self._unwritten:
                self._write_down(self._unwritten[0])
                self._unwritten.popleft()
                # There may be hours of them.
                self._beat_if_due()
            self._database_is_away = False
        except Unavailable as error:
            self._tell_away(error)

    def _beat_if_due(self) -> None:
        if time.monotonic() < self._next_beat:
            return
        with self._database.transaction() as transaction:
            job = transaction.jobs.renew(
                self._job.id, self._job.attempt, lease_seconds=self._circumstances.lease_seconds
            )
        self._cancelled = job.cancel_requested
        self._next_beat = time.monotonic() + self._circumstances.heartbeat_seconds

    def _write_down(self, message: Message) -> None:
        id, attempt = self._job.id, self._job.attempt
        try:
            with self._database.transaction() as transaction:
                match message:
                    case Report(progress, metrics):
                        service.report(transaction, id, attempt, progress=progress, metrics=metrics)
                    case Log(line):
                        service.log(transaction, id, attempt, line)
                    case Checkpoint(key):
                        service.save_checkpoint(transaction, id, attempt, key)
        except InvalidInput as error:
            _log.warning("job %s said what the database can't hold: %s", id, error.detail)

    def _write_end(self, child: ChildProcess) -> None:
        """What it said last, and what has come of it."""
        for message in self._unwritten:
            self._persist(self._beat_if_due)
            self._persist(partial(self._write_down, message))
        try:
            self._persist(partial(self._end, child))
        except InvalidInput as error:
            # Facts that the database can't hold.
            self._outcome = Failure.of(error)
            self._persist(partial(self._end, child))

    def _end(self, child: ChildProcess) -> None:
        id, attempt = self._job.id, self._job.attempt
        with self._database.transaction() as transaction:
            match self._outcome:
                case Done(size, facts, metrics):
                    made = service.Made(self._artifact, size, facts) if self._artifact else None
                    service.finish(transaction, id, attempt, made=made, metrics=metrics)
                case _ if self._cancelled:
                    service.stopped(transaction, id, attempt)
                case Failure() as failure:
                    problem = problem_of(failure.as_error).model_dump(mode="json", exclude_none=True)
                    service.fail(transaction, id, attempt, problem)
                case _ if child.asked_to_stop:
                    service.release(transaction, id, attempt)
                case _:
                    service.crash(transaction, id, attempt, child.how_it_ended)

    def _abandon(self) -> None:
        if self._artifact is not None:
            with self._database.transaction() as transaction:
                service.abandon(transaction, self._job, self._artifact)

    def _persist(self, write: Callable[[], None]) -> None:
        """Write, as often as it takes for the database to be there."""
        give_up_at: float | None = None
        while True:
            try:
                return write()
            except Unavailable as error:
                self._tell_away(error)
            if self._stopping.is_set():
                give_up_at = give_up_at or time.monotonic() + GIVE_UP_SECONDS
                if time.monotonic() >= give_up_at:
                    return None
            time.sleep(PAUSE_SECONDS)

    def _tell_away(self, error: Unavailable) -> None:
        if not self._database_is_away:
            _log.warning("job %s goes on unwritten for now: %s", self._job.id, error.detail)
        self._database_is_away = True
