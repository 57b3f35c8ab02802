"""A running Hindcast and how tests talk to it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

ENDED = ("succeeded", "failed", "cancelled")


@dataclass
class Hindcast:
    """A running Hindcast and how to talk to it."""

    url: str
    home: Path
    environment: Mapping[str, str]
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.url, timeout=60)

    def get(self, path: str, **query: Any) -> Any:
        return self.http.get(path, params=query).raise_for_status().json()

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        answer = self.http.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def ended(self, job: str, *, seconds: float = 240) -> Any:
        """The job once it has ended, however it did."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = self.http.get(f"/v1/jobs/{job}")
            if found.is_success and found.json()["status"] in ENDED:
                return found.json()
            time.sleep(0.2)
        raise AssertionError(f"{job} has not ended: {found.text}")

    def result(self, job: Mapping[str, Any]) -> str:
        """The id of what the job made."""
        found = self.ended(job["id"])
        assert found["status"] == "succeeded", found["error"]
        return found["result"]["id"]

    def processes(self, module: str) -> list[psutil.Process]:
        """Our processes that run a Python module."""
        return [
            process
            for process in psutil.process_iter(["cmdline"])
            if module in (process.info["cmdline"] or []) and self._is_ours(process)
        ]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get("HINDCAST_HOME") == str(self.home)
        except psutil.Error:
            return False
