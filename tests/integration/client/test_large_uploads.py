"""Large uploads over lines that break off, to services that start again, and to services that can't take parts."""

import gzip
import io
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from urllib.parse import urlsplit

import pytest
from misbehaving import refuses, tells
from unreliable_line import UnreliableLine

import hindcast_embedder.main
import hindcast_trainer.main
from hindcast.settings import Settings
from hindcast_client import Conflict, Hindcast, Invalid, NotFound
from hindcast_client.uploads import LARGE

TEXT = b"".join(b"The storm of day %d went by , and rain fell .\n" % number for number in range(400_000))
MEGABYTE = 1 << 20
A_LITTLE = 200_000
"""Bytes: heads of requests, and what had left the client when the connection broke off."""
HALF = len(TEXT) // 2
MOMENT = "2026-11-22T21:57:00.123Z"
CORPUS = {"id": "cor_1", "name": "news", "status": "ingesting", "job": "job_1", "created_at": MOMENT}


@pytest.fixture
def settings(postgres_url, redis_url, tmp_path):
    return Settings(home=tmp_path / "home", database_url=postgres_url, broker_url=redis_url)


@pytest.fixture
def trainer(settings, serving):
    with serving(hindcast_trainer.main.build(settings)) as url:
        yield url


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "news.txt"
    path.write_bytes(TEXT)
    return path


def line_to(url, **how):
    return UnreliableLine(urlsplit(url).port, **how)


def received(settings):
    """The lines that the trainer took in."""
    [kept] = (settings.home / "artifacts" / "uploads").iterdir()
    return kept.read_bytes()


def kept_in_parts(settings):
    """Files of uploads that aren't whole."""
    return [file for file in (settings.home / "uploads").rglob("*") if file.is_file()]


class Watched:
    """What progress was told."""

    def __init__(self):
        self.told = []

    def __call__(self, done, of):
        self.told.append((done, of))

    @property
    def never_goes_back(self):
        return self.told == sorted(self.told, key=lambda each: each[0])


def test_each_byte_crosses_the_line_about_once(client_of, trainer, settings, file):
    line, watched = line_to(trainer, cut_after=3 * MEGABYTE), Watched()
    with line.there() as url:
        corpus = client_of(url).corpora.create(file, on_progress=watched)
    assert (corpus.status, received(settings)) == ("ingesting", TEXT)
    cuts = line.connections
    assert cuts > len(TEXT) // (3 * MEGABYTE)
    assert line.carried < len(TEXT) + cuts * A_LITTLE
    assert watched.never_goes_back
    assert (watched.told[0], watched.told[-1]) == ((0, len(TEXT)), (len(TEXT), len(TEXT)))
    assert len(watched.told) > 100


@pytest.mark.parametrize(
    "source",
    [
        lambda file: (line + b"\n" for line in TEXT.splitlines()),
        lambda file: file.open("rb"),
        lambda file: TEXT,
        lambda file: [TEXT[:HALF], TEXT[HALF:]],
    ],
    ids=["generator", "open file", "bytes", "list"],
)
def test_what_can_be_read_once_goes_on_too(client_of, trainer, settings, file, source):
    line, watched = line_to(trainer, cut_after=5 * MEGABYTE), Watched()
    with line.there() as url:
        client_of(url).corpora.create(source(file), on_progress=watched)
    assert received(settings) == TEXT
    assert line.connections > 3
    assert line.carried < len(TEXT) + line.connections * A_LITTLE
    assert watched.never_goes_back
    assert watched.told[-1][0] == len(TEXT)


def test_what_is_packed_on_its_way_goes_on_too(client_of, trainer, settings, tmp_path):
    noise, file, watched = random.Random(1), tmp_path / "noise.txt", Watched()
    file.write_text("".join(f"{noise.getrandbits(400):x}\n" for _ in range(100_000)))
    line = line_to(trainer, cut_after=MEGABYTE)
    with line.there() as url:
        client_of(url).corpora.create(file, compress=True, on_progress=watched)
    assert received(settings) == file.read_bytes()
    assert line.connections > 4
    assert line.carried < 0.7 * file.stat().st_size
    assert watched.never_goes_back
    assert watched.told[-1] == (file.stat().st_size, file.stat().st_size)


def test_a_file_that_is_packed_goes_as_it_is(client_of, trainer, settings, tmp_path):
    content = os.urandom(10 * MEGABYTE).hex().encode() + b"\n"
    (tmp_path / "noise.txt.gz").write_bytes(gzip.compress(content, 1))
    assert (tmp_path / "noise.txt.gz").stat().st_size > LARGE
    with line_to(trainer, cut_after=4 * MEGABYTE).there() as url:
        client_of(url).corpora.create(tmp_path / "noise.txt.gz")
    assert received(settings) == content


def test_it_goes_on_through_a_restart_of_the_service(client_of, settings, serving, file):
    """Also with no patience for a server that isn't there at first."""
    line, watched, answers = None, Watched(), []
    with serving(hindcast_trainer.main.build(settings)) as url:
        line = line_to(url, hold_after=HALF)
        line_there = line.there()
        client = client_of(line_there.__enter__(), patience=0)
        sending = threading.Thread(target=lambda: answers.append(client.corpora.create(file, on_progress=watched)))
        sending.start()
        assert line.held.wait(60)
    time.sleep(0.2)
    line.go_on.set()
    time.sleep(1)
    assert sending.is_alive()
    with serving(hindcast_trainer.main.build(settings), line.port):
        sending.join(60)
        line_there.__exit__(None, None, None)
    assert answers[0].status == "ingesting"
    assert received(settings) == TEXT
    assert watched.never_goes_back
    assert line.carried < len(TEXT) + MEGABYTE + line.connections * A_LITTLE


