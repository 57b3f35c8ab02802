"""The command as a process of its own, against a scorer on a socket."""

import json
import os
import subprocess

import httpx
import pytest
import torch
from command_line import COMMAND, as_lines, lists

from hindcast.lm.bundle import Bundle, pack
from hindcast.lm.lstm import LstmSpecification
from hindcast.settings import Settings
from hindcast.text.vocabulary import Vocabulary
from hindcast_scorer.main import build

WORDS = ["the", "rain", "fell", "schools", "closed", "hurricane", "relief", "got", "a", "bad", "feeling"]


@pytest.fixture(scope="session")
def url(serving, new_postgres_url, tmp_path_factory):
    """Of a scorer that has the model `klein 雨`."""
    folder = tmp_path_factory.mktemp("command_line")
    vocabulary = Vocabulary.from_words(WORDS)
    specification = LstmSpecification(vocabulary_size=len(vocabulary), input_size=6, hidden_size=8)
    model = specification.build(seed=1)
    with torch.no_grad():
        model.output.weight.mul_(9)
    (folder / "bundle").mkdir()
    Bundle(specification, model, vocabulary, "asr", "sentence", {}).save(folder / "bundle")
    pack(folder / "bundle", folder / "packed")
    with serving(build(Settings(home=folder, database_url=new_postgres_url()))) as url:
        packed = (folder / "packed").read_bytes()
        assert httpx.post(f"{url}/v1/models", params={"name": "klein 雨"}, content=packed).status_code == 201
        yield url


@pytest.fixture
def environment(url):
    return {**os.environ, "HINDCAST_URL": url, "TERM": "xterm", "COLUMNS": "100"}


@pytest.fixture
def hindcast(environment, tmp_path):
    """Runs the command in an empty folder."""

    def run(*arguments, sent=b"", model="klein 雨", code=0):
        done = subprocess.run(
            [*COMMAND, "--model", model, *map(str, arguments)],
            input=sent,
            capture_output=True,
            env=environment,
            cwd=tmp_path,
            timeout=120,
        )
        assert done.returncode == code, done.stderr.decode()
        assert b"Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def direct(url):
    """What the service answers without the command."""

    def ask(body, *, accept="*/*", **query):
        answer = httpx.post(
            f"{url}/v1/models/klein 雨/rescore", params=query, content=body, headers={"accept": accept}, timeout=60
        )
        assert answer.status_code == 200, answer.text
        return answer.content

    return ask


@pytest.fixture
def development(direct):
    """Lists that are best by am + 3 · lm."""

    def made(count, *, seed):
        sent = list(lists(count, seed=seed))
        for line, each in zip(direct(as_lines(sent), format="jsonl").splitlines(), sent, strict=True):
            for came, told in zip(each["hypotheses"], json.loads(line)["hypotheses"], strict=True):
                came["am_score"] -= 3 * told["lm_logprob"]
        return as_lines(sent)

    return made
