import gzip
import json
import lzma
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import zstandard
from fastapi.testclient import TestClient

from hindcast.jobs.job import Job
from hindcast.testing import MemoryDatabase, MemoryQueue
from hindcast.web.uploads import BUFFER_BYTES
from hindcast_trainer.uploads import Upload

TEXT = "A storm .\nIt rains .\n\nThe end .\n"
FACTS = {
    **dict.fromkeys(("documents", "paragraphs", "sentences", "tokens", "words", "types"), 3),
    "splits": {"train": dict.fromkeys(("documents", "paragraphs", "sentences", "tokens", "words"), 3)},
    "domains": {},
    "pipeline": "plain",
    "sha256": "ab",
    "split_by": "document",
}


def uploads(folder: Path) -> list[Path]:
    """Files that uploads have left behind."""
    return [path for path in (folder / "artifacts").rglob("*") if path.is_file()]


def test_an_upload_becomes_a_corpus_that_a_job_fills(
    client: TestClient, queue: MemoryQueue, run: Callable[..., Job], tmp_path: Path
) -> None:
    answer = client.post("/v1/corpora?format=text&name=news&splits=90,5,5", content=TEXT)
    corpus = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (202, f"/v1/corpora/{corpus['id']}")
    assert corpus.keys() == {"id", "name", "status", "job", "created_at"}
    assert (corpus["name"], corpus["status"], queue.rung) == ("news", "ingesting", [corpus["job"]])
    assert [path.read_text() for path in uploads(tmp_path)] == [TEXT]
    run(corpus["job"], facts=FACTS)
    ready = client.get("/v1/corpora/news").json()
    assert ready.items() >= {**FACTS, "status": "ready", "size_bytes": 9}.items()


