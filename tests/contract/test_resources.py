"""What hindcast.registry.Resources and the other ports promise, held against every implementer."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hindcast.errors import InUse, InvalidInput, NameTaken, NotFound
from hindcast.jobs import service
from hindcast.jobs.ports import Database
from hindcast.registry import NOUNS, Page, Resource, new_id

START = datetime(2026, 11, 22, 12, tzinfo=UTC)


def table(**changes: Any) -> Resource:
    fresh = Resource(
        id=new_id("table"),
        type="table",
        name=None,
        artifact="tables/x/1",
        facts={"size": 8, "words": ["a", "ß"]},
        size_bytes=5_000_000_000,
        job_id=None,
        created_at=START,
        uses=("cor_1",),
    )
    return replace(fresh, **changes)


def add(database: Database, *resources: Resource) -> tuple[Resource, ...]:
    with database.transaction() as transaction:
        for each in resources:
            transaction.resources.add(each)
    return resources


def test_a_resource_is_found_by_id_and_by_name_within_its_type(database: Database) -> None:
    [made] = add(database, table(name="mine"))
    with database.transaction() as transaction:
        assert transaction.resources.get(made.id) == made
        assert transaction.resources.get(made.id, "table") == made
        assert transaction.resources.get("mine", "table") == made
        for reference, type in (("mine", None), ("mine", "model"), (made.id, "model"), ("tab_0", None)):
            with pytest.raises(NotFound):
                transaction.resources.get(reference, type)
        for type, noun in NOUNS.items():
            with pytest.raises(NotFound, match=f"There is no {noun} 'tab_0'"):
                transaction.resources.get("tab_0", type)


def test_several_are_read_at_once_without_those_that_are_gone(database: Database) -> None:
    first, second, _ = add(database, table(), table(created_at=START + timedelta(seconds=1)), table())
    with database.transaction() as transaction:
        assert transaction.resources.those([second.id, "tab_0", first.id]) == [first, second]
        assert transaction.resources.those([]) == []


def test_a_name_is_unique_within_its_type(database: Database) -> None:
    [first] = add(database, table(name="mine"))
    add(database, table(name="mine", type="model"), table(), table())
    with pytest.raises(NameTaken, match=first.id), database.transaction() as transaction:
        transaction.resources.add(table(name="mine"))


def test_a_reserved_resource_becomes_visible_when_it_is_completed(database: Database) -> None:
    [made] = add(database, table(artifact=None, facts={}))
    with database.transaction() as transaction:
        assert transaction.resources.list("table", Page())[0] == []
        assert transaction.resources.list("table", Page(), status=None)[0] == [made]
        transaction.resources.complete(made.id, artifact="tables/1", facts={"size": 4}, size_bytes=9)
        [found] = transaction.resources.list("table", Page())[0]
    assert found == replace(made, artifact="tables/1", facts={"size": 4}, size_bytes=9, created_at=found.created_at)
    assert found.ready


def test_what_a_job_makes_is_created_when_it_is_there_and_a_corpus_when_its_text_came(database: Database) -> None:
    reserved = [table(artifact=None, type=type) for type in ("table", "model", "domains", "corpus")]
    add(database, *reserved)
    with database.transaction() as transaction:
        for each in reserved:
            transaction.resources.complete(each.id, artifact=f"tables/{each.id}", facts={}, size_bytes=1)
        found = {each.type: transaction.resources.get(each.id).created_at for each in reserved}
    assert {type for type, created_at in found.items() if created_at == START} == {"corpus"}


def test_only_what_is_reserved_can_be_completed(database: Database) -> None:
    [made] = add(database, table())
    for id in (made.id, "tab_0"):
        with pytest.raises(NotFound), database.transaction() as transaction:
            transaction.resources.complete(id, artifact="tables/2", facts={}, size_bytes=1)


def test_resources_are_listed_newest_first_by_type_and_name(database: Database) -> None:
    made = add(database, *(table(name=str(age), created_at=START - timedelta(seconds=age)) for age in range(3)))
    add(database, table(type="model", name="1"))
    with database.transaction() as transaction:
        first, cursor = transaction.resources.list("table", Page(limit=2))
        rest, end = transaction.resources.list("table", Page(limit=2, cursor=cursor))
        assert (*first, *rest) == made
        assert end is None
        assert transaction.resources.list("table", Page(), name="1")[0] == [made[1]]
        with pytest.raises(InvalidInput, match="cursor"):
            transaction.resources.list("table", Page(cursor="nonsense"))


def test_resources_are_listed_by_status(database: Database) -> None:
    with database.transaction() as transaction:
        waiting, failing, gone = (
            service.submit(transaction, kind="ingest", spec={}, result_type="corpus") for _ in range(3)
        )
        service.cancel(transaction, failing.id)
        transaction.resources.add(table(type="corpus", id="cor_1", artifact=None, job_id="job_0"))
        transaction.resources.add(table(type="corpus", id="cor_2", job_id="job_0"))
        service.cancel(transaction, gone.id)
        service.delete(transaction, gone.id)
        found = {
            status: {each.id for each in transaction.resources.list("corpus", Page(), status=status)[0]}
            for status in ("pending", "ready", "failed", None)
        }
    assert found["pending"] == {waiting.result_id}
    assert found["failed"] == {failing.result_id, "cor_1"}
    assert found["ready"] == {"cor_2"}
    assert found[None] == found["pending"] | found["failed"] | found["ready"]


def test_resources_are_listed_by_facts_page_by_page(database: Database) -> None:
    kinds = ("lsa", "import", "lsa", "import", "lsa")
    made = add(
        database,
        *(
            table(facts={"kind": kind, "size": 8}, created_at=START - timedelta(seconds=age))
            for age, kind in enumerate(kinds)
        ),
    )
    add(database, table(facts={}), table(facts={"kind": "lsa"}, artifact=None))
    with database.transaction() as transaction:
        first, cursor = transaction.resources.list("table", Page(limit=2), facts={"kind": "lsa"})
        rest, end = transaction.resources.list("table", Page(limit=2, cursor=cursor), facts={"kind": "lsa"})
        assert [*first, *rest] == [made[0], made[2], made[4]]
        assert (len(first), end) == (2, None)
        assert transaction.resources.list("table", Page(), facts={"kind": "lsa", "pipeline": "asr"}) == ([], None)


def test_what_is_deleted_has_its_artifact_removed(database: Database) -> None:
    ready, reserved = add(database, table(artifact="tables/x/9"), table(artifact=None))
    with database.transaction() as transaction:
        assert transaction.resources.delete(ready.id) == ready
        assert transaction.resources.delete(reserved.id) == reserved
        assert transaction.discards.list() == ["tables/x/9"]
    for id in (ready.id, reserved.id):
        with pytest.raises(NotFound), database.transaction() as transaction:
            transaction.resources.delete(id)


def test_what_an_unfinished_job_reads_or_makes_is_not_deleted(database: Database) -> None:
    [corpus] = add(database, table(id="cor_1", type="corpus"))
    with database.transaction() as transaction:
        reference = service.submit(transaction, kind="ingest", spec={}, result_type="corpus")
        job = replace(reference, id=new_id("job"), uses=(corpus.id,), result_id=None, result_type=None)
        transaction.jobs.add(job)
    for id in (corpus.id, reference.result_id or ""):
        with pytest.raises(InUse, match="job_"), database.transaction() as transaction:
            transaction.resources.delete(id)
    with database.transaction() as transaction:
        service.cancel(transaction, job.id)
        service.cancel(transaction, reference.id)
        transaction.resources.delete(corpus.id)
        transaction.resources.delete(reference.result_id or "")


def test_discards_are_remembered_once_until_they_are_removed(database: Database) -> None:
    with database.transaction() as transaction:
        transaction.discards.add("a", "b")
        transaction.discards.add("a", "c")
        transaction.discards.add()
    with database.transaction() as transaction:
        assert sorted(transaction.discards.list()) == ["a", "b", "c"]
        assert len(transaction.discards.list(limit=2)) == 2
        transaction.discards.removed(["a", "c"])
        assert transaction.discards.list() == ["b"]


def test_an_experiment_is_a_document(database: Database) -> None:
    with database.transaction() as transaction:
        transaction.experiments.add("exp_1", "mine", {"rows": [1, 2]})
    with database.transaction() as transaction:
        found = transaction.experiments.get("mine")
        assert found == transaction.experiments.get("exp_1")
        assert (found["id"], found["name"], found["rows"]) == ("exp_1", "mine", [1, 2])
        assert isinstance(found["created_at"], datetime)
        transaction.experiments.update("exp_1", {"rows": []})
        assert transaction.experiments.get("exp_1") == {**found, "rows": []}
        transaction.experiments.delete("exp_1")
        for use in (transaction.experiments.get, transaction.experiments.delete):
            with pytest.raises(NotFound):
                use("exp_1")
        with pytest.raises(NotFound):
            transaction.experiments.update("exp_1", {})


def test_experiments_are_listed_newest_first_and_named_once(database: Database) -> None:
    for number in range(3):
        with database.transaction() as transaction:
            transaction.experiments.add(f"exp_{number}", str(number), {})
    with pytest.raises(NameTaken, match="exp_1"), database.transaction() as transaction:
        transaction.experiments.add("exp_9", "1", {})
    with database.transaction() as transaction:
        first, cursor = transaction.experiments.list(Page(limit=2))
        rest, end = transaction.experiments.list(Page(limit=2, cursor=cursor))
        named, _ = transaction.experiments.list(Page(), name="1")
    assert [each["id"] for each in (*first, *rest)] == ["exp_2", "exp_1", "exp_0"]
    assert end is None
    assert [each["id"] for each in named] == ["exp_1"]


@pytest.mark.parametrize("limit", [1, 2, 3, 4])
def test_experiments_that_are_kept_fill_pages(database: Database, limit: int) -> None:
    for number in range(9):
        with database.transaction() as transaction:
            transaction.experiments.add(f"exp_{number}", None, {"kept": number in (0, 1, 6)})
    pages, cursor = [], None
    with database.transaction() as transaction:
        while not pages or cursor:
            page, cursor = transaction.experiments.list(
                Page(limit=limit, cursor=cursor), keep=lambda document: document["kept"]
            )
            pages.append([each["id"] for each in page])
    assert [id for page in pages for id in page] == ["exp_6", "exp_1", "exp_0"]
    assert len(pages) == -(-3 // limit)
