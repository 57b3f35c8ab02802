"""A real process in the place of the child: what it is given to live with."""

import sys
from pathlib import Path

import pytest

from hindcast_trainer.protocol import Assignment, Log, Message
from hindcast_trainer.worker.child_process import ChildProcess


def told(variables: str, attempt: Path, monkeypatch: pytest.MonkeyPatch) -> list[Message] | None:
    """What a child sees of its environment."""
    attempt.mkdir()
    stand_in = attempt.parent / "python"
    stand_in.write_text(f'#!/bin/sh\necho \'{{"type":"log","message":"\'{variables}\'"}}\'\n')
    stand_in.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(stand_in))
    child = ChildProcess(
        Assignment(
            kind="any",
            spec={},
            resources=[],
            artifacts_url=attempt.parent.as_uri(),
            cache=attempt.parent / "cache",
            artifact=None,
            checkpoint=None,
            checkpoints="checkpoints/job_1/1",
            folder=attempt,
            threads=3,
            checkpoint_seconds=30,
            embedder_url="http://127.0.0.1:1",
            kinds="none",
        )
    )
    try:
        return child.listen(20)
    finally:
        child.end()


def test_its_temporary_files_and_threads_are_those_of_the_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = tmp_path / "attempt"
    assert told("$TMPDIR $OMP_NUM_THREADS", attempt, monkeypatch) == [Log(f"{attempt} 3")]


@pytest.mark.parametrize(("environment", "expected"), [(None, "3000"), ("70", "70")])
def test_its_threads_leave_a_busy_machine_to_others_unless_the_environment_says_otherwise(
    environment: str | None, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    if environment:
        monkeypatch.setenv("GOMP_SPINCOUNT", environment)
    assert told("$GOMP_SPINCOUNT", tmp_path / "attempt", monkeypatch) == [Log(expected)]
