"""Waiting for a job whose server breaks off, goes away or has no events."""

import subprocess
import sys
import threading
import time

import pytest
from misbehaving import Misbehaving, event, hangs_up, refuses, sleeps, streams, tells

from hindcast_client import JobFailed, NotFound, TimedOut, Unreachable
from hindcast_client.command_line.queued import tell_waits
from hindcast_client.synchronous.transport import Transport
from hindcast_client.synchronous.watching import Watch
from hindcast_client.waiting import Deadline

MOMENT = "2026-11-22T21:57:00.123Z"
JOB = {
    **{"id": "job_1", "kind": "word2vec", "name": "vectors", "status": "running", "spec": {}, "progress": {}},
    **{"metrics": {}, "result": None, "error": None, "attempt": 1, "cancel_requested": False, "needs": [], "uses": []},
    **{"created_at": MOMENT, "started_at": None, "finished_at": None},
}
ENDED = event(4, "status", status="succeeded")


class Work:
    """The job of a server that tells of it."""

    def __init__(self, server):
        self.server = server
        self.told = dict(JOB)
        server.routes["/v1/jobs/job_1"] = lambda asked: tells(self.told)(asked)

    def ends(self, then, *, status="succeeded", **told):
        """As it is once a stream has been asked for."""

        def behave(asked):
            self.told |= {"status": status, **told}
            then(asked)

        return behave

    @property
    def seen(self):
        """What the client said that it had seen, each time that it asked for events."""
        return [asked.headers["last-event-id"] for asked in self.server.asked if asked.path.endswith("/events")]


def progress(id, fraction):
    return event(id, "progress", fraction=fraction, done=0, total=0, unit="tokens", eta_seconds=None, message="")


@pytest.fixture
def work(server):
    return Work(server)


def test_a_stream_that_breaks_off_goes_on_where_it_was(client, server, work):
    server.does = [
        streams(event(1, "status", status="running"), progress(2, 0.25)),
        streams(b": alive\n\n", progress(3, 0.5)),
        work.ends(streams(ENDED, ends=True)),
        streams(ends=True),
    ]
    seen = []
    assert client.jobs.wait("job_1", on_progress=lambda told: seen.append(told.fraction)).status == "succeeded"
    assert seen == [0.25, 0.5]
    assert work.seen == ["0", "2", "3", "4"]


def test_events_are_each_told_once(client, server, work):
    server.does = [streams(progress(1, 0.1)), refuses(503, retry_after="0"), work.ends(streams(ENDED, ends=True))]
    server.does += [streams(ends=True)]
    told = [(told.id, told.type, told.data) for told in client.jobs.events("job_1")]
    assert [id for id, *_ in told] == [1, 4]
    assert told[1] == (4, "status", {"status": "succeeded"})


def test_a_server_that_starts_again_in_the_middle(client_of):
    server = Misbehaving()
    work = Work(server)
    done = []
    with server.there():
        client = client_of(server.url)
        server.does = [streams(progress(1, 0.1))]
        waiting = threading.Thread(target=lambda: done.append(client.jobs.wait("job_1")))
        waiting.start()
        while not work.seen:
            time.sleep(0.02)
        server.does = []
    time.sleep(0.7)
    assert waiting.is_alive()
    server.does = [work.ends(streams(ENDED, ends=True)), streams(ends=True)]
    with server.there():
        waiting.join(60)
    assert done[0].status == "succeeded"
    assert work.seen[-2:] == ["1", "4"]


def test_patience_with_a_server_that_stays_away(client_of):
    server = Misbehaving()
    Work(server)
    with server.there():
        client = client_of(server.url)
        assert client.jobs.get("job_1").status == "running"
    with pytest.raises(Unreachable):
        client.jobs.wait("job_1", patience=0.5)


def test_whoever_watches_hears_that_the_server_is_away():
    server = Misbehaving()
    work = Work(server)
    with server.there():
        server.does = [streams(progress(1, 0.1))]
        command = [sys.executable, "-m", "hindcast_client.command_line", "watch", "job_1", "--server", server.url]
        watching = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while not work.seen:
            assert watching.poll() is None, watching.communicate()
            time.sleep(0.02)
        server.does = []
    while "The server is waited for. " not in (line := watching.stderr.readline()):
        assert watching.poll() is None
    assert server.url in line
    server.does = [work.ends(streams(ENDED, ends=True)), streams(ends=True)]
    with server.there():
        out, err = watching.communicate(timeout=60)
    assert out.startswith("vectors succeeded")
    assert "waited for" not in err


def test_whoever_watches_a_queued_job_hears_what_it_waits_for(server, work):
    work.told |= {"status": "queued"}
    heard = threading.Event()
    server.routes["/v1/jobs"] = tells({"items": [JOB | {"name": None, "label": "novels"}], "next_cursor": None})

    def runs_then(asked):
        assert heard.wait(60)
        work.told |= {"status": "succeeded"}
        streams(ENDED, ends=True)(asked)

    server.does = [runs_then, streams(ends=True)]
    command = [sys.executable, "-m", "hindcast_client.command_line", "watch", "job_1", "--server", server.url]
    watching = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert watching.stderr.readline().endswith(" vectors: queued: waits behind novels, which is running\n")
    heard.set()
    out, _ = watching.communicate(timeout=60)
    assert out.startswith("vectors succeeded")


