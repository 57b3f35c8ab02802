"""What demonstrations do where the server is away for a moment, or says no."""

from collections.abc import Iterator

import pytest
from misbehaving import Misbehaving, hangs_up, refuses, tells
from rich.console import Console

from hindcast.errors import Unavailable
from hindcast_standalone.demonstrations import api_client
from hindcast_standalone.demonstrations.api_client import ApiClient, Refused, submitted

JOB = {"id": "job_1", "name": "mine", "status": "queued"}


@pytest.fixture
def server() -> Iterator[Misbehaving]:
    server = Misbehaving()
    with server.there():
        yield server


@pytest.fixture
def api(server: Misbehaving) -> ApiClient:
    return ApiClient(server.url, Console(quiet=True))


def test_what_is_submitted_is_sent_again_by_the_same_key_where_its_answer_was_lost(
    server: Misbehaving, api: ApiClient
) -> None:
    server.does = [refuses(404), hangs_up, refuses(503, retry_after="0"), tells(JOB, 202)]
    assert submitted(api, "/v1/jobs", {"name": "mine", "kind": "word2vec"}) == JOB
    asked, *sent = server.asked
    assert (asked.method, asked.path) == ("GET", "/v1/jobs/mine")
    assert [each.method for each in sent] == ["POST"] * 3
    assert len({each.headers["idempotency-key"] for each in sent}) == 1


def test_what_failed_of_an_experiment_is_queued_again_though_its_rows_have_succeeded(
    server: Misbehaving, api: ApiClient
) -> None:
    found = {"id": "exp_1", "status": "succeeded", "rows": [{"status": "succeeded"}]}
    retried = {**found, "status": "running"}
    server.does = [tells(found), tells(retried), tells(found), refuses(409, detail="No job has failed.")]
    assert submitted(api, "/v1/experiments", {"name": "mine"}) == retried
    assert submitted(api, "/v1/experiments", {"name": "mine"}) == found
    assert [each.path for each in server.asked] == ["/v1/experiments/mine", "/v1/experiments/exp_1/retry"] * 2


def test_a_refusal_is_told_with_what_was_asked(server: Misbehaving, api: ApiClient) -> None:
    server.does = [refuses(422, detail="epochs must be 1 or more.")]
    with pytest.raises(Refused, match=r"^POST /v1/jobs: epochs must be 1 or more\.$") as refused:
        api.post("/v1/jobs", {"epochs": 0})
    assert refused.value.status == 422


def test_a_server_that_stays_away_is_unavailable(server: Misbehaving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_client, "PATIENCE_SECONDS", 0.0)
    server.does = [hangs_up]
    with pytest.raises(Unavailable, match="broke off"):
        ApiClient(server.url, Console(quiet=True)).get("/v1/jobs/job_1")


def test_a_job_is_waited_for_though_the_server_is_away_for_a_moment(
    server: Misbehaving, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_client, "POLL_SECONDS", 0.0)
    running = {**JOB, "status": "running", "progress": {"fraction": 0.5}, "error": None, "metrics": {}}
    server.does = [tells(running), hangs_up, tells({**running, "status": "succeeded"})]
    api.wait({"job_1": "mine"})
    assert [each.path for each in server.asked] == ["/v1/jobs/job_1"] * 3
