"""What the client does when a server is away, slow, too busy, or says what nobody understands."""

import re
import threading
import time
from io import BytesIO

import pytest
from misbehaving import Misbehaving, breaks_off, hangs_up, refuses, sleeps, tells

from hindcast_client import (
    Closed,
    Conflict,
    HindcastError,
    NotFound,
    NotUnderstood,
    Refused,
    ScoreStream,
    TimedOut,
    TooMany,
    Unavailable,
    Unreachable,
    WrongArgument,
    WrongUrl,
)

NEIGHBORS = {"neighbors": [{"word": "storm", "similarity": 0.9}]}
HEALTH = {"status": "ready", "services": {}}
MOMENT = "2026-11-22T21:57:00.123Z"
CORPUS = {"id": "cor_1", "name": "news", "status": "ready", "job": "job_1", "created_at": MOMENT}
JOB = {
    **{"id": "job_1", "kind": "word2vec", "name": "vectors", "status": "queued", "spec": {}, "progress": {}},
    **{"metrics": {}, "result": None, "error": None, "attempt": 0, "cancel_requested": False, "needs": [], "uses": []},
    **{"created_at": MOMENT, "started_at": None, "finished_at": None},
}
RESCORED = {"lists": []}


def keys(server):
    return [asked.headers.get("idempotency-key") for asked in server.asked]


@pytest.mark.parametrize("status", [429, 503])
def test_what_is_refused_for_now_is_asked_again_with_the_same_key(client, server, status):
    server.does = [refuses(status, retry_after="0"), refuses(status), tells(NEIGHBORS)]
    assert client.tables.neighbors("vectors", "rain", k=1).neighbors[0].word == "storm"
    assert len(set(keys(server))) == 1
    assert None not in keys(server)
    server.does = [tells(NEIGHBORS)]
    client.tables.neighbors("vectors", "rain", k=1)
    assert keys(server)[-1] != keys(server)[0]


def test_a_server_is_left_alone_as_long_as_it_asks_for(client, server):
    server.does = [refuses(503, retry_after="1"), tells(HEALTH)]
    begun = time.monotonic()
    assert client.health().status == "ready"
    assert time.monotonic() - begun >= 1


def test_patience_ends(client_of, server):
    server.does = [refuses(429, retry_after="7")]
    with pytest.raises(TooMany) as refused:
        client_of(server.url, patience=0).health()
    assert refused.value.retry_after == 7
    server.does = [refuses(503, retry_after="60")]
    with pytest.raises(Unavailable):
        client_of(server.url, patience=5).health()
    assert len(server.asked) == 2


def test_a_question_whose_answer_was_lost_is_asked_again(client, server):
    server.does = [hangs_up, breaks_off(b'{"status":'), tells(HEALTH)]
    assert client.health().status == "ready"
    server.does = [hangs_up, tells(NEIGHBORS)]
    client.tables.neighbors("vectors", "rain")


def test_a_job_without_a_name_is_not_made_twice(client, server):
    server.does = [hangs_up, tells(JOB, 202)]
    with pytest.raises(Unreachable) as lost:
        client.jobs.create(kind="word2vec", corpus="news")
    assert lost.value.uncertain
    assert len(server.asked) == 1


def test_a_job_with_a_name_can_not_be_made_twice(client, server):
    server.does = [hangs_up, tells(JOB, 202)]
    assert client.jobs.create(kind="word2vec", corpus="news", name="vectors").id == "job_1"
    assert len(set(keys(server))) == 1
    server.does = [hangs_up, refuses(409, type="/problems/name-taken", detail="The name belongs to job_1.")]
    with pytest.raises(Conflict, match="job_1") as taken:
        client.jobs.create(kind="word2vec", corpus="news", name="vectors")
    assert taken.value.uncertain
    assert "earlier try" in taken.value.__notes__[0]
    server.does = [refuses(409)]
    with pytest.raises(Conflict) as taken:
        client.jobs.create(kind="word2vec", corpus="news", name="vectors")
    assert not taken.value.uncertain


