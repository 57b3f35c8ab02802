"""A worker: runs the jobs that it is rung for, quick ones beside the others, and sweeps for what was lost."""

import logging
import os
import threading
from collections.abc import Collection, Sequence

from hindcast.errors import Unavailable
from hindcast.jobs import service
from hindcast.jobs.job import Job
from hindcast.jobs.ports import Artifacts, Database, Queue
from hindcast.registry import Resource
from hindcast_trainer.worker.attempt import Attempt, Circumstances

LOOK_SECONDS = 0.5
"""How often a quick place looks for a job that it wasn't rung for: busy slots hear no message."""
SLOTS_A_QUICK_ONE = 4
"""For so many slots a worker has one quick place more."""

_log = logging.getLogger(__name__)


class Worker:
    """Runs `slots` jobs at a time, on the threads that call `run_job`, and quick ones beside them, on those that call
    `run_quick_until_stopped`."""

    def __init__(
        self,
        database: Database,
        queue: Queue,
        artifacts: Artifacts,
        *,
        circumstances: Circumstances,
        slots: int,
        quick: Collection[str] = (),
        sweep_seconds: float,
    ) -> None:
        """`quick` are the kinds of jobs that take moments: they take no slot, and wait for none."""
        self._database = database
        self._queue = queue
        self._artifacts = artifacts
        self._circumstances = circumstances
        self._slots = slots
        self._quick = quick
        self._sweep_seconds = sweep_seconds
        self._stopping = threading.Event()
        self._sweep_now = threading.Event()
        self._look_now = threading.Event()
        self._in_slots: set[str] = set()
        self._in_quick_places: set[str] = set()
        self._changing = threading.Lock()

    @property
    def quick_places(self) -> int:
        """Quick jobs at a time."""
        return 1 + self._slots // SLOTS_A_QUICK_ONE if self._quick else 0

    def run_job(self, id: str) -> None:
        """Run one attempt at the job that has waited longest, or else at that one, if there is anything to claim; but
        leave the quick ones to those who run them.

        A message says that there is work, and the database which: a job whose own message was lost keeps its turn."""
        self._look_now.set()
        try:
            with self._database.transaction() as transaction:
                # One more than may run here already, should their leases have run out.
                waiting = transaction.jobs.claimable(limit=self._slots + 1, but=self._quick)
                rung_for = [job.id for job in transaction.jobs.those([id]) if job.kind not in self._quick]
            for each in dict.fromkeys([*waiting, *rung_for]):
                if self._run_if_claimed(each, self._in_slots):
                    return
        except Unavailable as error:
            _log.warning("what was rung for is left to the next sweep: %s", error.detail)

    def sweep(self) -> None:
        """Do what was left undone: ring for jobs whose message or whose worker was lost, and remove what nothing points
        to any more. Unavailable."""
        service.deliver(self._database, self._queue)
        self._ring_for_lost()
        service.remove_discarded(self._database, self._artifacts)

    def sweep_until_stopped(self) -> None:
        """Sweep, now and again."""
        scratch = self._circumstances.scratch
        scratch.mkdir(parents=True, exist_ok=True)
        while not self._stopping.is_set():
            # By the folder's age a container's health check sees that we go on.
            os.utime(scratch)
            self._sweep_now.clear()
            try:
                self.sweep()
            except Unavailable as error:
                _log.warning("the sweep waits: %s", error.detail)
            except Exception:
                _log.exception("the sweep failed")
            self._sweep_now.wait(self._sweep_seconds)

    def run_quick_until_stopped(self) -> None:
        """Run the quick jobs that wait, one after the other.

        While all slots are busy, which may be for hours, nobody hears a message: so they are looked for, too."""
        while not self._stopping.is_set():
            self._look_now.clear()
            try:
                if not self._run_quick():
                    self._look_now.wait(LOOK_SECONDS)
            except Unavailable as error:
                _log.warning("quick jobs wait: %s", error.detail)
                self._stopping.wait(self._sweep_seconds)
            except Exception:
                _log.exception("a quick job broke off")
                self._stopping.wait(self._sweep_seconds)

    def stop(self) -> None:
        """Give back the jobs that are running and begin no more."""
        self._stopping.set()
        self._sweep_now.set()
        self._look_now.set()

    @property
    def _free_slots(self) -> int:
        return self._slots - len(self._in_slots)

    def _run_quick(self) -> bool:
        """Whether there was one."""
        with self._database.transaction() as transaction:
            waiting = transaction.jobs.claimable(limit=self.quick_places + 1, kinds=self._quick)
        return any(self._run_if_claimed(each, self._in_quick_places) for each in waiting)

    def _run_if_claimed(self, id: str, running: set[str]) -> bool:
        """Whether an attempt was run, as one of those that are `running`."""
        if not self._take(id, running):
            return False
        try:
            claimed = self._claim(id)
            if claimed is None:
                return False
            job, resources = claimed
            _log.info("job %s (%s): attempt %d begins", id, job.kind, job.attempt)
            self._attempt(job, resources)
            return True
        finally:
            running.discard(id)
            # Others may have waited for what this one made.
            self._look_now.set()
            self._sweep_now.set()

    def _take(self, id: str, running: set[str]) -> bool:
        """A second message for a job that runs here must not take it from itself, should its lease have run out."""
        with self._changing:
            if self._stopping.is_set() or id in running:
                return False
            running.add(id)
            return True

    def _claim(self, id: str) -> tuple[Job, Sequence[Resource]] | None:
        with self._database.transaction() as transaction:
            job = service.claim(transaction, id, lease_seconds=self._circumstances.lease_seconds)
            if job is None:
                return None
            return job, [transaction.resources.get(used) for used in job.uses]

    def _attempt(self, job: Job, resources: Sequence[Resource]) -> None:
        Attempt(
            job,
            resources,
            database=self._database,
            circumstances=self._circumstances,
            stopping=self._stopping,
        ).run()

    def _ring_for_lost(self) -> None:
        """For as many as there are free slots, lest messages pile up while all are busy."""
        free = self._free_slots
        if free <= 0 or self._stopping.is_set():
            return
        with self._database.transaction() as transaction:
            waiting = transaction.jobs.claimable(limit=self._slots + 1, but=self._quick)
        for id in [id for id in waiting if id not in self._in_slots][:free]:
            self._queue.ring(id)
