"""SIGKILL at random moments: no orphan works on, and the weights are those of an undisturbed run."""

import io
import random
import time
import zipfile
from collections.abc import Callable
from typing import Any

import psutil
import pytest
from acceptance.live import Hindcast

WORKER, CHILD = "hindcast_trainer.worker", "hindcast_trainer.child"


def language_model(corpus: str) -> dict[str, Any]:
    return {
        "kind": "language_model",
        "train": {"corpus": corpus, "split": "train"},
        "valid": {"corpus": corpus, "split": "valid"},
        "vocabulary": {"size": 3000},
        "input": {"type": "learned", "size": 32},
        "dropout": 0.2,
        "history": "document",
        "optimizer": {"epochs": 3, "batch_size": 8},
    }


def word2vec(corpus: str) -> dict[str, Any]:
    return {
        "kind": "word2vec",
        "corpus": {"corpus": corpus, "split": "train"},
        "vocabulary": {"size": 3000},
        "epochs": 60,
        "size": 64,
    }


def weights(hindcast: Hindcast, model: str) -> bytes:
    bundle = hindcast.http.get(f"/v1/models/{model}/bundle").raise_for_status().content
    return zipfile.ZipFile(io.BytesIO(bundle)).read("weights.safetensors")


def vectors(hindcast: Hindcast, table: str) -> bytes:
    return hindcast.http.get(f"/v1/tables/{table}/export", params={"format": "word2vec-binary"}).content


def epochs_told(hindcast: Hindcast, job: str) -> list[float]:
    """The epoch that each of the job's reports was of, over all attempts. The latest may be told once more, if death
    came between its end and its checkpoint."""
    events = hindcast.http.get(f"/v1/jobs/{job}/events", params={"limit": 1000}, headers={"Accept": "application/json"})
    told = [event["data"]["metrics"] for event in events.json()["items"] if event["type"] == "metric"]
    return [metrics["epoch"] for metrics in told if "epoch" in metrics]


@pytest.mark.parametrize("victim", [WORKER, CHILD])
@pytest.mark.parametrize(("spec", "read"), [(language_model, weights), (word2vec, vectors)])
def test_killed_twice_at_random_moments_it_ends_as_if_nothing_had_been(
    hindcast: Hindcast,
    corpus: str,
    victim: str,
    spec: Callable[[str], dict[str, Any]],
    read: Callable[[Hindcast, str], bytes],
) -> None:
    undisturbed = hindcast.result(hindcast.post("/v1/jobs", spec(corpus)))
    job = hindcast.post("/v1/jobs", spec(corpus))
    moments = random.Random(f"{victim} {spec.__name__}")
    for _ in range(2):
        _await_child(hindcast, job["id"])
        time.sleep(moments.uniform(0.5, 4))
        children = hindcast.processes(CHILD)
        for process in hindcast.processes(victim):
            process.kill()
        assert not psutil.wait_procs(children, timeout=5)[1], "an orphan works on"
    disturbed = hindcast.ended(job["id"])
    assert disturbed["status"] == "succeeded", disturbed["error"]
    assert disturbed["attempt"] >= 2
    epochs = epochs_told(hindcast, job["id"])
    assert epochs == sorted(epochs), "it began anew instead of going on"
    assert read(hindcast, disturbed["result"]["id"]) == read(hindcast, undisturbed)


def _await_child(hindcast: Hindcast, job: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        running = hindcast.get(f"/v1/jobs/{job}")
        if running["status"] == "running" and running["progress"] and hindcast.processes(CHILD):
            return
        if running["status"] not in ("queued", "running"):
            return
        time.sleep(0.05)
    raise AssertionError(f"{job} does not go on within 60 s: {running}")


def test_a_cancelled_job_stops_within_five_seconds_and_can_be_retried(hindcast: Hindcast, corpus: str) -> None:
    job = hindcast.post("/v1/jobs", language_model(corpus))
    _await_child(hindcast, job["id"])
    asked = time.monotonic()
    hindcast.post(f"/v1/jobs/{job['id']}/cancel", {})
    assert hindcast.ended(job["id"], seconds=5)["status"] == "cancelled"
    assert not psutil.wait_procs(hindcast.processes(CHILD), timeout=max(0.0, asked + 5 - time.monotonic()))[1]
    hindcast.post(f"/v1/jobs/{job['id']}/retry", {})
    assert hindcast.ended(job["id"])["status"] == "succeeded"
