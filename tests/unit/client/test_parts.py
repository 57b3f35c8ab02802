"""The requests of a large upload, one by one, with a service that says what the test wants."""

import gzip

import pytest

from hindcast_client.errors import (
    Conflict,
    Invalid,
    NotFound,
    NotUnderstood,
    Refused,
    TimedOut,
    TooMany,
    Unavailable,
    Unreachable,
)
from hindcast_client.parts import PART_BYTES, LargeUpload
from hindcast_client.request import Request
from hindcast_client.uploads import PIECE_BYTES, upload_of

SIZE = 2 * PART_BYTES + 5
AT = "/v1/corpora/uploads/upl_1"


def begun(source, *, compress=False, offset=None, on_progress=None):
    """An upload of which the service has the beginning, or as much as is said of it."""
    request = Request("POST", "/v1/corpora", upload=upload_of(source, compress=compress, on_progress=on_progress))
    upload = LargeUpload(request)
    beginning = upload.beginning
    sent = len(b"".join(beginning.upload.pieces()))
    upload.begun({"location": AT, "upload-offset": str(sent if offset is None else offset)})
    return upload


def told(offset):
    return {"upload-offset": str(offset)}


def test_it_is_announced_with_what_it_is():
    upload = LargeUpload(Request("POST", "/v1/corpora", upload=upload_of(b"x" * SIZE), once=True))
    request = upload.beginning
    headers = {**request.upload.headers, **request.all_headers}
    assert (headers["upload-complete"], headers["upload-length"]) == ("?0", str(SIZE))
    assert headers["content-length"] == str(PIECE_BYTES)
    assert "idempotency-key" in headers
    assert not request.once
    packed = LargeUpload(Request("POST", "/v1/corpora", upload=upload_of(b"x" * SIZE, compress=True))).beginning
    headers = {**packed.upload.headers, **packed.all_headers}
    assert headers["content-encoding"] == "gzip"
    assert "upload-length" not in headers


@pytest.mark.parametrize("compress", [False, True])
def test_parts_are_all_of_it_whatever_the_service_has_of_each(compress):
    content = b"".join(b"%d\n" % (number * number) for number in range(2_000_000))
    upload, arrived, share = (
        LargeUpload(Request("POST", "/v1/corpora", upload=upload_of([content], compress=compress))),
        b"",
        0,
    )
    arrived += b"".join(upload.beginning.upload.pieces())
    upload.begun({"location": AT, **told(len(arrived))})
    while True:
        step = upload.next()
        assert (step.request.method, step.request.path) == ("PATCH", AT)
        assert step.request.headers["upload-offset"] == str(len(arrived))
        body = b"".join(step.request.upload.pieces())
        assert len(body) <= PART_BYTES + PIECE_BYTES
        share = (share + 0.37) % 1
        if step.ends and share > 0.5:
            arrived += body
            break
        arrived += body[: int(share * len(body))]
        upload.lost(step, Unreachable("broke off", uncertain=True))
        question = upload.next()
        assert (question.request.method, question.request.path) == ("HEAD", AT)
        assert upload.confirm(told(len(arrived))) == (int(share * len(body)) > 0)
    assert (gzip.decompress(arrived) if compress else arrived) == content
    assert step.request.headers["upload-complete"] == "?1"


def test_what_is_whole_already_is_asked_for_its_answer():
    upload = begun(b"x" * (3 * PIECE_BYTES + 5))
    step = upload.next()
    assert step.ends
    upload.lost(step, Unavailable({"status": 503}))
    assert upload.confirm(told(3 * PIECE_BYTES + 5))
    last = upload.next()
    assert (last.ends, last.request.headers["upload-offset"]) == (True, str(3 * PIECE_BYTES + 5))
    assert b"".join(last.request.upload.pieces()) == b""


@pytest.mark.parametrize(
    "offset", ["-1", "", "some", "0", str(PIECE_BYTES - 1), str(PIECE_BYTES + PART_BYTES + 1 << 20)]
)
def test_what_a_service_can_not_have_is_not_understood(offset):
    upload = begun(b"x" * SIZE)
    upload.next()
    with pytest.raises(NotUnderstood, match="can't be"):
        upload.confirm({"upload-offset": offset})


def test_a_service_that_does_not_say_where_is_not_understood():
    upload = LargeUpload(Request("POST", "/v1/corpora", upload=upload_of(b"x" * SIZE)))
    with pytest.raises(NotUnderstood, match="where"):
        upload.begun({"upload-offset": "0"})


@pytest.mark.parametrize(
    ("error", "goes_on"),
    [
        (Unreachable("broke off", uncertain=True), True),
        (Unreachable("nobody there"), True),
        (Unavailable({"status": 503}), True),
        (TooMany({"status": 429}), True),
        (TimedOut("slow"), True),
        (Conflict({"status": 409, "type": "/problems/wrong-offset"}), True),
        (Conflict({"status": 409, "type": "/problems/name-taken"}), False),
        (NotFound({"status": 404}), False),
        (Invalid({"status": 422}), False),
        (Refused({"status": 500}), False),
        (Refused({"status": 507}), False),
    ],
)
def test_what_it_goes_on_after(error, goes_on):
    upload = begun(b"x" * SIZE)
    step = upload.next()
    if goes_on:
        upload.lost(step, error)
        assert upload.next().request.method == "HEAD"
    else:
        with pytest.raises(type(error)):
            upload.lost(step, error)


def test_nobody_knows_how_long_the_last_part_is_worked_at():
    upload = begun(b"x" * (3 * PIECE_BYTES + 5))
    step = upload.next()
    assert step.ends
    with pytest.raises(TimedOut):
        upload.lost(step, TimedOut("slow"))


def test_progress_is_of_the_source_and_tells_nothing_twice():
    seen = []
    upload = begun(b"x" * SIZE, on_progress=lambda done, of: seen.append((done, of)))
    for lost in (True, False, True, False, False):
        step = upload.next()
        sent = len(b"".join(step.request.upload.pieces()))
        if lost:
            upload.lost(step, Unreachable("broke off"))
            upload.confirm(told(upload.offset))
        elif not step.ends:
            upload.confirm(told(upload.offset + sent))
    assert seen == [(min(start, SIZE), SIZE) for start in range(0, SIZE + PIECE_BYTES, PIECE_BYTES)]
