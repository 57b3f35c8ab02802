"""How the command line is called wrongly, and what it says then: 2, as other commands do."""

import json

import pytest
from typer.testing import CliRunner

from hindcast_client.command_line.app import app


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["words"], "isn't plain: name it with --format, one of jsonl, srilm-nbest1"),
        (["empty.txt"], "empty.txt is empty: there must be lists or lattices."),
        (["words", "--format", "no-such"], "kaldi-lattice"),
        (["words", "--lm-weight", "much"], "must be a number such as 0.5, not 'much'."),
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
    (tmp_path / "empty.txt").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "1.slf").write_bytes(b"VERSION=1.0\n")
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_bytes(b"{}")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["rescore", "--model", "m", *arguments])
    assert done.exit_code == 2
    assert told in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["train"], "Say what to train: a file, or --kind"),
        (
            ["train", "--set", "epochs"],
            "--set must be a field and its value, such as optimizer.epochs=3, not 'epochs'.",
        ),
        (["train", "--set", "epochs=[1"], "--set must have a value in YAML: 'epochs=[1' isn't"),
        (["train", "--kind", "lstm"], "must be one of domains, word2vec,"),
        (["experiment", "run"], "Say what to run: a file, or --set"),
        (["experiment", "show", "e", "--json", "--format", "csv"], "--format and --json are two answers"),
        (["experiment", "plot", "-o", "a.svg"], "Say what to draw: experiments, or --from"),
        (["experiment", "plot", "e"], "--output must be a file"),
        (["experiment", "plot", "e", "-o", "a.gif"], "--output must end in one of .png, .svg, .pdf, not 'a.gif'."),
        (["experiment", "plot", "e", "-o", "gone/a.svg"], "--output must be in a folder that is there: gone"),
        (
            ["experiment", "plot", "--from", "e", "--from", "e", "--words", "1,x", "-o", "a.svg"],
            "--words must be whole",
        ),
        (
            ["experiment", "plot", "--from", "e", "--from", "e", "--words", "1", "-o", "a.svg"],
            "each of the 2 experiments",
        ),
        (["perplexity", "--model", "m"], "Say what text is meant: files, or --corpus."),
        (["perplexity", "a", "--corpus", "c", "--model", "m"], "Say what text is meant"),
        (["perplexity", "a", "--model", "m", "--srilm", "--json"], "--srilm is a format of its own"),
        (["rank", "The", "coast", "--models", ","], "--models must be ids or names"),
        (["rank", "The", "--models", "m"], "Missing argument"),
        (["table", "coverage", "t"], "Say what is to be covered: --corpus or --model."),
        (["table", "export", "t", "--format", "glove", "--output", "."], "--output must be a file: . is a folder."),
        (["corpus", "add", "-", "a"], "- is standard input, and can't be sent together with files."),
        (["jobs", "--status", "dead"], "must be one of queued, running, succeeded, failed, cancelled, not 'dead'."),
        (["jobs", "--limit", "abc"], "'--limit' / '-n': must be a whole number from 1 to 1000, not 'abc'."),
        (["corpus", "list", "--limit", "-3"], "must be a whole number from 1 to 1000, not '-3'."),
        (["next", "The", "-m", "m", "-k", "0"], "must be a whole number of 1 or more, not '0'."),
        (["train", "--size", "x"], "must be a whole number such as 10, not 'x'."),
        (["train", "--kind", "word2vec", "--corpus", "news:"], "a split of it as in novels:train, not 'news:'."),
        (["train", "--kind", "language_model", "--normalization", "unit"], "--table says of which."),
        (["train", "gone.yaml"], "gone.yaml: No such file or directory"),
        (["perplexity", ".", "-m", "m", "--server", "x"], "--server must be a URL"),
        (["rescore", ".", "-m", ""], "--model must be the id or the name"),
        (["watch"], "Missing argument"),
        (["no-such"], "No such command 'no-such'."),
    ],
)
def test_whatever_the_command_wrong_usage_ends_with_2(tmp_path, monkeypatch, arguments, told):
    row = {"label": "a", "models": [], "perplexity": None, "paper_perplexity": None, "relative_to_baseline": None}
    answer = {"baseline": "a", "rows": [{**row, "error": None, "status": "queued"}] * 2, "spec": {}, "seeds": [1]}
    (tmp_path / "e").write_text(json.dumps(answer))
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, [*arguments], env={"COLUMNS": "200", "HINDCAST_URL": "http://127.0.0.1:9"})
    assert done.exit_code == 2, done.output
    assert told in done.stderr
    assert done.stdout == ""
