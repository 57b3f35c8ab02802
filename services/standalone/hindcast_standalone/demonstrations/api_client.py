"""The demonstration's side of the HTTP interface: post, wait with progress bars, read."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from hindcast.errors import HindcastError, InvalidInput, Unavailable
from hindcast_client import errors
from hindcast_client.request import Request
from hindcast_client.synchronous.transport import Transport
from hindcast_client.uploads import upload_of

POLL_SECONDS = 1.0
REQUESTS_PER_SECOND = 10
"""At most, while waiting: many queued jobs must not take the processor from the one that runs."""
REFRESHES_PER_SECOND = 2
"""Of the bars. rich's own ten take a sixth of a core for twenty bars."""
PLAIN_REPORT_SECONDS = 30.0
"""How often a job is reported where no terminal shows bars."""
ENDED_BADLY = ("failed", "cancelled")
ENDED = ("succeeded", *ENDED_BADLY)
ANSWER_SECONDS = 900.0
"""How long an answer may be on its way: tuning weights on many lists takes minutes, and so may anything on a machine
that is busy with other work."""
PATIENCE_SECONDS = 120.0
"""How long a server may be away before it is given up: longer than a restart of everything."""


class Refused(HindcastError):
    """Hindcast refused a request."""

    def __init__(self, detail: str, *, status: int) -> None:
        super().__init__(detail)
        self.status = status
        """Of HTTP."""


class ApiClient:
    """Hindcast's HTTP interface, as far as the demonstration needs it. Restarts of the server are sat out."""

    def __init__(self, url: str, console: Console) -> None:
        self.url = url
        self.console = console
        self._transport = Transport(url, api_key=None, timeout=ANSWER_SECONDS, patience=PATIENCE_SECONDS)

    def get(self, path: str) -> Any:
        """The answer's JSON. Refused with the problem's detail; Unavailable where the server stays away."""
        return json.loads(self._answer(Request("GET", path)))

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The answer's JSON."""
        return json.loads(self._answer(Request("POST", path, json=body)))

    def delete(self, path: str) -> None:
        """It is there no more."""
        self._answer(Request("DELETE", path))

    def find(self, path: str, name: str) -> Any | None:
        """What bears that name, or None."""
        try:
            return self.get(f"{path}/{name}")
        except Refused as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    def upload(self, source: Path | bytes, **query: str) -> Any:
        """A new corpus, from a file or from what is in one; compressed files are told by their beginnings."""
        return json.loads(self._answer(Request("POST", "/v1/corpora", query=query, upload=upload_of(source))))

    def send(self, path: str, body: bytes, query: Mapping[str, str | float], *, accept: str = "*/*") -> bytes:
        """The answer to a body that isn't JSON; what it is, `query` says."""
        return self._answer(Request("POST", path, query=query, upload=upload_of(body), accept=accept))

    def _answer(self, request: Request) -> bytes:
        try:
            return self._transport.read(request)
        except errors.Unavailable as error:
            raise Unavailable(error.detail) from error
        except errors.Refused as error:
            raise Refused(f"{request.method} {request.path}: {error.detail}", status=error.status) from error
        except errors.HindcastError as error:
            raise Unavailable(str(error)) from error

    def wait(self, jobs: Mapping[str, str]) -> None:
        """Show each job (id -> label) with a bar until all have ended. Where no terminal is attached, lines are printed
        instead of bars."""
        if self.console.is_terminal:
            with Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=30),
                TextColumn("{task.percentage:>3.0f}%"),
                TimeElapsedColumn(),
                TextColumn("{task.fields[note]}", style="dim"),
                console=self.console,
                refresh_per_second=REFRESHES_PER_SECOND,
            ) as bars:
                self._follow(jobs, _Bars(bars, jobs.values()))
        else:
            self._follow(jobs, _Lines(self.console))

    def _follow(self, jobs: Mapping[str, str], display: "_Bars | _Lines") -> None:
        open_jobs = dict(jobs)
        while open_jobs:
            for id, label in list(open_jobs.items()):
                job = self.get(f"/v1/jobs/{id}")
                display.show(label, job)
                if job["status"] in ENDED:
                    del open_jobs[id]
            time.sleep(max(POLL_SECONDS, len(open_jobs) / REQUESTS_PER_SECOND) if open_jobs else 0)


