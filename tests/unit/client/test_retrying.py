"""When a request is sent again: by a clock of the test's own."""

import pytest

from hindcast_client.errors import (
    Conflict,
    Invalid,
    NotFound,
    Refused,
    TimedOut,
    TooMany,
    Unavailable,
    Unreachable,
)
from hindcast_client.request import Request, delete, get, post
from hindcast_client.retrying import FIRST_PAUSE, LONGEST_PAUSE, Pauses, Tries
from hindcast_client.uploads import upload_of
from hindcast_client.waiting import Contact, Deadline

ONCE = post("/v1/jobs", {}, once=True)
AWAY, LOST = Unreachable("nobody there"), Unreachable("broke off", uncertain=True)


class Clock:
    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


def busy(retry_after=None):
    return Unavailable({"status": 503}, retry_after=retry_after)


@pytest.mark.parametrize(
    ("request_", "error", "again"),
    [
        (get("/v1/jobs"), AWAY, True),
        (get("/v1/jobs"), LOST, True),
        (get("/v1/jobs"), busy(), True),
        (get("/v1/jobs"), TooMany({"status": 429}), True),
        (get("/v1/jobs"), TimedOut("slow"), False),
        (get("/v1/jobs"), Refused({"status": 500}), False),
        (get("/v1/jobs"), Invalid({"status": 422}), False),
        (delete("/v1/jobs/j"), LOST, True),
        (ONCE, AWAY, True),
        (ONCE, busy(), True),
        (ONCE, LOST, False),
        (Request("POST", "/v1/corpora", upload=upload_of(iter([b"a"]))), busy(), False),
        (Request("POST", "/v1/corpora", upload=upload_of([b"a"])), LOST, True),
    ],
)
def test_what_is_tried_again(request_, error, again):
    tries = Tries(request_, patience=60, now=Clock())
    if again:
        assert 0 < tries.pause_after(error) <= FIRST_PAUSE
    else:
        with pytest.raises(type(error)):
            tries.pause_after(error)


def test_patience_is_a_time_and_no_number_of_tries():
    clock = Clock()
    tries = Tries(get("/v1/jobs"), patience=100, now=clock)
    for _ in range(7):  # at most 0.5 + 1 + 2 + 4 + 8 + 16 + 20 seconds
        clock.seconds += tries.pause_after(AWAY)
    clock.seconds = 99
    with pytest.raises(Unreachable):
        tries.pause_after(AWAY)
    with pytest.raises(Unavailable):
        Tries(get("/v1/jobs"), patience=100, now=clock).pause_after(busy(retry_after=101))


def test_pauses_double_but_never_by_the_same_step():
    pauses, others = Pauses(), Pauses()
    drawn = [pauses.next() for _ in range(10)]
    for number, pause in enumerate(drawn):
        longest = min(FIRST_PAUSE * 2**number, LONGEST_PAUSE)
        assert longest / 2 <= pause <= longest
    assert drawn != [others.next() for _ in range(10)]
    assert 7 <= pauses.next(after=busy(retry_after=7)) <= 7 + FIRST_PAUSE


def test_an_error_after_a_lost_answer_says_that_it_may_have_been_done():
    tries = Tries(post("/v1/jobs", {"name": "x"}), patience=60, now=Clock())
    tries.pause_after(LOST)
    with pytest.raises(Conflict) as taken:
        tries.pause_after(Conflict({"status": 409}))
    assert taken.value.uncertain
    assert len(taken.value.__notes__) == 1
    with pytest.raises(NotFound) as other:
        Tries(get("/v1/jobs/j"), patience=60, now=Clock()).pause_after(NotFound({"status": 404}))
    assert not other.value.uncertain


def test_a_key_belongs_to_a_request_and_not_to_a_try():
    request = post("/v1/jobs", {})
    assert request.all_headers["idempotency-key"] == request.all_headers["idempotency-key"]
    assert request.all_headers["idempotency-key"] != post("/v1/jobs", {}).all_headers["idempotency-key"]
    assert "idempotency-key" not in get("/v1/jobs").all_headers


def test_contact_that_is_made_again_makes_patient():
    clock = Clock()
    contact = Contact(10, now=clock)
    clock.seconds = 9
    contact.pause_after(AWAY)
    contact.made()
    clock.seconds = 18
    contact.pause_after(AWAY)
    clock.seconds = 19
    with pytest.raises(Unreachable):
        contact.pause_after(AWAY)


def test_an_absence_is_told_once():
    told = []
    contact = Contact(10, on_away=told.append, now=Clock())
    for _ in range(3):
        contact.pause_after(AWAY)
    assert told == [AWAY]
    contact.made()
    contact.pause_after(AWAY)
    assert told == [AWAY, AWAY]


def test_a_deadline_may_be_none():
    clock = Clock()
    deadline, none = Deadline(5, now=clock), Deadline(None, now=clock)
    clock.seconds = 4
    assert (deadline.left, none.left) == (1, float("inf"))
    deadline.check("It")
    clock.seconds = 6
    none.check("It")
    with pytest.raises(TimedOut, match=r"It hasn't ended within 5 seconds\."):
        deadline.check("It")
