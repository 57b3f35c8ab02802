"""The tree of errors, and what it is made of."""

import email.utils
import re
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
from hindcast_client.answer import Page
from hindcast_client.answers import JobAnswer
from hindcast_client.responses import check, connection_errors, understood

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


def test_a_path_without_hindcast_is_told_so():
    framework_s = b'{"type": "about:blank", "title": "Not Found", "detail": "Not Found: GET /docs/v1/jobs"}'
    with pytest.raises(NotFound, match=r"^No Hindcast answers at http://h/docs: .* Is it at http://h\?$"):
        check(answer(404, framework_s), "http://h/docs", body=framework_s)
    hindcast_s = b'{"type": "/problems/not-found", "detail": "There is no job \'x\'."}'
    with pytest.raises(NotFound, match=r"^There is no job 'x'\.$"):
        check(answer(404, hindcast_s), "http://h/behind", body=hindcast_s)


def test_what_is_not_understood_is_one_sentence():
    with pytest.raises(NotUnderstood) as found, understood("/v1/jobs/x"):
        JobAnswer.model_validate_json('{"colour": "blue"}')
    assert str(found.value).startswith(
        "/v1/jobs/x answers what this version of the client doesn't know: id: Field requ"
    )
    assert re.search(r" \(\d+ more fields are wrong\)\.$", str(found.value))
    assert "\n" not in str(found.value)
    with pytest.raises(NotUnderstood, match=r"know: .*JSON.*\.$"), understood("/v1/jobs"):
        Page.model_validate_json("<")


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
