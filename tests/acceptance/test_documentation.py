"""The tutorial and the how-tos, typed as they stand there; what can't be typed here is held to what it speaks of."""

import gzip
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from acceptance.live import Hindcast
from documented import ADDRESS, DOCS, Reader, blocks, has_curl, marked, same_form

from hindcast.settings import Settings
from hindcast_client import Hindcast as Client
from hindcast_client import ScoreStream
from hindcast_scorer.formats import FORMATS

ROOT = DOCS.parent
PAGES = sorted(
    str(path.relative_to(DOCS)) for folder in ("tutorials", "how-to") for path in (DOCS / folder).glob("*.md")
)
TUTORIAL = "tutorials/first-rank.md"
OWN_TEXT = "how-to/bring-your-own-text.md"
GOOGLENEWS = "how-to/bring-googlenews.md"
KALDI = "how-to/rescore-kaldi-output.md"
WORKERS = "how-to/run-several-workers.md"
PROXY = "how-to/run-behind-a-proxy.md"
NOT_TYPED = ("make", "docker", "kaldi", "worker", "proxied")
OTHER_VARIABLES = {"HINDCAST_URL", "HINDCAST_API_KEY", "HINDCAST_POSTGRES_PASSWORD"}
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")

typed = pytest.mark.skipif(not has_curl(), reason="needs bash, and a curl that knows --json (7.82)")


