"""A child's work, in this process: what it tells and what it stores."""

import json
import threading
from collections.abc import Callable, Generator, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from hindcast.errors import FieldError, HindcastError, InvalidInput, NotFound, Stopped
from hindcast.jobs.job import JobProgress
from hindcast.progress import Progress
from hindcast.registry import Resource
from hindcast.testing import temporary_artifacts
from hindcast_trainer.child import ChildWork, Kinds, attempt
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
    Report,
)
from hindcast_trainer.work import Produced, Work

CORPUS = Resource("cor_1", "corpus", "wiki", "corpora/cor_1/1", {"tokens": 3}, 9, None, datetime.now(UTC))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """A work, with what it has told."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.artifacts = temporary_artifacts(folder)
        self.clock = Clock()
        self.stopping = threading.Event()
        self.told: list[Message] = []
        (folder / "attempt").mkdir()
        assignment = Assignment(
            kind="any",
            spec={},
            resources=[CORPUS],
            artifacts_url=(folder / "artifacts").as_uri(),
            cache=folder / "cache",
            artifact="tables/tab_1/2",
            checkpoint=None,
            checkpoints="checkpoints/job_1/2",
            folder=folder / "attempt",
            threads=1,
            checkpoint_seconds=30,
            embedder_url="http://127.0.0.1:1",
            kinds="none",
        )
        self.assignment = replace(assignment, **changes)
        self.work = ChildWork(
            self.assignment, self.artifacts, tell=self.told.append, stopping=self.stopping, clock=self.clock
        )

    def run(self, moments: Iterable[tuple[float, Progress]]) -> str:
        return self.work.run(self._steps(moments))

    def attempt(self, run: Callable[[Work], Produced]) -> Any:
        kinds = cast(Kinds, SimpleNamespace(parse=lambda kind, spec: SimpleNamespace(run=run)))
        return attempt(self.assignment, kinds, self.work, self.artifacts)

    def of(self, kind: type) -> list[Any]:
        return [message for message in self.told if isinstance(message, kind)]

    def _steps(self, moments: Iterable[tuple[float, Progress]]) -> Generator[Progress, None, str]:
        for self.clock.now, progress in moments:
            yield progress
        return "done"


def raising(error: HindcastError) -> Callable[[Work], Produced]:
    def run(work: Work) -> Produced:
        raise error

    return run


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def step(done: int, *, milestone: bool = False, saves: bool = True, **metrics: float) -> Progress:
    def save(folder: Path) -> None:
        (folder / "state.json").write_text(json.dumps(done))

    return Progress(done, 10, "steps", f"at {done}", metrics, save=save if saves else None, milestone=milestone)


def test_a_run_gives_what_the_computation_returns(bench: Bench) -> None:
    assert bench.run([(0, step(1))]) == "done"


def test_progress_is_told_once_a_second_and_at_milestones(bench: Bench) -> None:
    moments = [(0.0, step(1)), (0.3, step(2)), (0.6, step(3, milestone=True)), (0.9, step(4)), (2.0, step(5))]
    bench.run([*moments, (2.1, step(6))])
    assert [report.progress.done for report in bench.of(Report)] == [1, 3, 5, 6]
    assert bench.of(Report)[-1].progress.fraction == pytest.approx(0.6)


def test_metrics_that_were_not_told_come_with_the_next_report(bench: Bench) -> None:
    bench.run([(0, step(1)), (0.1, step(2, loss=2.0)), (0.2, step(3, loss=1.5, epoch=1.0)), (5, step(4))])
    assert [report.metrics for report in bench.of(Report)] == [{}, {"loss": 1.5, "epoch": 1.0}]


def test_figures_are_made_fit_for_json(bench: Bench) -> None:
    bench.run([(0, step(1, loss=float("nan"), norm=np.float32(0.5), bound=float("inf")))])  # type: ignore[arg-type]
    assert bench.of(Report)[0].metrics == {"norm": 0.5}


def test_a_checkpoint_is_saved_at_milestones_and_when_its_time_has_come(bench: Bench) -> None:
    moments = [(1, step(1)), (2, step(2, milestone=True)), (31, step(3)), (32, step(4)), (63, step(5, saves=False))]
    bench.run([*moments, (64, step(6))])
    keys = [checkpoint.key for checkpoint in bench.of(Checkpoint)]
    assert keys == ["checkpoints/job_1/2-1", "checkpoints/job_1/2-2", "checkpoints/job_1/2-3"]
    assert [json.loads((bench.artifacts.fetch(key) / "state.json").read_text()) for key in keys] == [2, 4, 6]


def test_work_that_is_to_stop_saves_and_stops(bench: Bench) -> None:
    def stop_after(number: int) -> Iterable[tuple[float, Progress]]:
        for done in range(1, 10):
            if done == number:
                bench.stopping.set()
            yield done / 10, step(done)

    with pytest.raises(Stopped):
        bench.run(stop_after(3))
    [saved] = bench.of(Checkpoint)
    assert json.loads((bench.artifacts.fetch(saved.key) / "state.json").read_text()) == 3


def test_a_computation_is_closed_however_it_ends(bench: Bench) -> None:
    closed = []

    def steps() -> Generator[Progress, None, None]:
        try:
            yield step(1)
        finally:
            closed.append(True)

    bench.stopping.set()
    with pytest.raises(Stopped):
        bench.work.run(steps())
    assert closed == [True]


def test_work_reads_what_it_was_given(bench: Bench, tmp_path: Path) -> None:
    with bench.artifacts.open_write("corpora/cor_1/1") as stream:
        stream.write(b"x")
    assert bench.work.resource("cor_1") == CORPUS
    assert bench.work.folder("cor_1").read_bytes() == b"x"
    assert bench.work.scratch.is_dir()
    assert bench.work.threads == 1
    assert bench.work.device == "cpu"
    assert bench.work.checkpoint is None
    with pytest.raises(NotFound):
        bench.work.folder("cor_2")


def test_work_knows_the_device_that_it_was_assigned(tmp_path: Path) -> None:
    assert Bench(tmp_path, device="cuda").work.device == "cuda"


def test_work_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    bench = Bench(tmp_path, checkpoint="checkpoints/job_1/1-1")
    with bench.artifacts.open_write("checkpoints/job_1/1-1") as stream:
        stream.write(b"state")
    assert bench.work.checkpoint is not None
    assert bench.work.checkpoint.read_bytes() == b"state"


def test_work_whose_checkpoint_is_gone_starts_anew(tmp_path: Path) -> None:
    bench = Bench(tmp_path, checkpoint="checkpoints/job_1/1-1")
    assert bench.work.checkpoint is None
    assert bench.told == [Log("The checkpoint is gone: the work starts anew.")]


def test_what_is_produced_is_stored_under_the_key_that_was_assigned(bench: Bench) -> None:
    def run(work: Work) -> Produced:
        (work.scratch / "table").mkdir()
        (work.scratch / "table" / "words").write_bytes(b"a b")
        return Produced(work.scratch / "table", {"words": (2,)}, {"loss": 1.0, "bad": float("nan")})

    assert bench.attempt(run) == Done(3, {"words": [2]}, {"loss": 1.0})
    assert (bench.artifacts.fetch("tables/tab_1/2") / "words").read_bytes() == b"a b"


def test_an_error_is_an_outcome(bench: Bench) -> None:
    wrong = FieldError("k", "must be less")
    assert bench.attempt(raising(InvalidInput.fields([wrong]))) == Failure("InvalidInput", "k: must be less", (wrong,))


def test_a_stop_is_an_outcome(bench: Bench) -> None:
    assert bench.attempt(raising(Stopped())) == Halt()


def test_a_bug_is_told_without_its_inside(bench: Bench) -> None:
    def run(work: Work) -> Produced:
        return Produced(facts={"secret": object()})

    failure = bench.attempt(run)
    assert failure.error == "HindcastError"
    assert "object" not in failure.detail


MESSAGES = [
    Report(JobProgress(0.5, 5, 10, "steps", None, "half"), {"loss": 1.5}),
    Log("ü"),
    Checkpoint("checkpoints/job_1/1-1"),
    Done(1, {"a": [1, None]}, {"b": 1.5}),
    Failure("InvalidInput", "no", (FieldError("line 3", "is no JSON"),)),
    Halt(),
]


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_survives_the_way_over(message: Message) -> None:
    assert MESSAGE.validate_json(MESSAGE.dump_json(message)) == message


def test_an_assignment_survives_the_way_over(bench: Bench) -> None:
    arrived = ASSIGNMENT.validate_json(ASSIGNMENT.dump_json(bench.assignment))
    assert arrived.resources[0].created_at == CORPUS.created_at
    assert replace(arrived, resources=[CORPUS]) == bench.assignment


def test_an_error_survives_the_way_over() -> None:
    raised = InvalidInput.field("k", "must be less")
    arrived = Failure.of(raised).as_error
    assert type(arrived) is InvalidInput
    assert (arrived.detail, arrived.errors) == (raised.detail, raised.errors)
