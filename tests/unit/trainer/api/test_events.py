import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from fastapi.testclient import TestClient

from hindcast.jobs.job import Job


@pytest.fixture
def ended(corpus: Mapping[str, Any], run: Callable[..., Job]) -> str:
    """The id of a job with events: it was queued, ran, told a metric, succeeded."""
    return run(corpus["job"], metrics={"tokens": 4.0}).id


def events(text: str) -> list[tuple[int, str, Any]]:
    """Of a stream: id, type and data of each."""
    blocks = [dict(line.split(": ", 1) for line in block.splitlines()) for block in text.split("\n\n") if block]
    return [(int(block["id"]), block["event"], json.loads(block["data"])) for block in blocks]


def test_a_stream_tells_everything_and_ends_with_the_job(client: TestClient, ended: str) -> None:
    answer = client.get(f"/v1/jobs/{ended}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    told = events(answer.text)
    assert [(id, type) for id, type, _ in told] == [(1, "status"), (2, "status"), (3, "metric"), (4, "status")]
    assert [data["status"] for _, type, data in told if type == "status"] == ["queued", "running", "succeeded"]
    assert told[2][2]["metrics"] == {"tokens": 4.0}


def test_a_stream_goes_on_after_the_last_event_that_was_seen(client: TestClient, ended: str) -> None:
    answer = client.get(f"/v1/jobs/{ended}/events", headers={"Last-Event-ID": "3"})
    assert [id for id, _, _ in events(answer.text)] == [4]


def test_the_same_comes_as_pages_of_json(client: TestClient, ended: str) -> None:
    accept = {"Accept": "application/json"}
    first = client.get(f"/v1/jobs/{ended}/events?limit=3", headers=accept).json()
    rest = client.get(f"/v1/jobs/{ended}/events?cursor={first['next_cursor']}", headers=accept).json()
    assert [event["id"] for event in first["items"] + rest["items"]] == [1, 2, 3, 4]
    assert rest["next_cursor"] is None
    assert rest["items"][0]["data"]["status"] == "succeeded"


def test_the_last_ones_and_some_types_alone_in_both_forms(client: TestClient, ended: str) -> None:
    for query, places in (
        ("last=2", [3, 4]),
        ("last=1&type=status", [4]),
        ("type=status&type=metric&limit=2", [1, 2]),
        ("type=log&last=5", []),
        ("last=1&cursor=4", []),
    ):
        page = client.get(f"/v1/jobs/{ended}/events?{query}", headers={"Accept": "application/json"}).json()
        assert [event["id"] for event in page["items"]] == places
    assert [id for id, _, _ in events(client.get(f"/v1/jobs/{ended}/events?last=2&type=status").text)] == [2, 4]


def test_a_stream_of_the_last_ones_goes_on_where_it_was_interrupted(client: TestClient, ended: str) -> None:
    answer = client.get(f"/v1/jobs/{ended}/events?last=1", headers={"Last-Event-ID": "2"})
    assert [id for id, _, _ in events(answer.text)] == [3, 4]


def test_what_is_asked_for_must_be_one_of_the_two(client: TestClient, ended: str) -> None:
    assert client.get(f"/v1/jobs/{ended}/events", headers={"Accept": "image/png"}).status_code == 406
    for place in ("x", "-1", "3000000000"):
        assert client.get(f"/v1/jobs/{ended}/events", headers={"Last-Event-ID": place}).status_code == 422