def test_an_answer_that_is_lost_is_asked_for_again_and_nothing_is_made_twice(client_of, trainer, settings, file):
    line = line_to(trainer, answers_cut=[b"HTTP/1.1 202", b"HTTP/1.1 202", b"HTTP/1.1 201", b"HTTP/1.1 204"])
    with line.there() as url:
        client = client_of(url)
        corpus = client.corpora.create(file)
        assert [found.id for found in client.corpora.list()] == [corpus.id]
    assert line.answers_cut == []
    assert received(settings) == TEXT
    assert line.carried < len(TEXT) + line.connections * A_LITTLE


def test_what_is_wrong_from_the_start_is_told_before_the_rest_is_sent(client_of, trainer, file, tmp_path):
    line = line_to(trainer)
    with line.there() as url:
        client = client_of(url)
        client.corpora.create(b"A storm .\n", name="taken")
        (tmp_path / "wrong.txt").write_bytes(b"fine\n\xff\n" + TEXT)
        with pytest.raises(Invalid) as wrong:
            client.corpora.create(tmp_path / "wrong.txt")
        assert wrong.value.errors[0].field == "line 2"
        with pytest.raises(Conflict, match="belongs to corpus"):
            client.corpora.create(file, name="taken")
        with pytest.raises(Invalid, match="splits"):
            client.corpora.create(file, splits="50,20")
    assert line.carried < A_LITTLE


def test_what_is_wrong_at_the_end_is_told_by_its_line(client_of, trainer, settings, tmp_path):
    (tmp_path / "wrong.txt").write_bytes(TEXT + b"\xff\n")
    client = client_of(trainer)
    with pytest.raises(Invalid) as wrong:
        client.corpora.create(tmp_path / "wrong.txt")
    assert wrong.value.errors[0].field == "line 400001"
    assert not list(client.corpora.list())


def test_an_upload_that_the_service_has_lost_is_not_found(client_of, trainer, settings, file):
    def lose(done, of):
        if done > HALF:
            shutil.rmtree(settings.home / "uploads", ignore_errors=True)

    with pytest.raises(NotFound, match="dropped"):
        client_of(trainer).corpora.create(file, on_progress=lose)


def test_a_service_that_knows_nothing_of_parts_gets_all_at_once(client_of, server, file):
    for told in (refuses(405), refuses(404), lambda asked: asked.send(204), lambda asked: asked.send(200, b"<html>")):
        server.does = [told, tells(CORPUS, 202)]
        assert client_of(server.url).corpora.create(file, name="news").id == "cor_1"
        server.does = [told, tells(CORPUS, 202)]
        assert client_of(server.url).corpora.create(io.BytesIO(TEXT)).id == "cor_1"
    assert [asked.method for asked in server.asked] == ["OPTIONS", "POST"] * 8
    assert {asked.body for asked in server.asked if asked.method == "POST"} == {TEXT}
    assert all("upload-complete" not in asked.headers for asked in server.asked)


def test_small_ones_ask_nobody_first(client_of, server, tmp_path):
    (tmp_path / "small.txt").write_bytes(TEXT[:LARGE])
    for source in (tmp_path / "small.txt", io.BytesIO(TEXT[:LARGE]), iter([TEXT[:LARGE]]), [TEXT[:LARGE]]):
        server.does = [tells(CORPUS, 202)]
        client_of(server.url).corpora.create(source)
    assert [asked.method for asked in server.asked] == ["POST"] * 4
    assert {asked.body for asked in server.asked} == {TEXT[:LARGE]}


def test_a_table_comes_so_too(client_of, settings, serving):
    vector = struct.pack("<100f", *(number / 100 for number in range(100)))
    rows = b"".join(b"word%d " % row + vector + b"\n" for row in range(25_000))
    with serving(hindcast_embedder.main.build(settings)) as url:
        line = line_to(url, cut_after=3 * MEGABYTE)
        with line.there() as cut:
            table = client_of(cut).tables.import_(b"25000 100\n" + rows, format="word2vec-binary", name="it")
    assert (table.words, table.size, table.name) == (25_000, 100, "it")
    assert line.connections > 3


def press_until_it_ends(process):
    """Ctrl-C. One that comes between Python's last look for signals and its next read is seen after that read: people
    press again."""
    for _ in range(6):
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(15)
            return
    pytest.fail("Ctrl-C doesn't end it.")


@pytest.mark.parametrize("size", [HALF, A_LITTLE], ids=["in parts", "whole"])
def test_ctrl_c_leaves_nothing_of_an_upload_and_says_so(trainer, settings, size):
    command = [sys.executable, "-m", "hindcast_client.command_line", "corpus", "add", "-", "--name", "news"]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    # Whoever started these tests may have had it ignored, as a shell does in the background.
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, env={**os.environ, "HINDCAST_URL": trainer}, preexec_fn=heard, **pipes) as adding:
        # More than a pipe holds: the command has begun to read when that is written.
        adding.stdin.write(TEXT[:size])
        adding.stdin.flush()
        while size > LARGE and not kept_in_parts(settings):
            assert adding.poll() is None
            time.sleep(0.05)
        press_until_it_ends(adding)
        told = adding.stderr.read().decode()
        assert (adding.returncode, adding.stdout.read()) == (130, b"")
    assert re.fullmatch(r"Stopped after [0-9.]+ MB: nothing of it is left on the server. The same command .+\n", told)
    assert not kept_in_parts(settings)
    with Hindcast(trainer) as client:
        assert list(client.corpora.list()) == []
