"""The demonstration's side of the HTTP interface: post, wait with progress bars, read."""

import time
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from hindcast.errors import HindcastError, InvalidInput, Unavailable

POLL_SECONDS = 1.0
REQUESTS_PER_SECOND = 10
"""At most, while waiting: many queued jobs must not take the processor from the one that runs."""
REFRESHES_PER_SECOND = 2
"""Of the bars. rich's own ten take a sixth of a core for twenty bars."""
PLAIN_REPORT_SECONDS = 30.0
"""How often a job is reported where no terminal shows bars."""
ENDED_BADLY = ("failed", "cancelled")
ENDED = ("succeeded", *ENDED_BADLY)
PATIENCE_SECONDS = 120.0
"""How long a server may be away before waiting for a job is given up: longer than a restart of everything."""


class Refused(HindcastError):
    """Hindcast refused a request."""

    def __init__(self, detail: str, *, status: int) -> None:
        super().__init__(detail)
        self.status = status

    @classmethod
    def of(cls, response: httpx.Response) -> "Refused":
        """From an answer with a problem in it."""
        is_problem = response.headers.get("content-type", "").startswith("application/problem+json")
        detail = response.json()["detail"] if is_problem else response.text[:200]
        return cls(f"{response.request.method} {response.request.url.path}: {detail}", status=response.status_code)


class ApiClient:
    """Hindcast's HTTP interface, as far as the demonstration needs it."""

    def __init__(self, url: str, console: Console, *, answer_seconds: float = 60.0) -> None:
        """`answer_seconds` is how long an answer may be on its way."""
        self.url = url
        self.console = console
        self._http = httpx.Client(base_url=url, timeout=httpx.Timeout(answer_seconds, write=None))

    def get(self, path: str, **query: str) -> Any:
        """The answer's JSON; Refused with the problem's detail; Unavailable while the server is away."""
        return self._answer("GET", path, params=query).json()

    def text(self, path: str, **query: str) -> str:
        """The answer's text."""
        return self._answer("GET", path, params=query).text

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The answer's JSON."""
        return self._answer("POST", path, json=body).json()

    def delete(self, path: str) -> None:
        """It is there no more."""
        self._answer("DELETE", path)

    def find(self, path: str, name: str) -> Any | None:
        """What bears that name, or None."""
        try:
            return self.get(f"{path}/{name}")
        except Refused as error:
            if error.status == 404:
                return None
            raise

    def upload(self, body: bytes | Iterable[bytes], *, encoding: str, **query: str) -> Any:
        """A new corpus from a compressed file."""
        headers = {"Content-Encoding": encoding, "Content-Type": "application/octet-stream"}
        return self._answer("POST", "/v1/corpora", params=query, content=body, headers=headers).json()

    def send(self, path: str, body: bytes, query: Mapping[str, str | float], *, accept: str = "*/*") -> bytes:
        """The answer to a body that isn't JSON; what it is, `query` says."""
        headers = {"Content-Type": "application/octet-stream", "Accept": accept}
        return self._answer("POST", path, params=query, content=body, headers=headers).content

    def _answer(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            response = self._http.request(method, path, **request)
        except httpx.TransportError as error:
            raise Unavailable(f"{self.url} does not answer: {error}") from error
        if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            raise Unavailable(response.json().get("detail"))
        if response.is_error:
            raise Refused.of(response)
        return response

    def wait(self, jobs: Mapping[str, str]) -> None:
        """Show each job (id -> label) with a bar until all have ended.

        Server restarts in between are sat out. Where no terminal is attached, lines are printed instead of bars.
        """
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
        last_answer = time.monotonic()
        while open_jobs:
            for id, label in list(open_jobs.items()):
                try:
                    job = self.get(f"/v1/jobs/{id}")
                except Unavailable:
                    if time.monotonic() - last_answer > PATIENCE_SECONDS:
                        raise
                    break
                last_answer = time.monotonic()
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
    """The job or experiment, queued again where it, or a row of it, ended badly. A refusal is printed: waiting for it
    will say the rest."""
    if not any(each["status"] in ENDED_BADLY for each in (found, *found.get("rows", ()))):
        return found
    try:
        return api.post(f"{path}/{found['id']}/retry", {})
    except Refused as error:
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
        api.upload([body], encoding="gzip", name=name, format="jsonl", pipeline=pipeline)
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
