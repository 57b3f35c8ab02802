"""The Python and the commands of README.md, run as they stand there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hindcast_client import Hindcast

README = Path(__file__).parents[2] / "README.md"
SNIPPETS = re.findall(r"^```python\n(.*?)^```$", README.read_text(), flags=re.DOTALL | re.MULTILINE)
COMMANDS = re.findall(r"^```sh\n(.*?)^```$", README.read_text(), flags=re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """With the text that the snippets speak of."""
    folder = tmp_path_factory.mktemp("readme")
    story = "The {0} hit the {1} .\nSchools closed , and the {0} went on to the {1} .\n\n"
    words = [("storm", "coast"), ("rain", "city"), ("flood", "river")]
    (folder / "text.txt").write_text("".join(story.format(*words[number % 3]) for number in range(90)))
    return folder


def run(snippet, hindcast, folder):
    environment = {**os.environ, "HINDCAST_URL": hindcast.url}
    done = subprocess.run(
        [sys.executable, "-"], input=snippet, text=True, capture_output=True, env=environment, cwd=folder, timeout=250
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_snippet_does_what_it_says(hindcast, folder):
    assert len(SNIPPETS) == 3
    told = [run(snippet, hindcast, folder) for snippet in SNIPPETS]
    *progress, rank, cosines = told[0].splitlines()
    assert progress[-1] == "100%"
    assert int(rank.split()[0]) >= 1
    own, other = map(float, cosines.strip("[]").split())
    assert own == pytest.approx(1, abs=1e-5)
    assert other < 1
    assert [line.count("'") for line in told[1].splitlines()] == [6, 6]
    comment = SNIPPETS[2].rpartition("# ")[2]
    assert told[2] == comment
    with Hindcast(hindcast.url) as client:
        assert {each.name for each in client.models.list()} >= {"stories-model"}


def test_every_command_does_what_it_says(hindcast, folder):
    assert len(COMMANDS) == 1
    program = f"hindcast() {{ '{sys.executable}' -m hindcast_client.command_line \"$@\"; }}\n"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", program + COMMANDS[0]],
        capture_output=True,
        text=True,
        env={**os.environ, "HINDCAST_URL": hindcast.url},
        cwd=folder,
        timeout=250,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("cor_")
    assert lines[1].startswith("job_")
    assert lines[2].startswith("news-model succeeded in")
    assert lines[4].startswith("text.txt\t")
    assert [line.split("\t")[0] for line in lines[5:8]] == ["WORD", "coast", "city"]
    assert lines[8].startswith("RANK\tWORD\t")
    assert lines[12] == "WORD\tSIMILARITY"
    assert "news-model\tlanguage_model\tsucceeded" in lines