@pytest.mark.parametrize(
    ("needed", "running", "told"),
    [
        ("succeeded", [], "waits for a worker"),
        ("queued", ["a"], "waits for other, which is queued"),
        ("succeeded", ["a"], "waits behind a, which is running"),
        ("succeeded", ["a", "b"], "waits behind a, b, which are running"),
        ("succeeded", ["a", "b", "c", "d"], "waits behind a, b, c and others, which are running"),
    ],
)
def test_a_job_waits_for_what_it_needs_or_for_those_that_run(server, work, needed, running, told):
    work.told |= {"status": "queued", "needs": ["job_2"]}
    server.routes["/v1/jobs/job_2"] = tells(JOB | {"name": "other", "status": needed})

    def leaves_the_queue(asked):
        work.told |= {"status": "running"}
        tells({"items": [JOB | {"name": name} for name in running], "next_cursor": None})(asked)

    server.routes["/v1/jobs"] = leaves_the_queue
    heard, done = [], threading.Event()

    def hears(what):
        heard.append(what)
        if needed == "queued":
            done.set()

    transport = Transport(server.url, api_key=None, timeout=5, patience=0)
    tell_waits(transport, "job_1", hears, done, first_seconds=0, seconds=0)
    transport.close()
    assert heard == [told]


@pytest.mark.parametrize(
    "no_stream",
    [
        refuses(406),
        refuses(404),
        tells({}),
        streams(ends=True),
        streams(),
        hangs_up,
        streams(b"event: odd\ndata: {}\n\n"),
    ],
)
def test_without_a_stream_it_asks_now_and_then(client, server, work, no_stream):
    page = {"items": [{"id": 1, "type": "progress", "data": {"fraction": 0.5}, "created_at": MOMENT}]}
    server.does = [no_stream, tells({**page, "next_cursor": "1"}), tells({"items": [], "next_cursor": None})]
    server.does += [work.ends(tells({"items": [], "next_cursor": None})), tells({"items": [], "next_cursor": None})]
    seen = []
    assert client.jobs.wait("job_1", on_progress=lambda told: seen.append(told.fraction)).status == "succeeded"
    assert seen == [0.5]
    asked = [asked.path for asked in server.asked if "cursor" in asked.path]
    assert [path.rpartition("cursor=")[2] for path in asked] == ["0", "1", "1", "1"]


def test_a_stream_that_is_held_back_is_given_up_for_asking(server, work):
    server.does = [sleeps(2, streams(ENDED)), work.ends(tells({"items": [], "next_cursor": None}))]
    server.does += [tells({"items": [], "next_cursor": None})]
    transport = Transport(server.url, api_key=None, timeout=30, patience=0)
    watch = Watch(transport, "job_1", after=0, deadline=Deadline(None), patience=30, silence=0.2)
    assert {event for event in watch.events() if event is not None} == set()
    assert [asked.path for asked in server.asked if "cursor" in asked.path]
    transport.close()


def test_a_wait_ends_in_time_and_the_job_goes_on(client, server, work):
    server.routes["/v1/jobs/job_1/events"] = tells({"items": [], "next_cursor": None})
    with pytest.raises(TimedOut, match=r"job_1 hasn't ended within 0\.3 seconds"):
        client.jobs.wait("job_1", timeout=0.3)
    with pytest.raises(TimedOut):
        client.jobs.get("job_1").wait(timeout=0)
    work.told["status"] = "succeeded"
    assert client.jobs.get("job_1").wait(timeout=0).status == "succeeded"


def test_a_stream_is_left_before_a_deadline_that_nothing_would_tell_of(server, work):
    alive = streams(*[b": alive\n\n"] * 3, ends=True)
    server.routes["/v1/jobs/job_1/events"] = lambda asked: (
        alive(asked) if "last-event-id" in asked.headers else tells({"items": [], "next_cursor": None})(asked)
    )
    transport = Transport(server.url, api_key=None, timeout=30, patience=0)
    deadline = Deadline(1.0)
    watch = Watch(transport, "job_1", after=0, deadline=deadline, patience=30, silence=0.7)
    for happened in watch.events():
        if happened is None and deadline.left == 0:
            break
    assert "cursor" in server.asked[-1].path
    transport.close()


def test_a_job_that_fails_says_why(client, server, work):
    problem = {"title": "The input can't be used", "status": 422, "detail": "The corpus is too small."}
    server.does = [work.ends(streams(ENDED, ends=True), status="failed", error=problem), streams(ends=True)]
    with pytest.raises(JobFailed, match=r"vectors failed: The corpus is too small\.") as failed:
        client.jobs.get("job_1").wait()
    assert failed.value.problem["status"] == 422
    assert failed.value.ended.status == "failed"


def test_a_job_that_is_cancelled(client, server, work):
    server.does = [work.ends(streams(ENDED, ends=True), status="cancelled"), streams(ends=True)]
    with pytest.raises(JobFailed, match="was cancelled") as failed:
        client.jobs.wait("job_1")
    assert failed.value.problem is None


def test_a_job_that_is_deleted_meanwhile(client, server, work):
    def deleted(asked):
        server.routes["/v1/jobs/job_1"] = refuses(404, detail="There is no job 'job_1'.")
        streams(ENDED, ends=True)(asked)

    server.does = [deleted]
    with pytest.raises(NotFound, match="job_1"):
        client.jobs.wait("job_1")


def test_an_event_loop_can_be_left_early(client, server, work):
    server.does = [streams(progress(1, 0.1), progress(2, 0.2))]
    events = client.jobs.events("job_1")
    assert next(events).id == 1
    events.close()
