"""Large files that the command sends over a line that breaks off, to services that start again."""

import os
import re
import struct
import subprocess
import sys
from urllib.parse import urlsplit

import pexpect
import pytest
from unreliable_line import UnreliableLine

import hindcast_embedder.main
import hindcast_trainer.main
from hindcast.settings import Settings

PROGRAM = [sys.executable, "-m", "hindcast_client.command_line"]
MEGABYTE = 1 << 20
LINE = b"The storm of that day went by , and rain fell .\n"


@pytest.fixture
def settings(postgres_url, redis_url, tmp_path):
    return Settings(home=tmp_path / "home", database_url=postgres_url, broker_url=redis_url)


def environment(url):
    return {**os.environ, "HINDCAST_URL": url, "TERM": "xterm", "COLUMNS": "100"}


def test_a_bar_goes_on_through_a_restart(settings, serving, tmp_path):
    text = LINE * (24 * MEGABYTE // len(LINE))
    (tmp_path / "news.txt").write_bytes(text)
    line = UnreliableLine(0, hold_after=len(text) // 2)
    with line.there() as there:
        with serving(hindcast_trainer.main.build(settings)) as url:
            line.port = urlsplit(url).port
            arguments = [*PROGRAM[1:], "corpus", "add", "news.txt", "--name", "news", "--no-wait"]
            child = pexpect.spawn(
                PROGRAM[0], arguments, env=environment(there), cwd=str(tmp_path), timeout=60, dimensions=(40, 100)
            )
            child.expect("sending news.txt")
            assert line.held.wait(60)
        told = child.before + child.after
        line.go_on.set()
        with serving(hindcast_trainer.main.build(settings), line.port):
            child.expect(rb"cor_[0-9a-f]{16}")
            told += child.before
            child.expect(pexpect.EOF)
            child.close()
    assert child.exitstatus == 0
    sent = [float(figure) for figure in re.findall(rb"(\d+\.\d) of 25\.2 MB", told)]
    assert sent == sorted(sent)
    assert sent[0] < 20
    assert sent[-1] == 25.2
    assert line.carried < len(text) + 2 * MEGABYTE
    [kept] = (settings.home / "artifacts" / "uploads").iterdir()
    assert kept.read_bytes() == text


@pytest.mark.parametrize("through_a_pipe", [False, True])
def test_a_table_crosses_a_line_that_is_cut_again_and_again(settings, serving, tmp_path, through_a_pipe):
    vector = struct.pack("<100f", *(number / 100 for number in range(100)))
    rows = b"".join(b"word%d " % row + vector + b"\n" for row in range(40_000))
    (tmp_path / "vectors.bin").write_bytes(b"40000 100\n" + rows)
    file = "-" if through_a_pipe else "vectors.bin"
    with serving(hindcast_embedder.main.build(settings)) as url:
        line = UnreliableLine(urlsplit(url).port, cut_after=4 * MEGABYTE)
        with line.there() as there, (tmp_path / "vectors.bin").open("rb") as content:
            done = subprocess.run(
                [*PROGRAM, "table", "import", file, "--format", "word2vec-binary", "--name", "vectors", "--json"],
                stdin=content if through_a_pipe else subprocess.DEVNULL,
                capture_output=True,
                env=environment(there),
                cwd=tmp_path,
                timeout=120,
            )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b'"words":40000' in done.stdout
    assert line.connections > 3
    assert line.carried < len(rows) + line.connections * 200_000
