"""The process that does one attempt at one job: `python -m hindcast_trainer.child`, started by a worker.

It reads its assignment from standard input and tells what happens on standard output (see protocol.py). It has no
database: what counts of what it tells is the worker's matter. When standard input closes, the worker is gone, and so
is the child at once.
"""

import faulthandler
import importlib
import json
import logging
import math
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

from hindcast.adapters.artifacts import FileArtifacts
from hindcast.errors import HindcastError, NotFound, Stopped
from hindcast.jobs.job import JobProgress
from hindcast.jobs.ports import Artifacts
from hindcast.progress import Progress
from hindcast.registry import Resource
from hindcast_trainer.embedder_client import EmbedderTables
from hindcast_trainer.pace import Pace
from hindcast_trainer.protocol import (
    ASSIGNMENT,
    MESSAGE,
    Assignment,
    Checkpoint,
    Done,
    Failure,
    Halt,
    Log,
    Message,
    Outcome,
    Report,
)
from hindcast_trainer.references import Spec
from hindcast_trainer.work import TableSource

REPORT_SECONDS = 1.0
"""Between milestones, progress is told no more often than this."""
NICENESS = 5
"""A job gives way to the services on its machine."""

Result = TypeVar("Result")
_log = logging.getLogger(__name__)


class Kinds(Protocol):
    """The module that knows what the kinds of jobs are: hindcast_trainer.kinds."""

    def parse(self, kind: str, spec: Mapping[str, Any]) -> Spec:
        """The specification that a job stores."""


