"""How the command line is called wrongly, and what it says then: 2, as other commands do."""

import pytest
from typer.testing import CliRunner

from hindcast_client.command_line.app import app


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["words"], "isn't plain: name it with --format, one of jsonl, srilm-nbest1"),
        (["words", "--format", "no-such"], "kaldi-lattice"),
        (["words", "--lm-weight", "much"], "--lm-weight"),
        (["words", "--format", "slf", "--report", "x"], "--report must come with --tune"),
        (["words", "--format", "slf", "--tune", "x", "--convention", "{"], "--convention must be a name or JSON"),
        (["words", "--format", "slf", "--tune", "x", "--groups", "("], "--groups must be a regular expression"),
        (["words", "--format", "slf", "--tune", "x", "--folds", "2"], "--folds must come with --groups"),
        (["words", "--format", "slf", "--tune", "x", "--range", "lm_weight=3"], "--range must be a weight and where"),
        (["words", "--format", "slf", "--tune", "x", "--interpolations", "a"], "--interpolations must be numbers"),
        (["words", "--format", "slf", "--seed", "3"], "--seed must come with --tune"),
        (["a.jsonl", "b.jsonl"], "jsonl is one file for all utterances: send 2 files one by one"),
        (["-", "other.slf"], "- is standard input"),
        (["folder", "--format", "slf", "--output", "words"], "--output must be a folder"),
        (["words", "--format", "slf", "--output", "gone/answer"], "--output must be in a folder that is there: gone"),
        (["words", "--no-such"], "--no-such"),
        ([], "Missing argument"),
    ],
)
def test_wrong_usage_is_told_apart_by_its_code(tmp_path, monkeypatch, arguments, told):
    (tmp_path / "words").write_bytes(b"utt-1 the rain\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "1.slf").write_bytes(b"VERSION=1.0\n")
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_bytes(b"{}")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["rescore", "--model", "m", *arguments])
    assert done.exit_code == 2
    assert told in done.stderr
    assert done.stdout == ""


def test_help_has_examples():
    told = CliRunner().invoke(app, ["rescore", "--help"]).stdout
    assert "hindcast rescore lists.jsonl --model small --tune dev.jsonl" in told
    assert "hindcast rescore --format slf lattices/ --model small" in told
