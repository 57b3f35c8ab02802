"""A worker: runs the jobs that it is rung for, quick ones beside them, and sweeps for what was lost."""

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
"""How often a worker whose slots are all busy looks for a quick job."""

_log = logging.getLogger(__name__)


class Worker:
    """Runs `slots` jobs at a time, on the threads that call `run_job`, and one of the quick kinds beside them."""

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
        """`quick` are the kinds of jobs that take moments: one at a time they don't wait for a slot."""
        self._database = database
        self._queue = queue
        self._artifacts = artifacts
        self._circumstances = circumstances
        self._slots = slots
        self._quick = quick
        self._sweep_seconds = sweep_seconds
        self._stopping = threading.Event()
        self._sweep_now = threading.Event()
        self._running: set[str] = set()
        self._beside: set[str] = set()
        """Those of them that run in no slot."""
        self._changing = threading.Lock()
        # Of the jobs that wait, as many as may be running here: their leases may have run out, or not begun.
        self._looked_at = slots + 2

    def run_job(self, id: str) -> None:
        """Run one attempt at the job that has waited longest, or else at that one, if there is anything to claim.

        A message says that there is work, and the database which: a job whose own message was lost keeps its turn."""
        try:
            with self._database.transaction() as transaction:
                waiting = transaction.jobs.claimable(limit=self._looked_at)
            for each in dict.fromkeys([*waiting, id]):
                if self._run_if_claimed(each):
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
        """While all slots are busy, which may be for hours, run the quick jobs that wait: one at a time.

        Nobody rings for these: a slot that is busy hears no message."""
        while not self._stopping.is_set():
            pause = LOOK_SECONDS
            try:
                if self._run_quick():
                    continue
            except Unavailable as error:
                pause = self._sweep_seconds
                _log.warning("quick jobs wait: %s", error.detail)
            except Exception:
                pause = self._sweep_seconds
                _log.exception("a quick job broke off")
            self._stopping.wait(pause)

    def stop(self) -> None:
        """Give back the jobs that are running and begin no more."""
        self._stopping.set()
        self._sweep_now.set()

    @property
    def _free_slots(self) -> int:
        with self._changing:
            return self._slots - len(self._running - self._beside)

    def _run_quick(self) -> bool:
        """Whether there was one."""
        if self._free_slots > 0:
            return False
        with self._database.transaction() as transaction:
            waiting = transaction.jobs.claimable(limit=self._looked_at, kinds=self._quick)
        return any(self._run_if_claimed(each, beside=True) for each in waiting)

    def _run_if_claimed(self, id: str, *, beside: bool = False) -> bool:
        """Whether an attempt was run, in a slot or beside them."""
        if not self._take(id, beside=beside):
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
            with self._changing:
                self._running.discard(id)
                self._beside.discard(id)
            # Others may have waited for what this one made.
            self._sweep_now.set()

    def _take(self, id: str, *, beside: bool) -> bool:
        """A second message for a job that runs here must not take it from itself, should its lease have run out."""
        with self._changing:
            if self._stopping.is_set() or id in self._running:
                return False
            self._running.add(id)
            if beside:
                self._beside.add(id)
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
            waiting = transaction.jobs.claimable(limit=self._looked_at)
        for id in [id for id in waiting if id not in self._running][:free]:
            self._queue.ring(id)
