"""A real process in the place of the child: what it is given to live with."""

import sys
from pathlib import Path

import pytest

from hindcast_trainer.protocol import Assignment, Log
from hindcast_trainer.worker.child_process import ChildProcess


def test_its_temporary_files_and_threads_are_those_of_the_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = tmp_path / "attempt"
    attempt.mkdir()
    stand_in = tmp_path / "python"
    stand_in.write_text('#!/bin/sh\necho \'{"type":"log","message":"\'$TMPDIR $OMP_NUM_THREADS\'"}\'\n')
    stand_in.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(stand_in))
    child = ChildProcess(
        Assignment(
            kind="any",
            spec={},
            resources=[],
            artifacts_url=tmp_path.as_uri(),
            cache=tmp_path / "cache",
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
        assert child.listen(20) == [Log(f"{attempt} 3")]
    finally:
        child.end()