def submitted(api: ApiClient, path: str, request: Mapping[str, Any]) -> Any:
    """What the request's name says: posted, or from an earlier run, and then what failed or was cancelled of it is
    queued again."""
    found = api.find(path, request["name"])
    return api.post(path, request) if found is None else retried(api, path, found)


def retried(api: ApiClient, path: str, found: Mapping[str, Any]) -> Any:
    """The job or experiment, with what ended badly of it queued again. Where a row ended badly, a refusal is printed:
    waiting for it will say the rest."""
    rows = found.get("rows", ())
    ended_badly = any(each["status"] in ENDED_BADLY for each in (found, *rows))
    if not rows and not ended_badly:
        return found
    try:  # of an experiment in any case: that intervals of a row are lacking, its status doesn't say
        return api.post(f"{path}/{found['id']}/retry", {})
    except Refused as error:
        if ended_badly:
            api.console.print(error.detail, markup=False)
        return found


def retry_upload(api: ApiClient, corpus: Mapping[str, Any]) -> None:
    """Read what was uploaded once more, where that ended badly."""
    if job := api.find("/v1/jobs", corpus["job"]):
        retried(api, "/v1/jobs", job)


def upload_once(api: ApiClient, body: bytes, *, name: str, pipeline: str) -> None:
    """A gzipped corpus of JSON lines under this name, unless it is there. InvalidInput where one of that name has other
    text."""
    found = api.find("/v1/corpora", name)
    if found is None:
        api.console.print(f"Uploading {name}")
        api.upload(body, name=name, format="jsonl", pipeline=pipeline)
    elif found.get("sha256") not in (None, sha256(body).hexdigest()):
        raise InvalidInput.field(
            "DATA", f"is not the text that corpus {name} was made of; take another folder as HINDCAST_HOME"
        )
    else:
        retry_upload(api, found)


def _note(job: Mapping[str, Any]) -> str:
    """What a job is doing, in a few words."""
    if job["error"]:
        return str(job["error"]["detail"])
    progress = job["progress"] or {}
    figures = [
        f"{name.replace('_', ' ')} {job['metrics'][name]:,.1f}"
        for name in ("train_perplexity", "valid_perplexity", "test_perplexity")
        if job["metrics"].get(name)
    ]
    eta = progress.get("eta_seconds")
    left = [f"{eta:,.0f} s left"] if eta and job["status"] == "running" else []
    message = [] if job["status"] == "succeeded" or not progress.get("message") else [progress["message"]]
    return ", ".join([*message, *figures, *left]) or str(job["status"])


class _Bars:
    def __init__(self, bars: Progress, labels: Iterable[str]) -> None:
        self._bars = bars
        width = max(map(len, labels), default=0)
        self._width = width
        self._tasks: dict[str, TaskID] = {}

    def show(self, label: str, job: Mapping[str, Any]) -> None:
        started = job["status"] != "queued"
        if label not in self._tasks:
            self._tasks[label] = self._bars.add_task(label.ljust(self._width), total=1.0, start=started, note="")
        task = self._tasks[label]
        if started:
            self._bars.start_task(task)
        fraction = 1.0 if job["status"] == "succeeded" else (job["progress"] or {}).get("fraction", 0.0)
        self._bars.update(task, completed=fraction, note=_note(job))
        if job["status"] in ENDED:
            self._bars.stop_task(task)


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: dict[str, tuple[str, float]] = {}

    def show(self, label: str, job: Mapping[str, Any]) -> None:
        status, when = self._shown.get(label, ("", 0.0))
        now = time.monotonic()
        if job["status"] == status and (status != "running" or now - when < PLAIN_REPORT_SECONDS):
            return
        self._shown[label] = (job["status"], now)
        percent = f" {job['progress']['fraction']:.0%}" if job["progress"] and job["status"] == "running" else ""
        self._console.print(f"{label}: {job['status']}{percent} ({_note(job)})", highlight=False, soft_wrap=True)


def failures(jobs: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence for each job that did not succeed."""
    return [
        f"{job['kind']} {job['id']}: {job['error']['detail'] if job['error'] else job['status']}"
        for job in jobs
        if job["status"] != "succeeded"
    ]
