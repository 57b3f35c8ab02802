import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hindcast.errors import NotFound, Unavailable
from hindcast.jobs import service
from hindcast.registry import Resource
from hindcast.serving import Catalogue, Shelf
from hindcast.testing import MemoryDatabase, MemoryTransaction


def table(id: str, *, name: str | None = None, artifact: str | None = "tables/x", size_bytes: int = 1) -> Resource:
    return Resource(id, "table", name, artifact, {}, size_bytes, "job_1", datetime.now(UTC))


class Breakable(MemoryDatabase):
    away = False
    asked = 0

    @contextmanager
    def transaction(self) -> Iterator[MemoryTransaction]:
        self.asked += 1
        if self.away:
            raise Unavailable()
        with super().transaction() as transaction:
            yield transaction

    def add(self, resource: Resource) -> None:
        with self.transaction() as transaction:
            transaction.resources.add(resource)

    def delete(self, id: str) -> None:
        with self.transaction() as transaction:
            transaction.resources.delete(id)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def database() -> Breakable:
    database = Breakable()
    database.add(table("tab_1", name="news"))
    return database


def test_the_catalogue_is_asked_by_id_and_by_name(database: Breakable) -> None:
    catalogue = Catalogue(database, "table")
    assert catalogue.get("tab_1") == catalogue.get("news")
    with pytest.raises(NotFound):
        catalogue.get("tab_2")
    with pytest.raises(NotFound):
        Catalogue(database, "model").get("news")


def test_what_is_not_ready_is_not_there(database: Breakable) -> None:
    database.add(table("tab_2", artifact=None))
    with pytest.raises(NotFound, match="The table tab_2 was never made: job job_1 is gone"):
        Catalogue(database, "table").get("tab_2")


def test_it_says_what_became_of_what_is_not_ready(database: Breakable) -> None:
    with database.transaction() as transaction:
        names = ("waits", "stops", "fails")
        jobs = {
            name: service.submit(transaction, kind="ingest", spec={}, result_type="corpus", result_name=name)
            for name in names
        }
        service.cancel(transaction, jobs["stops"].id)
        service.claim(transaction, jobs["fails"].id, lease_seconds=9)
        service.fail(transaction, jobs["fails"].id, 1, {"detail": "The text has no words."})
    catalogue = Catalogue(database, "corpus")
    for name, what in (
        ("waits", f"The corpus waits is not ready: job {jobs['waits'].id} is to make it."),
        ("stops", f"The corpus stops was not made: job {jobs['stops'].id} was cancelled."),
        ("fails", f"The corpus fails failed (job {jobs['fails'].id}): The text has no words."),
    ):
        with pytest.raises(NotFound) as caught:
            catalogue.get(jobs[name].result_id or "")
        assert caught.value.detail == what


def test_what_was_seen_outlasts_the_database(database: Breakable) -> None:
    clock = Clock()
    catalogue = Catalogue(database, "table", refresh_seconds=1, clock=clock)
    seen = catalogue.get("news")
    database.away, clock.now = True, 1000.0
    assert catalogue.get("news") == seen
    with pytest.raises(Unavailable):
        catalogue.get("tab_1")


def test_what_changed_is_seen_after_a_moment(database: Breakable) -> None:
    clock = Clock()
    catalogue = Catalogue(database, "table", refresh_seconds=1, clock=clock)
    catalogue.get("news")
    database.delete("tab_1")
    clock.now = 0.9
    catalogue.get("news")
    clock.now = 1.1
    with pytest.raises(NotFound):
        catalogue.get("news")


def test_while_the_database_is_away_it_is_not_asked_at_every_turn(database: Breakable) -> None:
    clock = Clock()
    catalogue = Catalogue(database, "table", refresh_seconds=1, clock=clock)
    catalogue.get("news")
    database.away, clock.now = True, 2.0
    catalogue.get("news")
    asked = database.asked
    clock.now = 2.9
    catalogue.get("news")
    assert database.asked == asked
    clock.now = 3.1
    catalogue.get("news")
    assert database.asked == asked + 1


def test_nobody_waits_while_another_asks(database: Breakable) -> None:
    clock = Clock()
    catalogue = Catalogue(database, "table", refresh_seconds=1, clock=clock)
    catalogue.get("news")
    clock.now = 2.0
    with database.transaction():  # a second transaction waits for the end of this one
        waiting = threading.Thread(target=catalogue.get, args=["news"])
        waiting.start()
        while database.asked < 4:  # added, seen, this one, and the thread's
            waiting.join(0.01)
        assert catalogue.get("news").id == "tab_1"
    waiting.join(10)


@pytest.mark.parametrize("reference", ["tab_1", "news"])
def test_who_has_it_open_hears_that_it_was_deleted(database: Breakable, reference: str) -> None:
    gone: list[str] = []
    catalogue = Catalogue(database, "table", refresh_seconds=0, on_deleted=gone.append)
    with pytest.raises(NotFound):
        catalogue.get("tab_2")
    catalogue.get("news"), catalogue.get("tab_1")
    database.delete("tab_1")
    with pytest.raises(NotFound):
        catalogue.get(reference)
    assert gone == ["tab_1"]


@pytest.mark.parametrize("reference", ["tab_1", "news"])
def test_what_is_forgotten_is_asked_again(database: Breakable, reference: str) -> None:
    catalogue = Catalogue(database, "table", refresh_seconds=1000)
    catalogue.get("news"), catalogue.get("tab_1")
    database.delete("tab_1")
    catalogue.forget(reference)
    for known in ("news", "tab_1"):
        with pytest.raises(NotFound):
            catalogue.get(known)


def test_the_one_used_longest_ago_goes_first() -> None:
    shelf = Shelf(lambda resource: resource.id, memory_bytes=10)
    for id in ("tab_1", "tab_2"):
        shelf.get(table(id, size_bytes=4))
    shelf.get(table("tab_1", size_bytes=4))
    shelf.get(table("tab_3", size_bytes=4))
    assert shelf.ids == ["tab_1", "tab_3"]
    assert shelf.get(table("tab_4", size_bytes=99)) == "tab_4"
    assert shelf.ids == ["tab_4"]


def test_a_failure_is_not_remembered() -> None:
    broken = [True]

    def open(resource: Resource) -> str:
        if broken.pop():
            raise Unavailable()
        return resource.id

    shelf = Shelf(open, memory_bytes=10)
    with pytest.raises(Unavailable):
        shelf.get(table("tab_1"))
    broken.append(False)
    assert shelf.get(table("tab_1")) == "tab_1"


def test_one_opens_while_others_wait() -> None:
    opened: list[str] = []
    asked, may_go_on = threading.Barrier(4), threading.Event()

    def open(resource: Resource) -> str:
        opened.append(resource.id)
        assert may_go_on.wait(10)
        return resource.id

    shelf = Shelf(open, memory_bytes=10)
    got: list[str] = []

    def ask() -> None:
        asked.wait(10)
        got.append(shelf.get(table("tab_1")))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    asked.wait(10)
    may_go_on.set()
    for thread in threads:
        thread.join(10)
    assert (opened, got) == (["tab_1"], ["tab_1"] * 3)


def test_a_dropped_one_is_opened_again() -> None:
    opened: list[Resource] = []
    shelf = Shelf(opened.append, memory_bytes=10)
    resource = table("tab_1")
    shelf.get(resource)
    shelf.drop("tab_1")
    shelf.get(replace(resource))
    assert len(opened) == 2