def test_an_upload_is_read_a_piece_at_a_time(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    fed = []

    def feed(upload: Upload, body: bytes) -> None:
        fed.append(len(body))
        taken(upload, body)

    taken = Upload.feed
    monkeypatch.setattr(Upload, "feed", feed)
    text = b"A storm .\n" * (3 * BUFFER_BYTES // 10)
    assert client.post("/v1/corpora?format=text", content=text).status_code == 202
    assert sum(fed) == len(text)
    assert max(fed) <= BUFFER_BYTES


def test_the_job_is_listed_with_what_was_asked(client: TestClient, corpus: Mapping[str, Any]) -> None:
    job = client.get(f"/v1/jobs/{corpus['job']}").json()
    assert (job["kind"], job["name"], job["label"]) == ("ingest", None, "news")
    assert job["spec"].items() >= {"format": "text", "pipeline": "plain", "splits": {"train": 100}}.items()


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("xz", lzma.compress), ("zstd", zstandard.compress)]
)
def test_a_packed_upload_is_unpacked(
    client: TestClient, tmp_path: Path, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    headers = {"Content-Encoding": encoding}
    assert client.post("/v1/corpora?format=text", content=pack(TEXT.encode()), headers=headers).status_code == 202
    assert [path.read_text() for path in uploads(tmp_path)] == [TEXT]


DOCUMENT = json.dumps({"id": 1, "text": "A storm ."}).encode()


@pytest.mark.parametrize(
    ("query", "body", "encoding", "field"),
    [
        ("format=text", b"", None, "body"),
        ("format=text", b" \n\n", None, "body"),
        ("format=text", b"good\nbad \xff\n", None, "line 2"),
        ("format=text", gzip.compress(TEXT.encode(), mtime=0)[:-12], "gzip", "line "),
        ("format=text", b"no gzip", "gzip", "line 1"),
        ("format=jsonl", DOCUMENT + b"\n{bad\n", None, "line 2"),
        ("format=jsonl", DOCUMENT + b'\n{"id": 2}\n', None, "line 2"),
        ("format=text", TEXT.encode(), "br", "Content-Encoding"),
        ("format=odd", TEXT.encode(), None, "format"),
        ("format=text&pipeline=odd", TEXT.encode(), None, "pipeline"),
        ("format=text&splits=90,5", TEXT.encode(), None, "splits"),
        ("format=text&name=a/b", TEXT.encode(), None, "name"),
        ("format=text&language=en", TEXT.encode(), None, "language"),
        ("", TEXT.encode(), None, "format"),
    ],
)
def test_a_wrong_upload_is_named_and_leaves_nothing(
    refusing: TestClient, query: str, body: bytes, encoding: str | None, field: str
) -> None:
    headers = {"Content-Encoding": encoding} if encoding else {}
    answer = refusing.post(f"/v1/corpora?{query}", content=body, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].startswith(field)
    assert [corpus["name"] for corpus in refusing.get("/v1/corpora").json()["items"]] == ["news"]
    assert len(refusing.get("/v1/jobs").json()["items"]) == 1


def test_an_upload_that_breaks_off_leaves_no_file(client: TestClient, tmp_path: Path) -> None:
    client.post("/v1/corpora?format=text", content=b"good\nbad \xff\n")
    assert uploads(tmp_path) == []


def test_a_taken_name_is_found_before_the_body_is_looked_at(client: TestClient, corpus: Mapping[str, Any]) -> None:
    answer = client.post("/v1/corpora?format=text&name=news", content=b"\xff")
    assert answer.status_code == 409
    assert answer.json()["detail"] == f"The name 'news' belongs to corpus {corpus['id']}."


def test_a_corpus_that_failed_says_why_and_frees_its_name(
    client: TestClient, corpus: Mapping[str, Any], run: Callable[..., Job], database: MemoryDatabase
) -> None:
    run(corpus["job"], problem={"title": "No", "status": 422, "detail": "The text has no words."})
    failed = client.get("/v1/corpora/news").json()
    assert (failed["status"], failed["error"]["detail"]) == ("failed", "The text has no words.")
    taken = client.post("/v1/corpora?format=text&name=news", content=TEXT)
    assert taken.json()["detail"].endswith(f"{corpus['id']}, which failed: deleting that one frees the name.")
    assert client.delete("/v1/corpora/news").status_code == 204
    assert client.post("/v1/corpora?format=text&name=news", content=TEXT).status_code == 202
    with database.transaction() as transaction:
        [upload] = transaction.discards.list()
    assert upload.startswith("uploads/")


def test_a_corpus_whose_job_was_cancelled_has_failed(client: TestClient, corpus: Mapping[str, Any]) -> None:
    client.post(f"/v1/jobs/{corpus['job']}/cancel")
    failed = client.get("/v1/corpora/news").json()
    assert failed["status"] == "failed"
    assert "cancelled" in failed["error"]["detail"]


def test_a_corpus_in_use_stays(client: TestClient, corpus: Mapping[str, Any], run: Callable[..., Job]) -> None:
    assert client.delete("/v1/corpora/news").status_code == 409
    run(corpus["job"], facts=FACTS)
    user = client.post("/v1/jobs", json={"kind": "word2vec", "corpus": "news"}).json()["id"]
    assert user in client.delete("/v1/corpora/news").json()["detail"]
    client.post(f"/v1/jobs/{user}/cancel")
    assert client.delete("/v1/corpora/news").status_code == 204
    assert client.get("/v1/corpora/news").status_code == 404


def test_lists_have_all_of_them_newest_first(
    client: TestClient, corpus: Mapping[str, Any], run: Callable[..., Job]
) -> None:
    run(corpus["job"], facts=FACTS)
    client.post("/v1/corpora?format=text&name=later", content=TEXT)
    assert [(c["name"], c["status"]) for c in client.get("/v1/corpora").json()["items"]] == [
        ("later", "ingesting"),
        ("news", "ready"),
    ]
    assert [c["name"] for c in client.get("/v1/corpora?name=news").json()["items"]] == ["news"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("status=ready", ["news"]),
        ("status=ingesting", ["later"]),
        ("status=failed", ["broken"]),
        ("pipeline=plain", ["news"]),
        ("pipeline=asr", []),
        ("pipeline=plain&status=ready&name=news", ["news"]),
        ("pipeline=plain&status=failed", []),
    ],
)
def test_lists_are_filtered_by_status_and_pipeline(
    client: TestClient, corpus: Mapping[str, Any], run: Callable[..., Job], query: str, names: list[str]
) -> None:
    run(corpus["job"], facts=FACTS)
    broken = client.post("/v1/corpora?format=text&name=broken", content=TEXT).json()
    run(broken["job"], problem={"title": "No", "status": 422, "detail": "The text has no words."})
    client.post("/v1/corpora?format=text&name=later", content=TEXT)
    assert [c["name"] for c in client.get(f"/v1/corpora?{query}").json()["items"]] == names


@pytest.mark.parametrize("query", ["status=pending", "status=", "pipeline=odd"])
def test_an_unknown_value_of_a_filter_is_refused(refusing: TestClient, query: str) -> None:
    answer = refusing.get(f"/v1/corpora?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, query.split("=")[0])
