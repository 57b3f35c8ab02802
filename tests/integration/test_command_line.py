"""`hindcast rescore` as a process of its own, against a scorer on a socket: pipes, files, folders, a terminal."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pexpect
import pytest
import torch
from written_lists import FILES, golden, tar, untar

from hindcast.lm.bundle import Bundle, pack
from hindcast.lm.lstm import LstmSpecification
from hindcast.settings import Settings
from hindcast.text.vocabulary import Vocabulary
from hindcast_scorer.main import build

LATTICES = Path(__file__).parents[1] / "unit" / "scorer" / "lattices" / "golden"
SLF = (LATTICES / "pocketsphinx.slf").read_bytes()
WORDS = ["the", "rain", "fell", "schools", "closed", "hurricane", "relief", "got", "a", "bad", "feeling"]
TEXTS = ["the rain fell", "schools closed", "rain closed the schools", "hurricane relief", "the hurricane fell"]
COMMAND = [sys.executable, "-m", "hindcast_client.command_line", "rescore"]
ESCAPE = b"\x1b"


@pytest.fixture(scope="module")
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


def left(folder):
    return sorted(file.name for file in folder.iterdir())


def lists(count, *, seed, weight=3.0):
    """Whose references the acoustic scores seldom tell; where weight is 0 nothing does."""
    random = np.random.default_rng(seed)
    for number in range(count):
        texts = random.permutation(TEXTS)[:4].tolist()
        scores = random.normal(0, 1, 4)
        reference = texts[int(np.argmax(scores))] if weight else texts[0]
        hypotheses = [{"text": text, "am_score": float(s)} for text, s in zip(texts, scores, strict=True)]
        yield {"utterance": str(number), "hypotheses": hypotheses, "reference": reference}


def as_lines(made):
    return b"".join(json.dumps(each).encode() + b"\n" for each in made)


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


@pytest.mark.parametrize("format", ["jsonl", "srilm-plain", "kaldi", "hyp-json"])
def test_a_file_comes_back_as_the_service_answers_it_its_format_found(hindcast, direct, tmp_path, format):
    (tmp_path / "sent").write_bytes(golden(FILES[format]))
    done = hindcast("sent", "--lm-weight", 0.5, "--order", "sorted")
    query = {"utterance": "sent"} if format.startswith("srilm") else {}
    assert done.stdout == direct(golden(FILES[format]), format=format, lm_weight=0.5, order="sorted", **query)
    if format == "hyp-json":
        assert done.stderr.startswith(b"Note: this format has one score")
    else:
        assert done.stderr == b""


def test_lattices_come_back_as_lattices_lists_or_words(hindcast, direct, tmp_path):
    (tmp_path / "call-7.slf").write_bytes(SLF)
    assert hindcast("call-7.slf", "--beam", 50).stdout == direct(SLF, format="slf", beam=50)
    nbest = hindcast("call-7.slf", "--answer", "nbest", "--n", 2).stdout
    assert nbest == direct(SLF, format="slf", answer="nbest", n=2, utterance="call-7")
    words = hindcast("-", "--answer", "best", "--accept", "text/plain", "--utterance", "u", sent=SLF).stdout
    assert words == direct(SLF, format="slf", answer="best", utterance="u", accept="text/plain")
    kaldi = (LATTICES / "two.lat").read_bytes()
    assert hindcast("-", sent=kaldi).stdout == direct(kaldi, format="kaldi-lattice")


@pytest.mark.parametrize(
    ("content", "format"), [(golden("jsonl.jsonl"), "jsonl"), (SLF, "slf"), (tar({"a": SLF}), "slf")]
)
def test_gzip_in_is_gzip_out(hindcast, direct, content, format):
    answer = hindcast("-", "--format", format, sent=gzip.compress(content)).stdout
    assert gzip.decompress(answer) == direct(content, format=format)


def test_the_list_that_gzipped_lattices_are_answered_by_is_plain(hindcast, direct):
    answer = hindcast("-", "--answer", "nbest", sent=gzip.compress(SLF)).stdout
    assert answer == direct(SLF, format="slf", answer="nbest")


def test_a_pipe_that_nobody_reads_on_ends_quietly(hindcast, environment, tmp_path):
    (tmp_path / "lists.jsonl").write_bytes(as_lines({**each, "note": "x" * 10_000} for each in lists(100, seed=1)))
    command = " ".join(f"'{part}'" for part in COMMAND)
    script = f"cat lists.jsonl | {command} - --model 'klein 雨' | head -n 1; echo ${{PIPESTATUS[1]}}"
    done = subprocess.run(["bash", "-c", script], env=environment, cwd=tmp_path, capture_output=True, timeout=120)
    line, code = done.stdout.splitlines()
    assert json.loads(line)["utterance"] == "0"
    assert (code, done.stderr) == (b"141", b"")


def test_a_folder_of_lattices_becomes_a_folder_of_the_same_names(hindcast, direct, tmp_path):
    (tmp_path / "lattices" / "deep").mkdir(parents=True)
    (tmp_path / "lattices" / ".hidden").write_bytes(b"not a lattice")
    files = {"call-7.slf": SLF, "deep/call-8.slf.gz": gzip.compress(SLF)}
    for name, content in files.items():
        (tmp_path / "lattices" / name).write_bytes(content)
    expected = untar(direct(tar(files), format="slf"))

    hindcast("--format", "slf", "lattices/", "--output", "rescored")
    assert {name: (tmp_path / "rescored" / name).read_bytes() for name in files} == expected
    assert expected["call-7.slf"] != SLF
    assert left(tmp_path) == ["lattices", "rescored"]
    assert untar(hindcast("lattices").stdout) == expected

    (tmp_path / "rescored" / "kept").write_bytes(b"")
    (tmp_path / "rescored" / "call-7.slf").write_bytes(b"old")
    hindcast("lattices/call-7.slf", "lattices/deep/call-8.slf.gz", "--output", "rescored")
    assert (tmp_path / "rescored" / "call-7.slf").read_bytes() == expected["call-7.slf"]
    assert left(tmp_path / "rescored") == ["call-7.slf", "call-8.slf.gz", "deep", "kept"]

    best = hindcast("lattices", "--answer", "best", "--accept", "text/plain").stdout
    assert [line.split()[0] for line in best.splitlines()] == [b"call-7", b"call-8"]


def test_of_a_folder_with_a_broken_file_nothing_is_written(hindcast, tmp_path):
    (tmp_path / "lattices").mkdir()
    (tmp_path / "lattices" / "a.slf").write_bytes(SLF)
    (tmp_path / "lattices" / "b.slf").write_bytes(SLF.replace(b"S=0", b"S=zero"))
    done = hindcast("lattices", "--output", "rescored", code=1)
    assert done.stderr.startswith(b"lattices: b.slf line ")
    assert left(tmp_path) == ["lattices"]


@pytest.mark.parametrize("format", ["espnet2", "kaldi", "nemo-tsv"])
def test_a_folder_whose_files_belong_together_is_sent_as_one(hindcast, direct, tmp_path, format):
    files = untar(golden(FILES[format]))
    for name, content in files.items():
        (tmp_path / "sent" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "sent" / name).write_bytes(content)
    hindcast("sent", "--output", "sent")  # in its own place
    for name, content in untar(direct(golden(FILES[format]), format=format)).items():
        assert (tmp_path / "sent" / name).read_bytes() == content


def test_files_of_one_name_are_not_taken_for_one(hindcast, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.slf").write_bytes(SLF)
    assert b"b/1.slf" in hindcast("a/1.slf", "b/1.slf", code=1).stderr
    (tmp_path / "c").mkdir()
    assert b"c has no files" in hindcast("c", "--format", "slf", code=1).stderr


def test_a_file_may_be_replaced_by_its_answer(hindcast, direct, tmp_path):
    content = golden("jsonl.jsonl")
    (tmp_path / "lists.jsonl").write_bytes(content)
    hindcast("lists.jsonl", "--output", "lists.jsonl")
    assert (tmp_path / "lists.jsonl").read_bytes() == direct(content, format="jsonl")
    assert left(tmp_path) == ["lists.jsonl"]
    (tmp_path / "folder").mkdir()
    hindcast("lists.jsonl", "--output", "folder")
    assert left(tmp_path / "folder") == ["lists.jsonl"]
    hindcast("lists.jsonl", "--output", "/dev/null")


def test_weights_are_tuned_first_and_what_they_are_worth_is_told(hindcast, direct, development, tmp_path):
    (tmp_path / "dev.jsonl.gz").write_bytes(gzip.compress(development(60, seed=1)))
    (tmp_path / "lists.jsonl").write_bytes(development(40, seed=2))
    tuning = ("--tune", "dev.jsonl.gz", "--report", "lists.jsonl", "--report-json", "tuned.json")
    done = hindcast("lists.jsonl", *tuning, "--convention", '{"fold_case": true}')
    told = json.loads((tmp_path / "tuned.json").read_text())
    weights = {name: value for name, value in told["weights"].items() if name != "interpolation"}
    assert told["verdict"] == "improves"
    assert weights["lm_weight"] == pytest.approx(3, abs=1)
    assert done.stdout == direct((tmp_path / "lists.jsonl").read_bytes(), format="jsonl", **weights)
    stderr = done.stderr.decode()
    assert ESCAPE not in done.stderr
    heading, first, second, *sentences = stderr.splitlines()
    assert " ".join(heading.split()) == "word error rate, % before after oracle after - before (95 %) p"
    for row, name in ((first, "development"), (second, "report")):
        figures = told[name]
        assert row.split()[:4] == [name, *(f"{figures[f'wer_{when}']:.2f}" for when in ("before", "after", "oracle"))]
        assert f"({figures['ci95'][0]:+.2f} to {figures['ci95'][1]:+.2f})" in row
        assert row.endswith(f"{figures['p_value']:.3g}")
    assert "Verdict: improves." in sentences
    assert f"lm_weight {weights['lm_weight']:.6g}" in sentences[-1]


def test_weights_that_are_worth_nothing_are_said_to_be_and_used(hindcast, direct, tmp_path):
    (tmp_path / "dev.jsonl").write_bytes(as_lines(lists(8, seed=3, weight=0)))
    (tmp_path / "report.jsonl").write_bytes(as_lines(lists(8, seed=4, weight=0)))
    sent = golden("jsonl.jsonl")
    tuning = ("--tune", "dev.jsonl", "--report", "report.jsonl", "--report-json", "/dev/stderr")
    done = hindcast("-", *tuning, sent=sent)
    assert b"Verdict: no significant gain.\nThe tuned weights are not shown to help." in done.stderr
    report = done.stderr[done.stderr.index(b"{\n") :]
    weights = json.loads(report)["weights"]
    del weights["interpolation"]
    assert done.stdout == direct(sent, format="jsonl", **weights)


def test_what_is_wrong_with_lists_to_tune_on_is_told_by_their_lines(hindcast, tmp_path):
    good, bad = as_lines(lists(1, seed=1)), b'\n{"utterance": "2", "hypotheses": [{"text": "a"}]}\n'
    (tmp_path / "dev.jsonl").write_bytes(good + bad)
    sent = golden("jsonl.jsonl")
    done = hindcast("-", "--tune", "dev.jsonl", sent=sent, code=1)
    assert done.stderr.startswith(b"dev.jsonl: line 3: reference ")
    (tmp_path / "dev.jsonl").write_bytes(good + b"{")
    assert b"dev.jsonl: line 2 must be" in hindcast("-", "--tune", "dev.jsonl", sent=sent, code=1).stderr
    (tmp_path / "dev.jsonl").write_bytes(good)
    done = hindcast("-", "--tune", "dev.jsonl", "--ngram", "none", "--neural-weight", 2, sent=sent, code=1)
    assert done.stderr.startswith(b"--neural-weight ")
    assert b"none" in hindcast("-", "--tune", "dev.jsonl", "--ngram", "none", sent=sent, code=1).stderr
    assert b"no-such" in hindcast("-", "--tune", "no-such", sent=sent, code=1).stderr


@pytest.mark.parametrize(
    ("arguments", "sent", "told"),
    [
        (["--lm-weight", "1e9"], golden("jsonl.jsonl"), b"--lm-weight must be"),
        (["--n", "5"], golden("jsonl.jsonl"), b"--n "),
        (["--session", "no-such"], golden("jsonl.jsonl"), b"no-such"),
        (["--format", "jsonl"], golden("jsonl.jsonl") + b"{\n", b"standard input: line 3 "),
        (["--format", "jsonl"], b"", b"standard input is empty"),
        (["--server", "http://127.0.0.1:9"], golden("jsonl.jsonl"), b"Nobody answers at http://127.0.0.1:9: "),
        (["--context", "\udcff"], golden("jsonl.jsonl"), b"Names and options must be UTF-8"),
        (["--server", "localhost"], golden("jsonl.jsonl"), b"--server must be a URL"),
    ],
)
def test_refusals_are_sentences_that_name_the_option_or_the_line(hindcast, arguments, sent, told):
    done = hindcast("-", *arguments, sent=sent, code=1)
    assert told in done.stderr
    assert done.stdout == b""


def test_a_model_and_a_file_that_are_not_there(hindcast):
    assert b"no-such" in hindcast("-", model="no-such", sent=golden("jsonl.jsonl"), code=1).stderr
    assert hindcast("gone.jsonl", code=1).stderr == b"gone.jsonl: No such file or directory\n"


def test_standard_input_has_no_name_to_have_in_a_folder(hindcast):
    told = hindcast("-", "--format", "jsonl", "--output", ".", sent=golden("jsonl.jsonl"), code=2).stderr
    assert told == b"--output must be a file: . is a folder.\n"


def in_terminal(environment, folder, script):
    return pexpect.spawn("bash", ["-c", script], env=environment, cwd=str(folder), timeout=60, dimensions=(40, 100))


def test_a_terminal_sees_how_far_it_is_and_a_pipe_the_answer_alone(hindcast, environment, tmp_path):
    (tmp_path / "lists.jsonl").write_bytes(as_lines(lists(20, seed=1)))
    command = " ".join(f"'{part}'" for part in COMMAND)
    child = in_terminal(environment, tmp_path, f"{command} lists.jsonl --model 'klein 雨' --tune lists.jsonl > answer")
    child.expect("tuning")
    child.expect("Verdict")
    child.expect("0.0 of 0.0 MB")
    child.expect("20 of 20 lists")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    plain = hindcast("lists.jsonl", "--tune", "lists.jsonl")
    assert (tmp_path / "answer").read_bytes() == plain.stdout
    assert plain.stderr.startswith(b"word error rate")
    assert ESCAPE not in plain.stderr
    assert hindcast("lists.jsonl").stderr == b""


def test_ctrl_c_ends_it_with_130_and_no_more_words(environment, tmp_path):
    command = " ".join(f"'{part}'" for part in COMMAND)
    child = in_terminal(environment, tmp_path, f"exec {command} - --model 'klein 雨' --format jsonl --output answer")
    for line in as_lines(lists(3, seed=1)).decode().splitlines():
        child.sendline(line)
    child.expect("sent")
    # One that comes right before Python begins to read waits for the next, as people know.
    for _ in range(5):
        child.sendintr()
        if child.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=10) == 0:
            break
    assert b"Traceback" not in child.before
    assert b"Aborted" not in child.before
    child.close()
    assert child.exitstatus == 130
    assert left(tmp_path) == []


def test_an_archive_is_not_written_to_a_terminal(environment, tmp_path):
    (tmp_path / "lattices").mkdir()
    (tmp_path / "lattices" / "a.slf").write_bytes(SLF)
    command = " ".join(f"'{part}'" for part in COMMAND)
    child = in_terminal(environment, tmp_path, f"exec {command} lattices --model 'klein 雨'")
    child.expect("The answer is an archive")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 2


def test_an_answer_that_breaks_off_leaves_what_was_there(serving, hindcast, tmp_path):
    async def breaks_off(scope, receive, send):
        if scope["type"] != "http":
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise ConnectionError("on purpose")

    (tmp_path / "answer").write_bytes(b"old")
    with serving(breaks_off) as url:
        done = hindcast("-", "--server", url, "--output", "answer", sent=golden("jsonl.jsonl"), code=1)
        assert b"broke off" in done.stderr
        assert hindcast("-", "--server", url, sent=golden("jsonl.jsonl"), code=1).stdout == b"half"
    assert (tmp_path / "answer").read_bytes() == b"old"
    assert left(tmp_path) == ["answer"]


def test_what_no_hindcast_answers_is_a_sentence_too(serving, hindcast):
    async def proxy(scope, receive, send):
        if scope["type"] != "http":
            return
        headers = [(b"retry-after", b"7")]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": b"<html>"})

    with serving(proxy) as url:
        told = hindcast("-", "--server", url, sent=golden("jsonl.jsonl"), code=1).stderr.decode()
    assert "answered 503 Service Unavailable. It may be tried again in 7 seconds." in told


def test_proxies_that_cannot_be_used_are_a_sentence(hindcast, environment):
    environment["ALL_PROXY"] = "nonsense://127.0.0.1:9"
    told = hindcast("-", sent=golden("jsonl.jsonl"), code=1).stderr
    assert told.startswith(b"The proxies that the environment names can't be used: ")


def test_a_web_page_is_no_answer(serving, hindcast, tmp_path):
    async def page(scope, receive, send):
        if scope["type"] != "http":
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": b"<html>"})

    with serving(page) as url:
        done = hindcast("-", "--server", url, sent=golden("jsonl.jsonl"), code=1)
    assert done.stdout == b""
    assert done.stderr.decode() == f"A web page is what {url} answers with: it isn't Hindcast.\n"


def test_a_refusal_that_comes_while_much_is_still_to_be_sent_is_told(hindcast):
    done = hindcast("-", "--format", "jsonl", "--lm-weight", "1e9", sent=b" " * 50_000_000, code=1)
    assert done.stderr.startswith(b"--lm-weight must be")


MEASURED = """
import sys
from hindcast_client.command_line.app import app
try:
    app(prog_name="hindcast")
finally:
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    print(status["VmHWM"].split()[0], file=sys.stderr)
"""


def test_forty_megabytes_pass_without_being_held(environment):
    """The peak is that of a body of some bytes, and a little; few hypotheses, for scoring isn't what is measured."""

    def peak_and_answer(body):
        command = [sys.executable, "-c", MEASURED, "rescore", "-", "--format", "jsonl", "--model", "klein 雨"]
        process = subprocess.run(command, input=body, capture_output=True, env=environment, timeout=120)
        assert process.returncode == 0, process.stderr.decode()
        return int(process.stderr.split()[-1]), process.stdout

    def body(count):
        made = {"hypotheses": [{"text": "the rain fell"}], "note": "x" * 400_000}
        return as_lines({"utterance": str(number), **made} for number in range(count))

    least, _ = peak_and_answer(body(1))
    peak, answer = peak_and_answer(body(100))
    assert len(answer) > 40_000_000
    assert peak < least + 10_000
