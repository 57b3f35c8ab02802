"""Files, folders and pipes through `hindcast rescore` and back, as the service itself answers them."""

import gzip
import subprocess
import sys

import pytest
from command_line import LATTICES, SLF, as_lines, left
from written_lists import FILES, golden, tar, untar


@pytest.mark.parametrize("format", ["jsonl", "srilm-plain", "kaldi", "hyp-json"])
def test_a_file_comes_back_as_the_service_answers_it_its_format_found(hindcast, direct, tmp_path, format):
    (tmp_path / "sent").write_bytes(golden(FILES[format]))
    done = hindcast("sent", "--lm-weight", 0.5, "--order", "sorted")
    query = {"utterance": "sent"} if format.startswith("srilm") else {}
    assert done.stdout == direct(golden(FILES[format]), format=format, lm_weight=0.5, order="sorted", **query)
    noted = {"hyp-json": b"Note: this format has one score", "jsonl": b"words are unknown to the model"}
    if format in noted:
        assert noted[format] in done.stderr
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


@pytest.mark.parametrize("format", ["espnet2", "kaldi", "nemo-tsv"])
def test_a_folder_whose_files_belong_together_is_sent_as_one(hindcast, direct, tmp_path, format):
    files = untar(golden(FILES[format]))
    for name, content in files.items():
        (tmp_path / "sent" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "sent" / name).write_bytes(content)
    hindcast("sent", "--output", "sent")  # in its own place
    for name, content in untar(direct(golden(FILES[format]), format=format)).items():
        assert (tmp_path / "sent" / name).read_bytes() == content


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