class ChildWork:
    """See hindcast_trainer.work.Work."""

    def __init__(
        self,
        assignment: Assignment,
        artifacts: Artifacts,
        *,
        tell: Callable[[Message], None],
        stopping: threading.Event,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._assignment = assignment
        self._artifacts = artifacts
        self._tell = tell
        self._stopping = stopping
        self._clock = clock
        self._resources = {resource.id: resource for resource in assignment.resources}
        self._saved = 0
        self._saved_at = clock()

    @cached_property
    def scratch(self) -> Path:
        """See hindcast_trainer.work.Work."""
        folder = self._assignment.folder / "scratch"
        folder.mkdir()
        return folder

    @property
    def threads(self) -> int:
        """See hindcast_trainer.work.Work."""
        return self._assignment.threads

    @property
    def device(self) -> str:
        """See hindcast_trainer.work.Work."""
        return self._assignment.device

    @cached_property
    def tables(self) -> TableSource:
        """See hindcast_trainer.work.Work."""
        return EmbedderTables(self._assignment.embedder_url)

    @cached_property
    def checkpoint(self) -> Path | None:
        """See hindcast_trainer.work.Work."""
        if self._assignment.checkpoint is None:
            return None
        try:
            return self._artifacts.fetch(self._assignment.checkpoint)
        except NotFound:
            self.log("The checkpoint is gone: the work starts anew.")
            return None

    def resource(self, id: str) -> Resource:
        """See hindcast_trainer.work.Work."""
        if id not in self._resources:
            raise NotFound(f"The job was given no {id}.")
        return self._resources[id]

    def folder(self, id: str) -> Path:
        """See hindcast_trainer.work.Work."""
        artifact = self.resource(id).artifact
        if artifact is None:
            raise NotFound(f"{id} is not ready.")
        return self._artifacts.fetch(artifact)

    def upload(self, key: str) -> Path:
        """See hindcast_trainer.work.Work."""
        return self._artifacts.fetch(key)

    def log(self, message: str) -> None:
        """See hindcast_trainer.work.Work."""
        self._tell(Log(message))

    def run(self, steps: Generator[Progress, None, Result]) -> Result:
        """See hindcast_trainer.work.Work."""
        reporting = _Reporting(self._tell, self._clock)
        try:
            while True:
                progress = next(steps)
                reporting.hear(progress)
                self._save_if_due(progress)
                if self._stopping.is_set():
                    raise Stopped
        except StopIteration as end:
            reporting.flush()
            return cast(Result, end.value)
        finally:
            steps.close()

    def _save_if_due(self, progress: Progress) -> None:
        due = self._clock() - self._saved_at >= self._assignment.checkpoint_seconds
        if progress.save is not None and (progress.milestone or due or self._stopping.is_set()):
            self._save(progress.save)
            self._saved_at = self._clock()

    def _save(self, save: Callable[[Path], None]) -> None:
        self._saved += 1
        folder = self._assignment.folder / f"checkpoint-{self._saved}"
        folder.mkdir()
        save(folder)
        key = f"{self._assignment.checkpoints}-{self._saved}"
        self._artifacts.put(folder, key)
        shutil.rmtree(folder, ignore_errors=True)
        self._tell(Checkpoint(key))


class _Reporting:
    """Tells of one computation: each milestone, and between them the latest once in REPORT_SECONDS."""

    def __init__(self, tell: Callable[[Message], None], clock: Callable[[], float]) -> None:
        self._tell = tell
        self._clock = clock
        self._pace = Pace()
        self._told_at: float | None = None
        self._untold: Progress | None = None
        self._metrics: dict[str, float] = {}

    def hear(self, progress: Progress) -> None:
        self._untold = progress
        self._metrics |= _figures(progress.metrics)
        now = self._clock()
        if progress.milestone or self._told_at is None or now - self._told_at >= REPORT_SECONDS:
            self.flush()

    def flush(self) -> None:
        if self._untold is None:
            return
        now = self._clock()
        self._tell(Report(self._as_told(self._untold, now), self._metrics))
        self._told_at, self._untold, self._metrics = now, None, {}

    def _as_told(self, progress: Progress, now: float) -> JobProgress:
        return JobProgress(
            fraction=min(1.0, progress.done / progress.total) if progress.total > 0 else 0.0,
            done=progress.done,
            total=progress.total,
            unit=progress.unit,
            eta_seconds=self._pace.eta(progress.done, progress.total, progress.unit, now=now),
            message=progress.message,
        )


def attempt(assignment: Assignment, kinds: Kinds, work: ChildWork, artifacts: Artifacts) -> Outcome:
    """Do what was assigned, whatever comes of it."""
    try:
        produced = kinds.parse(assignment.kind, assignment.spec).run(work)
        size = 0
        if assignment.artifact is not None and produced.folder is not None:
            size = artifacts.put(produced.folder, assignment.artifact)
        return Done(size, json.loads(json.dumps(produced.facts)), _figures(produced.metrics))
    except Stopped:
        return Halt()
    except HindcastError as error:
        return Failure.of(error)
    except Exception:
        _log.exception("the work failed in a way that nobody expected")
        return Failure("HindcastError", "Hindcast failed in a way that it did not expect; its worker's log has more.")


def _figures(metrics: Mapping[str, float]) -> dict[str, float]:
    """Those that JSON can carry."""
    return {name: float(value) for name, value in metrics.items() if math.isfinite(value)}


def main() -> None:
    """Do one assignment."""
    faulthandler.enable()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    tell = _teller()
    assignment = ASSIGNMENT.validate_json(_first_line())
    threading.Thread(target=_leash, daemon=True).start()
    os.nice(NICENESS)
    kinds = cast(Kinds, importlib.import_module(assignment.kinds))
    _limit_threads(assignment.threads)
    artifacts = FileArtifacts(assignment.artifacts_url, assignment.cache)
    work = ChildWork(assignment, artifacts, tell=tell, stopping=stopping)
    tell(attempt(assignment, kinds, work, artifacts))
    # All that matters is told: libraries that come apart badly at the end of a process don't get the chance.
    sys.stderr.flush()
    os._exit(0)


def _limit_threads(threads: int) -> None:
    """A kind that computes without torch doesn't pay for loading it."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(threads)


def _teller() -> Callable[[Message], None]:
    """Keeps standard output for messages alone: what anything else prints goes to standard error."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    one_at_a_time = threading.Lock()

    def tell(message: Message) -> None:
        with one_at_a_time:
            output.write(MESSAGE.dump_json(message) + b"\n")
            output.flush()

    return tell


def _first_line() -> bytes:
    line = bytearray()
    while not line.endswith(b"\n"):
        received = os.read(0, 1 << 16)
        if not received:
            os._exit(1)
        line += received
    return bytes(line)


def _leash() -> None:
    while os.read(0, 1 << 16):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
