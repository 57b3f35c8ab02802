"""What a server's refusals become on a command line: sentences, and a number by which a script decides what to do."""

import pytest

from hindcast_client.command_line.failures import FAILED, WRONG_USAGE, Failure
from hindcast_client.command_line.refusals import refusals_told
from hindcast_client.errors import HindcastError, Refused, TimedOut, Unreachable, WrongArgument, WrongUrl


def refused(status, *errors):
    found = [{"field": field, "message": message} for field, message in errors]
    return Refused.of({"status": status, "detail": "no", "errors": found})


def failure(error):
    with pytest.raises(Failure) as found, refusals_told(lambda field: f"--{field}"):
        raise error
    return found.value


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 413, 415, 422])
def test_what_would_be_refused_again_is_wrong_usage(status):
    assert failure(refused(status)).status == WRONG_USAGE
    assert failure(refused(status, ("body", "is empty"))).status == WRONG_USAGE


@pytest.mark.parametrize("status", [0, 408, 429, 500, 501, 502, 503, 504, 507])
def test_what_may_be_answered_another_time_has_failed(status):
    assert failure(refused(status)).status == FAILED


@pytest.mark.parametrize("error", [Unreachable("away"), TimedOut("late"), HindcastError("odd")])
def test_that_nobody_answered_has_failed_and_a_wrong_url_was_typed(error):
    assert failure(error).status == FAILED
    assert failure(WrongUrl("must be a URL")).status == WRONG_USAGE


def test_a_url_is_named_by_what_gave_it(monkeypatch):
    wrong = WrongUrl("must be a URL such as http://127.0.0.1:8000, not 'foo': no")
    assert str(failure(wrong)).startswith("--server must be")
    monkeypatch.setenv("HINDCAST_URL", "foo")
    assert str(failure(wrong)).startswith("HINDCAST_URL must be")


def test_what_can_not_be_sent_is_named_as_it_was_typed():
    wrong = failure(WrongArgument("must be UTF-8", field="context"))
    assert (str(wrong), wrong.status) == ("--context must be UTF-8", WRONG_USAGE)


def test_fields_are_named_as_they_were_typed():
    told = refused(422, ("size", "must be 1 or more"), ("model", "There is no model 'x'."))
    assert str(failure(told)) == "--size must be 1 or more\n--model: There is no model 'x'."