@pytest.fixture(scope="module")
def reader(hindcast: Hindcast, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """With the files that pages speak of, a little smaller than those."""
    folder = tmp_path_factory.mktemp("reader")
    story = "The storm hit the coast . The pregnancy ended in {} . It was known as a late termination of pregnancy ."
    texts = [("train", range(8)), ("valid", range(8, 10)), ("test", range(10, 12))]
    lines = [
        json.dumps({"id": number, "paragraphs": [story.format(f"week {number}")], "split": split})
        for split, numbers in texts
        for number in numbers
    ]
    (folder / "wikipedia.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    rows = [(word, [float(place), 1.0, 0.5]) for place, word in enumerate(["storm", "rain", "coast", "pregnancy"])]
    vectors = b"".join(word.encode() + b" " + _little_endian(row) + b"\n" for word, row in rows)
    packed = gzip.compress(f"{len(rows)} 3\n".encode() + vectors)
    (folder / "GoogleNews-vectors-negative300.bin.gz").write_bytes(packed)
    return Reader(folder, hindcast.url)


def _little_endian(row: list[float]) -> bytes:
    import numpy as np

    return np.asarray(row, dtype="<f4").tobytes()


@typed
@pytest.mark.timeout(600)
def test_the_tutorial_leads_to_a_rank(reader: Reader):
    told = reader.read(TUTORIAL)
    (answer,) = (text for text in told if text.startswith('{"models"'))
    ranks = [each["ranks"][0]["rank"] for each in json.loads(answer)["models"]]
    assert all(rank >= 1 for rank in ranks)
    assert told[-2] == f"plain {ranks[0]}\npretrained {ranks[1]}\n"


def test_the_tutorial_says_what_it_shows():
    (answer,) = (text for text in marked(TUTORIAL, "shown") if text.startswith('{"models"'))
    first, second = (each["ranks"][0] for each in json.loads(answer)["models"])
    page = " ".join((DOCS / TUTORIAL).read_text().split())
    assert f"is the {first['rank']:,}th for the model without" in page
    assert f"and the {second['rank']}st for the one with" in page
    assert (
        f"pregnancy {first['rank']:,} {second['rank']} Of {json.loads(answer)['models'][0]['vocabulary_size']:,}"
        in page
    )
    assert f"plain {first['rank']} pretrained {second['rank']}" in page
    assert second["probability"] / first["probability"] == pytest.approx(5, abs=0.1)


@typed
def test_own_text(reader: Reader):
    reader.read(OWN_TEXT)


@typed
def test_googlenews_comes_after_the_tutorial(reader: Reader):
    told = reader.read(GOOGLENEWS)
    table = json.loads(told[0])
    assert (table["name"], table["words"], table["size"]) == ("googlenews", 4, 3)
    assert "storm" not in json.loads(told[1])["missing"]
    assert len(json.loads(told[2])["neighbors"]) == 3
    assert '"succeeded"' in told[4]
    assert "| GoogleNews |" in told[5]
    with Client(reader.url) as client:
        client.experiments.get("googlenews-or-not").cancel()


@typed
def test_kaldi(reader: Reader):
    reader.read(KALDI)
    assert (reader.folder / "rescored.lat").read_text().startswith("call-7\n")
    assert (reader.folder / "tuned" / "lmwt").exists()


@typed
def test_what_runs_is_shown(reader: Reader, hindcast: Hindcast):
    for job in hindcast.get("/v1/jobs", limit=100)["items"]:
        hindcast.ended(job["id"])
    reader.read(WORKERS)


def test_a_worker_of_ones_own_takes_jobs_too(hindcast: Hindcast, corpus: str, tmp_path: Path):
    (first,) = hindcast.processes("hindcast_trainer.worker")
    theirs = first.environ()
    text = marked(WORKERS, "worker")[0].replace(".venv/bin/python", sys.executable)
    for name in ("HINDCAST_DATABASE_URL", "HINDCAST_BROKER_URL"):
        text = re.sub(rf"{name}=\S+", f"{name}='{theirs[name]}'", text)
    text = re.sub(
        r"HINDCAST_ARTIFACTS_URL=\S+", f"HINDCAST_ARTIFACTS_URL={(hindcast.home / 'artifacts').as_uri()}", text
    )
    text = re.sub(r"HINDCAST_EMBEDDER_URL=\S+", f"HINDCAST_EMBEDDER_URL={hindcast.url}", text)
    lines = text.splitlines()
    exports, command = "\n".join(lines[:-1]), lines[-1]
    assert "HINDCAST" not in command
    environment = {**hindcast.environment, "HINDCAST_HOME": str(tmp_path)}
    with _running(["bash", "-c", f"{exports}\nexec {command}"], environment):
        _two_at_a_time(hindcast, corpus)


def _two_at_a_time(hindcast: Hindcast, corpus: str) -> None:
    """One slot is taken by what would last for long; what comes after it is done all the same."""
    spec = {
        "kind": "word2vec",
        "corpus": {"corpus": corpus, "split": "test"},
        "size": 8,
        "vocabulary": {"min_count": 1},
    }
    long = hindcast.post("/v1/jobs", {**spec, "epochs": 1000, "size": 512})
    short = hindcast.post("/v1/jobs", {**spec, "epochs": 1})
    try:
        assert hindcast.ended(short["id"])["status"] == "succeeded"
        assert hindcast.get(f"/v1/jobs/{long['id']}")["status"] == "running"
    finally:
        hindcast.http.post(f"/v1/jobs/{long['id']}/cancel")
        hindcast.ended(long["id"])


@contextmanager
def _running(command: list[str], environment: Mapping[str, str]) -> Iterator[None]:
    process = subprocess.Popen(command, env={**os.environ, **environment})
    try:
        yield
        assert process.poll() is None, "it ended by itself"
    finally:
        process.terminate()
        process.wait(20)


@typed
@pytest.mark.skipif(NGINX is None, reason="needs nginx: apt-get install nginx-light")
@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_the_proxy_lets_those_in_whom_it_knows(reader: Reader, hindcast: Hindcast, tmp_path: Path):
    reader.read(PROXY)
    port = _free_port()
    tutorials = _proxied(hindcast, port, users=reader.folder / "users", folder=tmp_path)
    with _running([str(NGINX), "-c", str(tutorials), "-g", "daemon off;"], {}):
        _await_port(port)
        address = f"127.0.0.1:{port}"
        shown = marked(PROXY, "shown")
        for block, form in zip((each for each in blocks(PROXY) if "proxied" in each.marks), shown, strict=True):
            text = block.text.replace("https://", "http://").replace("hindcast.example", address)
            told = reader.run(
                type(block)("sh", (), re.sub(r"^python ", f"{sys.executable} ", text, flags=re.MULTILINE))
            )
            assert same_form(form, told), told
        _everything_passes(f"http://ada:a%20long%20password@{address}", reader.folder)


def _proxied(hindcast: Hindcast, port: int, *, users: Path, folder: Path) -> Path:
    """The page's file in a whole configuration, without TLS, on another port."""
    (server,) = marked(PROXY, "file=hindcast.conf")
    server = re.sub(r"^ *ssl_.*\n", "", server, flags=re.MULTILINE)
    for there, here in {
        "listen 443 ssl": f"listen 127.0.0.1:{port}",
        "/etc/nginx/users": str(users),
        ADDRESS: hindcast.url,
    }.items():
        assert there in server
        server = server.replace(there, here)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = f"pid {folder}/pid; error_log {folder}/log; events {{}} http {{ access_log off; {temporary}\n{server} }}"
    configuration = folder / "nginx.conf"
    configuration.write_text(whole)
    folder.chmod(0o755)
    users.chmod(0o644)
    for parent in users.parents:  # nginx as root reads its users as somebody else
        if parent.owner() == users.owner() and parent.is_relative_to("/tmp") and parent != Path("/tmp"):
            parent.chmod(parent.stat().st_mode | 0o055)
    return configuration


def _everything_passes(url: str, folder: Path) -> None:
    """An upload above nginx's own limit, events as they are told, and a decoder's WebSocket."""
    large = folder / "large.txt"
    large.write_text("The storm hit the coast.\n" * 60_000)
    with Client(url) as client:
        corpus = client.corpora.create(str(large), name="through-the-proxy")
        told = [event.type for event in client.jobs.events(corpus.job)]
    assert told[-1] == "status"
    user = url.rpartition("@")[0].removeprefix("http://")
    assert user.startswith("ada:")
    with ScoreStream.open(url, "of-calls") as stream:
        assert stream.score_word(stream.begin_state(), "coast")[1] < 0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _await_port(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("nginx doesn't listen")


def test_make_up_says_what_the_tutorial_shows(hindcast: Hindcast):
    told = re.sub(r"So that hindcast finds .*\n", "", (hindcast.home / "up.log").read_text())  # on another port
    (shown,) = marked(TUTORIAL, "shown=up")
    assert same_form(shown, told.partition("Ctrl-C stops everything.")[0] + "Ctrl-C stops everything."), told


def test_make_text_says_what_the_tutorial_shows(tmp_path: Path):
    command = [sys.executable, "-m", "hindcast_standalone", "text", "wikipedia.jsonl.gz"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert marked(TUTORIAL, "shown=text") == [told]
    lines = gzip.decompress((tmp_path / "wikipedia.jsonl.gz").read_bytes()).splitlines()
    splits = [json.loads(line)["split"] for line in lines]
    assert {split: splits.count(split) for split in splits} == {"train": 94, "valid": 5, "test": 5}


@pytest.mark.parametrize("page", PAGES)
class TestWhatIsNotTyped:
    """Is shell that can be read, and speaks of what there is."""

    def test_says_why(self, page: str):
        told = {mark for block in blocks(page) if block.language == "sh" for mark in block.marks}
        assert told <= {*NOT_TYPED, "refused"}

    def test_is_shell(self, page: str):
        for mark in NOT_TYPED:
            for text in marked(page, mark):
                subprocess.run(["bash", "-n"], input=text, text=True, check=True)

    def test_targets_of_make_exist(self, page: str):
        for text in marked(page, "make"):
            for target in re.findall(r"\bmake ([a-z0-9-]+)$", text, flags=re.MULTILINE):
                subprocess.run(["make", "-n", target], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)

    def test_variables_exist(self, page: str):
        known = {f"HINDCAST_{name.upper()}" for name in Settings.model_fields} | OTHER_VARIABLES
        assert set(re.findall(r"HINDCAST_[A-Z_]+", (DOCS / page).read_text())) <= known


def test_docker_scales_what_can_be_scaled():
    compose: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    for text in marked(WORKERS, "docker"):
        (service,) = re.findall(r"--scale ([\w-]+)=\d", text)
        assert not {"container_name", "ports"} & set(compose["services"][service])
        for name in re.findall(r"HINDCAST_[A-Z_]+", text):
            assert name in compose["services"][service]["environment"]


def test_kaldi_writes_what_hindcast_reads():
    written = {name for text in marked(KALDI, "kaldi") for name in re.findall(r"(?:ark,t:|> )(\w+)(?=[ \n])", text)}
    sent = {name for block in blocks(KALDI) for name in re.findall(r"> nbest/(\w+)\n", block.text)}
    assert sent <= written | {"words", "lmwt"}
    assert {"ali", "words", "lmwt", "acwt"} <= written
    assert "kaldi" in FORMATS