def test_what_a_lost_try_has_deleted_is_deleted(client, server):
    server.does = [hangs_up, refuses(404)]
    client.jobs.delete("vectors")
    server.does = [refuses(404)]
    with pytest.raises(NotFound):
        client.jobs.delete("vectors")


def test_a_session_hears_nothing_twice(client, server):
    server.does = [hangs_up, tells(RESCORED)]
    with pytest.raises(Unreachable):
        client.models.rescore("small", [], session="ses_1")
    assert len(server.asked) == 1
    assert client.models.rescore("small", []).lists == []
    server.does = [hangs_up]
    with pytest.raises(Unreachable):
        client.models.sessions.commit("small", "ses_1", "schools closed")


def test_a_server_that_is_not_there_yet_gets_even_what_must_not_come_twice(client_of):
    server = Misbehaving()
    with server.there():
        pass
    client = client_of(server.url, patience=20)
    done = []
    asking = threading.Thread(target=lambda: done.append(client.jobs.create(kind="word2vec", corpus="news")))
    asking.start()
    time.sleep(0.3)
    server.does = [tells(JOB, 202)]
    with server.there():
        asking.join(30)
    assert done[0].id == "job_1"


def test_nobody_there(client_of):
    server = Misbehaving()
    with server.there():
        pass
    with pytest.raises(Unreachable, match="Is Hindcast running there") as away:
        client_of(server.url, patience=0).health()
    assert isinstance(away.value, ConnectionError)
    assert not away.value.uncertain


def test_a_server_that_answers_slowly_is_waited_for_as_long_as_is_said(client_of, server):
    server.does = [sleeps(0.5, tells(HEALTH))]
    assert client_of(server.url).health().status == "ready"
    server.does = [sleeps(3, tells(HEALTH))]
    with pytest.raises(TimedOut) as slow:
        client_of(server.url, timeout=0.2).health()
    assert isinstance(slow.value, TimeoutError)
    assert len(server.asked) == 2


def test_a_download_that_breaks_off_begins_again(client, server, tmp_path):
    server.does = [breaks_off(b"half"), lambda asked: asked.send(200, b"all of it")]
    client.models.bundle("small", tmp_path / "small.zip")
    assert [file.name for file in tmp_path.iterdir()] == ["small.zip"]
    assert (tmp_path / "small.zip").read_bytes() == b"all of it"
    assert (tmp_path / "small.zip").stat().st_mode & 0o777 == (tmp_path.stat().st_mode | 0o644) & 0o666 | 0o600
    server.does = [breaks_off(b"half"), lambda asked: asked.send(200, b"all of it")]
    with pytest.raises(Unreachable):
        client.models.bundle("small", BytesIO())
    assert len(server.asked) == 3


def test_a_download_that_never_comes_leaves_what_was_there(client_of, server, tmp_path):
    there = tmp_path / "small.zip"
    there.write_bytes(b"before")
    server.does = [breaks_off(b"half")]
    with pytest.raises(Unreachable):
        client_of(server.url, patience=0).models.bundle("small", there)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"before"]


def test_an_upload_begins_again_where_it_can_be_read_again(client, server, tmp_path):
    text = tmp_path / "news.jsonl"
    text.write_bytes(b'{"text": "storm"}\n' * 9000)
    sent = []
    server.does = [refuses(503), hangs_up, tells(CORPUS, 202)]
    client.corpora.create(text, name="news", on_progress=lambda done, all: sent.append((done, all)))
    assert [asked.body for asked in server.asked] == [text.read_bytes()] * 3
    assert {asked.headers["content-length"] for asked in server.asked} == {"162000"}
    assert "format=jsonl" in server.asked[0].path
    assert sent == [(0, 162000), (65536, 162000), (131072, 162000), (162000, 162000)] * 3


def test_an_upload_that_can_be_read_once_is_sent_once(client, server):
    server.does = [refuses(503), tells(CORPUS, 202)]
    with pytest.raises(Unavailable):
        client.corpora.create((line for line in ["storm", "rain"]), name="news")
    assert [asked.body for asked in server.asked] == [b"storm\nrain\n"]


