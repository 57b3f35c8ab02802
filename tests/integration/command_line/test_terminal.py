"""What whoever sits before a terminal, or at the other end of a pipe, sees of `hindcast rescore`."""

import json
import subprocess

import pexpect
from command_line import COMMAND, ESCAPE, SLF, as_lines, in_terminal, left, lists


def test_a_pipe_that_nobody_reads_on_ends_quietly(hindcast, environment, tmp_path):
    (tmp_path / "lists.jsonl").write_bytes(as_lines({**each, "note": "x" * 10_000} for each in lists(100, seed=1)))
    command = " ".join(f"'{part}'" for part in COMMAND)
    script = f"cat lists.jsonl | {command} - --model 'klein 雨' | head -n 1; echo ${{PIPESTATUS[1]}}"
    done = subprocess.run(["bash", "-c", script], env=environment, cwd=tmp_path, capture_output=True, timeout=120)
    line, code = done.stdout.splitlines()
    assert json.loads(line)["utterance"] == "0"
    assert (code, done.stderr) == (b"141", b"")


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
