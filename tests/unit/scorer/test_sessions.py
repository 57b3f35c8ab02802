from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from fastapi.testclient import TestClient

from hindcast.errors import Gone, InvalidInput, NotFound, TooMany
from hindcast.lm.prefix_tree import ReadingPoint
from hindcast.web.app import make_app
from hindcast_scorer.api import routers
from hindcast_scorer.sessions import Heard, Sessions

ZERO = np.zeros((1, 1, 2), dtype=np.float32)
START = ReadingPoint(ZERO[0], (ZERO, ZERO))


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_session_ends_when_nobody_uses_it() -> None:
    clock = Clock()
    sessions = Sessions(idle_seconds=60, clock=clock)
    used, idle = sessions.begin("lm_1", START), sessions.begin("lm_1", START)
    clock.now += 50
    with sessions.turn(used.id, model="lm_1", field="session"):
        clock.now += 50  # a long computation
    with pytest.raises(Gone, match="60 seconds"), sessions.turn(idle.id, model="lm_1", field="session"):
        pass
    clock.now += 59
    with sessions.turn(used.id, model="lm_1", field="session") as found:
        assert found is used
    assert len(sessions) == 1
    clock.now += 61
    assert len(sessions) == 0


def test_one_in_its_turn_does_not_end() -> None:
    clock = Clock()
    sessions = Sessions(idle_seconds=60, clock=clock)
    session = sessions.begin("lm_1", START)
    with sessions.turn(session.id, model="lm_1", field="session"):
        clock.now += 1_000
        assert len(sessions) == 1


def test_their_number_has_a_limit_that_idle_ones_do_not_count_for() -> None:
    clock = Clock()
    sessions = Sessions(most=2, idle_seconds=60, clock=clock)
    first, _ = sessions.begin("lm_1", START), sessions.begin("lm_1", START)
    with pytest.raises(TooMany, match="2 sessions"):
        sessions.begin("lm_1", START)
    sessions.end(first.id)
    sessions.begin("lm_1", START)
    clock.now += 61
    sessions.begin("lm_1", START)
    assert len(sessions) == 1


def test_what_is_no_session_of_the_model() -> None:
    sessions = Sessions()
    session = sessions.begin("lm_1", START)
    with pytest.raises(NotFound) as caught:
        sessions.end("lm_1")
    assert not isinstance(caught.value, Gone)
    with pytest.raises(InvalidInput, match="lm_1"), sessions.turn(session.id, model="lm_2", field="options.session"):
        pass
    sessions.end(session.id)
    with pytest.raises(Gone):
        sessions.end(session.id)


def test_reset_goes_back_to_where_it_began() -> None:
    session = Sessions().begin("lm_1", START)
    session.heard = Heard(ReadingPoint(np.ones((1, 2), dtype=np.float32), START.state), 3, 12)
    session.reset()
    assert session.heard == Heard(START)


@pytest.mark.parametrize("sessions", [None, Sessions(most=1, idle_seconds=5)])
def test_the_limits_that_are_given_are_those_that_count(make_bundle, scorer, sessions):
    scorer.add(make_bundle(history="document"))
    routes = routers(scorer.models, scorer.ngrams, slots=1, sessions=sessions)
    with TestClient(make_app(title="scorer", version="0", routers=routes, readiness=lambda: None)) as http:
        first, second = (http.post("/v1/models/lm_1/sessions", json={}) for _ in range(2))
    left = datetime.fromisoformat(first.json()["expires_at"]) - datetime.now(UTC)
    if sessions is None:
        assert second.status_code == 201
        assert left > timedelta(seconds=60)
    else:
        assert second.status_code == 429
        assert left <= timedelta(seconds=5)