def test_what_is_not_hindcast_is_told_so(client, server):
    server.does = [lambda asked: asked.send(200, b"<html>", content_type="text/html; charset=utf-8")]
    with pytest.raises(NotUnderstood, match="A web page"):
        client.health()
    server.does = [tells({"colour": "blue"})]
    with pytest.raises(NotUnderstood, match="status"):
        client.health()
    server.does = [lambda asked: asked.send(502, b"<html>bad gateway", content_type="text/html"), tells(HEALTH)]
    assert client.health().status == "ready"
    server.does = [lambda asked: asked.send(307, location="/elsewhere")]
    with pytest.raises(Refused, match="307"):
        client.health()


def test_a_bug_of_the_server_is_not_asked_for_again(client, server):
    server.does = [refuses(500, detail="Hindcast failed.")]
    with pytest.raises(Refused, match="Hindcast failed") as refused:
        client.health()
    assert (refused.value.status, len(server.asked)) == (500, 1)


def test_fields_that_a_newer_server_adds_are_kept(client, server):
    server.does = [tells({**CORPUS, "colour": "blue"})]
    assert client.corpora.get("news").model_extra == {"colour": "blue"}


def test_the_key_is_sent(client_of, server, monkeypatch):
    server.does = [tells(HEALTH), tells(HEALTH)]
    client_of(server.url, api_key="secret").health()
    monkeypatch.setenv("HINDCAST_URL", server.url + "/")
    monkeypatch.setenv("HINDCAST_API_KEY", "other")
    client_of().health()
    assert [asked.headers["authorization"] for asked in server.asked] == ["Bearer secret", "Bearer other"]


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "127.0.0.1:8000",
        "http://host:port",
        "http://host:99999",
        "ftp://x",
        "http://",
        "http://h/?a=1",
        8000,
    ],
)
def test_what_is_no_url_is_told_at_once(client_of, url):
    with pytest.raises(WrongUrl, match=f"such as http://127.0.0.1:8000, not {re.escape(repr(url))}: "):
        client_of(url)
    with pytest.raises(WrongUrl):
        ScoreStream.open(url, "small")


@pytest.mark.parametrize("used", [True, False])
def test_a_closed_client_says_so(client_of, server, used):
    server.does = [tells(HEALTH)]
    client = client_of(server.url)
    if used:
        client.health()
    client.close()
    for ask in (client.health, lambda: list(client.corpora.list()), lambda: client.corpora.create(b"text")):
        with pytest.raises(Closed, match=f"of {server.url} is closed") as closed:
            ask()
        assert isinstance(closed.value, HindcastError)
    assert len(server.asked) == used


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (lambda client: client.jobs.create(kind="word2vec", corpus=object()), "^corpus can't be sent as JSON: <object"),
        (
            lambda client: client.jobs.create(kind="x", optimizer={"a": [1, type]}),
            "^optimizer.a.1 can't be sent as JSON",
        ),
        (lambda client: client.jobs.create(3), "a specification must be a mapping of fields"),
        (lambda client: client.models.rank("small", "The", object()), "^words can't be sent as JSON"),
        (lambda client: client.models.next("small", "\ud800"), "^context must be UTF-8: "),
        (lambda client: client.jobs.get(object()), "must be an id, a name, or what has an id"),
        (lambda client: client.corpora.create(object()), "must be a path, bytes"),
        (lambda client: client.corpora.create([{"text": object()}]), "a document must be what JSON can write"),
        (lambda client: client.corpora.create(b"text", splits=90), r"splits must be percentages such as \(90, 5, 5\)"),
        (lambda client: client.tables.neighbors("vectors", vector=["a"]), "vector must be numbers"),
        (lambda client: client.tables.projection("vectors", [1]), "words must be texts"),
    ],
)
def test_what_no_request_can_be_made_of_is_told_by_its_name(client, server, asked, told):
    server.does = [tells(HEALTH)]
    with pytest.raises(WrongArgument, match=told) as wrong:
        asked(client)
    assert isinstance(wrong.value, HindcastError)
    assert not wrong.value.uncertain
