"""How `hindcast rescore` ends where it cannot do what it was asked: sentences, a status, nothing half-written."""

import pytest
from command_line import SLF, left
from written_lists import golden


def test_of_a_folder_with_a_broken_file_nothing_is_written(hindcast, tmp_path):
    (tmp_path / "lattices").mkdir()
    (tmp_path / "lattices" / "a.slf").write_bytes(SLF)
    (tmp_path / "lattices" / "b.slf").write_bytes(SLF.replace(b"S=0", b"S=zero"))
    done = hindcast("lattices", "--output", "rescored", code=2)
    assert done.stderr.startswith(b"lattices: b.slf line ")
    assert left(tmp_path) == ["lattices"]


def test_files_of_one_name_are_not_taken_for_one(hindcast, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.slf").write_bytes(SLF)
    assert b"b/1.slf" in hindcast("a/1.slf", "b/1.slf", code=2).stderr
    (tmp_path / "c").mkdir()
    assert b"c has no files" in hindcast("c", "--format", "slf", code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "sent", "told"),
    [
        (["--lm-weight", "1e9"], golden("jsonl.jsonl"), b"--lm-weight must be"),
        (["--n", "5"], golden("jsonl.jsonl"), b"--n is for lattices (slf, kaldi-lattice): jsonl has lists"),
        (["--answer", "best"], golden("jsonl.jsonl"), b"--answer must be nbest, or not be there, not best: jsonl has"),
        (["--accept", "text/plain"], golden("jsonl.jsonl"), b"--accept must come with --answer best"),
        (["--session", "no-such"], golden("jsonl.jsonl"), b"no-such"),
        (["--format", "jsonl"], golden("jsonl.jsonl") + b"{\n", b"standard input: line 3 "),
        (["--format", "jsonl"], b"", b"standard input is empty"),
        (["--server", "http://127.0.0.1:9"], golden("jsonl.jsonl"), b"Nobody answers at http://127.0.0.1:9: "),
        (["--context", "\udcff"], golden("jsonl.jsonl"), b"Names and options must be UTF-8"),
        (["--server", "localhost"], golden("jsonl.jsonl"), b"--server must be a URL"),
    ],
)
def test_refusals_are_sentences_that_name_the_option_or_the_line(hindcast, arguments, sent, told):
    done = hindcast("-", *arguments, sent=sent, code=1 if told.startswith(b"Nobody") else 2)
    assert told in done.stderr
    assert done.stdout == b""


def test_an_ngram_model_that_is_not_there(hindcast):
    pytest.importorskip("kenlm", reason="needs kenlm: make kenlm")
    told = hindcast("-", "--ngram", "no-such", sent=golden("jsonl.jsonl"), code=2).stderr
    assert b"--ngram: There is no n-gram model 'no-such'" in told


def test_a_model_and_a_file_that_are_not_there(hindcast):
    assert hindcast("-", model="", sent=golden("jsonl.jsonl"), code=2).stderr.startswith(b"--model must be the id")
    assert b"no-such" in hindcast("-", model="no-such", sent=golden("jsonl.jsonl"), code=2).stderr
    assert hindcast("gone.jsonl", code=2).stderr == b"gone.jsonl: No such file or directory\n"


def test_standard_input_has_no_name_to_have_in_a_folder(hindcast):
    told = hindcast("-", "--format", "jsonl", "--output", ".", sent=golden("jsonl.jsonl"), code=2).stderr
    assert told == b"--output must be a file: . is a folder.\n"


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
    done = hindcast("-", "--format", "jsonl", "--lm-weight", "1e9", sent=b" " * 50_000_000, code=2)
    assert done.stderr.startswith(b"--lm-weight must be")
