"""The tree of errors, and what it is made of."""

import email.utils
import time

import httpx2
import pytest

from hindcast_client import (
    Conflict,
    FieldError,
    HindcastError,
    Invalid,
    NotAllowed,
    NotFound,
    NotUnderstood,
    Refused,
    TimedOut,
    TooMany,
    Unavailable,
    Unreachable,
    WrongUrl,
)
from hindcast_client.responses import check, connection_errors

PROBLEM = {
    **{"type": "/problems/invalid-input", "title": "The input can't be used", "status": 422, "detail": "size: no"},
    **{"errors": [{"field": "size", "message": "must be an integer"}], "request_id": "req_1"},
}


def answer(status, content=b"", **headers):
    return httpx2.Response(status, content=content, headers=headers, request=httpx2.Request("GET", "http://h/v1/x"))


def test_a_refusal_says_all_that_the_service_said():
    error = Refused.of(PROBLEM)
    assert isinstance(error, Invalid)
    assert (error.type, error.title, error.status) == ("/problems/invalid-input", "The input can't be used", 422)
    assert (str(error), error.detail, error.request_id) == ("size: no", "size: no", "req_1")
    assert error.errors == [FieldError("size", "must be an integer")]
    assert not error.uncertain


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Invalid),
        (401, NotAllowed),
        (404, NotFound),
        (409, Conflict),
        (429, TooMany),
        (503, Unavailable),
        (418, Refused),
    ],
)
def test_a_status_has_its_class(status, kind):
    with pytest.raises(Refused) as refused:
        check(answer(status), "http://h", body=b"<html>a proxy's</html>")
    assert type(refused.value) is kind
    assert str(refused.value).startswith(f"http://h/v1/x answered {status}")
    assert (refused.value.status, refused.value.errors) == (status, [])


def test_when_to_come_again_is_a_number_or_a_date():
    later = email.utils.formatdate(time.time() + 100, usegmt=True)
    found = []
    for told in ("7", later, "soon", None):
        with pytest.raises(Unavailable) as refused:
            check(answer(503, **({} if told is None else {"retry-after": told})), "http://h")
        found.append(refused.value.retry_after)
    assert found[0] == 7
    assert 95 < found[1] <= 100
    assert found[2:] == [None, None]


@pytest.mark.parametrize(
    ("raised", "kind", "uncertain"),
    [
        (httpx2.ConnectError("refused"), Unreachable, False),
        (httpx2.ConnectTimeout("slow"), Unreachable, False),
        (httpx2.ReadTimeout("slow"), TimedOut, False),
        (httpx2.RemoteProtocolError("gone"), Unreachable, True),
        (httpx2.ReadError(""), Unreachable, True),
        (httpx2.DecodingError("not gzip"), NotUnderstood, False),
        (httpx2.UnsupportedProtocol("ftp"), WrongUrl, False),
    ],
)
def test_what_connections_raise_never_comes_through(raised, kind, uncertain):
    with pytest.raises(HindcastError) as found, connection_errors("http://h"):
        raise raised
    assert (type(found.value), found.value.uncertain) == (kind, uncertain)


def test_python_s_own_errors_catch_what_they_mean():
    assert issubclass(Unreachable, ConnectionError)
    assert issubclass(TimedOut, TimeoutError)
