"""The client and a trainer on its own: uploads that are refused, and a watch during which the trainer starts again."""

import lzma
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from hindcast.settings import Settings
from hindcast_client import Conflict, Hindcast, Invalid, JobFailed, NotFound, Unavailable
from hindcast_trainer.main import build

TEXT = "A storm came .\nIt rains .\n\nThe end .\n"


@pytest.fixture
def settings(postgres_url, redis_url, tmp_path):
    return Settings(home=tmp_path / "home", database_url=postgres_url, broker_url=redis_url)


@pytest.fixture
def url(settings, serving):
    with serving(build(settings)) as url:
        yield url


def test_text_of_every_shape_is_the_same_corpus(client_of, url, tmp_path):
    client = client_of(url)
    plain, packed = tmp_path / "news.txt", tmp_path / "news.txt.xz"
    plain.write_text(TEXT)
    packed.write_bytes(lzma.compress(TEXT.encode()))
    with plain.open("rb") as file:
        sources = [plain, str(packed), TEXT.encode(), TEXT.splitlines(), iter(TEXT.splitlines()), file]
        for number, source in enumerate(sources):
            corpus = client.corpora.create(source, name=f"news-{number}", compress=bool(number % 2))
            assert corpus.status == "ingesting"
    listed = list(client.corpora.list(status="ingesting"))
    assert [corpus.name for corpus in listed] == [f"news-{number}" for number in range(6)][::-1]
    assert client.corpora.get("news-0").id == listed[-1].id


def test_what_is_wrong_with_a_text_is_told_by_its_line(client_of, url):
    client = client_of(url)
    with pytest.raises(Invalid) as wrong:
        client.corpora.create([{"text": "fine"}, {"txet": "wrong"}], name="news")
    assert wrong.value.errors[0].field == "line 2"
    noise = random.Random(1).randbytes(20_000_000)  # more than any buffer holds: it is refused while it is sent
    with pytest.raises(Invalid) as wrong:
        client.corpora.create(noise, name="news")
    assert wrong.value.errors[0].field.startswith("line ")
    client.corpora.create(TEXT.encode(), name="news")
    with pytest.raises(Conflict, match="belongs to corpus") as taken:
        client.corpora.create(TEXT.encode(), name="news")
    assert not taken.value.uncertain
    with pytest.raises(FileNotFoundError):
        client.corpora.create("/nowhere/news.txt")
    with pytest.raises(TypeError, match="must be a path"):
        client.corpora.create(5)


def test_jobs_are_moved_and_paged(client_of, url):
    client = client_of(url)
    corpus = client.corpora.create(TEXT.encode(), name="news")
    jobs = [client.jobs.create({"kind": "word2vec"}, corpus=corpus, size=size).id for size in range(2, 108)]
    assert [job.id for job in client.jobs.list(kind="word2vec")] == jobs[::-1]
    job = client.jobs.get(jobs[0])
    assert (job.spec["size"], job.refresh().status) == (2, "queued")
    assert job.cancel().status == "cancelled"
    with pytest.raises(JobFailed, match="was cancelled"):
        job.wait()
    assert job.retry().status == "queued"
    assert client.jobs.cancel(job).status == "cancelled"
    job.delete()
    with pytest.raises(NotFound):
        job.refresh()
    with pytest.raises(Invalid) as wrong:
        client.jobs.create(kind="word2vec", corpus="nowhere")
    assert wrong.value.errors[0].field == "corpus"


def test_a_watch_outlives_the_trainer(client_of, settings, serving):
    with serving(build(settings)) as url:
        client = client_of(url)
        corpus = client.corpora.create(TEXT.encode(), name="news")
        job = client.jobs.create(kind="word2vec", corpus=corpus)
        ended = []

        def wait():
            try:
                client.jobs.wait(job.id, patience=60)
            except JobFailed as failed:
                ended.append(failed.ended.status)

        waiting = threading.Thread(target=wait)
        waiting.start()
        time.sleep(1)
    time.sleep(1)
    assert waiting.is_alive()
    with serving(build(settings), urlsplit(url).port) as again:
        assert again == url
        time.sleep(1)
        assert waiting.is_alive()
        with Hindcast(url) as another:
            another.jobs.cancel(job.id)
        waiting.join(60)
    assert ended == ["cancelled"]


def test_events_come_while_nothing_else_does(client_of, url):
    client = client_of(url)
    job = client.corpora.create(TEXT.encode(), name="news").job
    events = client.jobs.events(job)
    assert next(events).data["status"] == "queued"
    client.jobs.cancel(job)
    last = list(events)[-1]
    assert (last.type, last.data["status"]) == ("status", "cancelled")
    assert [event.id for event in client.jobs.events(job, after=last.id - 1)] == [last.id]


def test_a_trainer_whose_database_is_away(client_of, own_postgres, redis_url, tmp_path, serving):
    settings = Settings(home=tmp_path / "home", database_url=own_postgres.url, broker_url=redis_url)
    with serving(build(settings)) as url:
        own_postgres.stop()
        with pytest.raises(Unavailable) as away:
            client_of(url, patience=0).jobs.get("vectors")
        assert away.value.retry_after is not None
        client = client_of(url, patience=60)
        with ThreadPoolExecutor(1) as pool:
            found = pool.submit(client.jobs.get, "vectors")
            time.sleep(1)
            assert not found.done()
            own_postgres.start()
            with pytest.raises(NotFound):
                found.result()
