"""The Python of README.md, run as it stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hindcast_client import Hindcast

README = Path(__file__).parents[2] / "README.md"
SNIPPETS = re.findall(r"^```python\n(.*?)^```$", README.read_text(), flags=re.DOTALL | re.MULTILINE)


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
