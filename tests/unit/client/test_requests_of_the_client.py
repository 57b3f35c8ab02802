"""How what is asked is written."""

import pytest
from pydantic import BaseModel

from hindcast_client.answers import TableCard
from hindcast_client.errors import NotFound
from hindcast_client.event_stream import EventLines
from hindcast_client.request import at, fields_of, get, stated, texts_of

CARD = TableCard(
    **{"id": "tab_1", "name": "vectors", "words": 1, "size": 2, "source": "x", "skipped": 0, "skipped_because": {}},
    **{"job": None, "uses": [], "size_bytes": 8, "created_at": "2026-11-22T21:57:00Z", "details": {}},
)


class Spec(BaseModel):
    kind: str = "word2vec"
    size: int = 5
    corpus: str


def test_names_of_any_letters_are_one_part_of_a_path():
    assert at("models", "klein 雨x?", "rank") == "/v1/models/klein%20%E9%9B%A8x%3F/rank"
    assert at("tables", CARD) == "/v1/tables/tab_1"
    with pytest.raises(TypeError, match="must be an id, a name, or what has an id, not None"):
        at("tables", None)


def test_names_that_would_be_another_path_are_not_found():
    assert at("models", "...", "rank") == "/v1/models/%2E%2E%2E/rank"
    with pytest.raises(NotFound, match=r"^There is no job 'plain/metrics': names have no /\.$"):
        at("jobs", "plain/metrics")
    with pytest.raises(NotFound, match=r"^There is no model '\.\.': names aren't one dot or two\.$"):
        at("models", "..", "rank")
    with pytest.raises(NotFound, match="no session 'a/b'"):
        at("models", "lm", "sessions", "a/b")
    with pytest.raises(NotFound, match="is empty"):
        at("tables", "")


def test_what_is_not_stated_is_left_to_the_service():
    assert stated(k=None, complete=False, history="document") == {"complete": False, "history": "document"}
    assert get("/v1/jobs", limit=5, status=None, deep=True).parameters == {"limit": "5", "deep": "true"}


def test_what_has_an_id_stands_for_it():
    told = fields_of({"kind": "concatenation", "tables": [CARD, "b"]}, {"input": {"table": CARD}})
    assert told == {"kind": "concatenation", "tables": ["tab_1", "b"], "input": {"table": "tab_1"}}


def test_a_specification_may_be_a_model_of_pydantic():
    told = fields_of(Spec(corpus="news"), {"name": "vectors", "clip": None})
    assert told == {"kind": "word2vec", "size": 5, "corpus": "news", "name": "vectors", "clip": None}


def test_one_text_is_a_list_of_one():
    assert texts_of("abc") == ["abc"]
    assert texts_of(["a", "b"]) == ["a", "b"]


def test_an_event_is_its_lines():
    lines = EventLines()
    told = [": alive", "", "event: log", 'data:{"message": "a: b", "created_at": "2026-11-22T21:57:00Z"}', "id: 3", ""]
    events = [event for line in told if (event := lines.event(line)) is not None]
    assert [(event.id, event.type, event.data) for event in events] == [(3, "log", {"message": "a: b"})]
