"""A kind of job for tests, as a module of kinds for the worker's children: a chain of hashes, a step at a time."""

import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from hindcast.errors import InvalidInput
from hindcast.progress import Progress
from hindcast.registry import ResourceType
from hindcast_trainer.references import Reference
from hindcast_trainer.work import Produced, Work

START = hashlib.sha256(b"hindcast").hexdigest()


class Chain(BaseModel):
    """Hash a hash, `steps` times."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["chain", "quick chain"] = "chain"
    result_type: ClassVar[ResourceType | None] = "table"
    steps: int
    seconds: float = 0.0
    """Each step takes so long."""
    milestone: int = 10
    ends: Literal["well", "in a problem", "in a bug", "killed", "deaf"] = "well"
    table: str | None = None

    def references(self) -> tuple[Reference, ...]:
        return (Reference("table", ("table",), self.table),) if self.table else ()

    def run(self, work: Work) -> Produced:
        work.log(f"pid {os.getpid()}")
        sys.stdout.write("this must not be taken for a message\n")
        os.write(1, b"nor this\n")
        if self.ends == "deaf":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        hashed = work.run(hash_chain(self, work.checkpoint))
        folder = work.scratch / "chain"
        folder.mkdir()
        (folder / "hash").write_text(hashed)
        return Produced(folder, facts={"hash": hashed}, metrics={"steps": self.steps})


def hash_chain(spec: Chain, checkpoint: Path | None) -> Generator[Progress, None, str]:
    step, hashed = json.loads((checkpoint / "state.json").read_text()) if checkpoint else (0, START)
    while step < spec.steps:
        time.sleep(spec.seconds)
        hashed = hashlib.sha256(hashed.encode()).hexdigest()
        step += 1
        milestone = step % spec.milestone == 0
        state = json.dumps([step, hashed])
        metrics = {"milestone": step} if milestone else {}
        if step == spec.steps // 2:
            misbehave(spec)
        yield Progress(
            step, spec.steps, "steps", f"at {step}", metrics,
            save=lambda folder, state=state: (folder / "state.json").write_text(state), milestone=milestone,
        )  # fmt: skip
    return str(hashed)


def misbehave(spec: Chain) -> None:
    if spec.ends == "in a problem":
        raise InvalidInput.field("steps", "is not to my liking")
    if spec.ends == "in a bug":
        raise ZeroDivisionError
    if spec.ends == "killed":
        os.kill(os.getpid(), signal.SIGKILL)


def expected(steps: int) -> str:
    """What an undisturbed run gives."""
    hashed = START
    for _ in range(steps):
        hashed = hashlib.sha256(hashed.encode()).hexdigest()
    return hashed


def parse(kind: str, spec: Mapping[str, Any]) -> Chain:
    return Chain.model_validate({**spec, "kind": kind})
