"""The commands of `hindcast` against a whole Hindcast: what they print for people, for pipes and as JSON, how they end,
and what whoever sits before a terminal sees of them."""

import json
import os
import re
import signal
import sys
from functools import partial
from pathlib import Path

import httpx
import pexpect
import pytest
from typer.testing import CliRunner

from hindcast_client.command_line.app import app

PROGRAM = [sys.executable, "-m", "hindcast_client.command_line"]
ESCAPE = "\x1b"
SPECIFICATION = """
kind: language_model
train: {corpus: shell, split: train}
valid: {corpus: shell, split: valid}
test: {corpus: shell, split: test}
vocabulary: {min_count: 1}
input: {type: learned, size: 16}
hidden_size: 16
optimizer: {epochs: 1, batch_size: 16, learning_rate: 1e-2}
"""
EXPERIMENT = {
    "lm": {
        "train": {"corpus": "shell", "split": "train"},
        "test": {"corpus": "shell", "split": "test"},
        "vocabulary": {"min_count": 1},
        "hidden_size": 16,
        "optimizer": {"epochs": 1},
    },
    "rows": [{"label": "none", "input": {"type": "learned", "size": 16}}, {"label": "own", "table": "shell-vectors"}],
}
ARPA = """\\data\\
ngram 1=4
ngram 2=1

\\1-grams:
-1\t<unk>
-1\t<s>\t-0.3
-1\t</s>
-1\tstorm\t-0.3

\\2-grams:
-0.2\t<s> storm

\\end\\
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """With what the commands are given."""
    folder = tmp_path_factory.mktemp("shell")
    words = [("storm", "coast"), ("rain", "city"), ("flood", "river")]
    story = "The {0} hit the {1} .\nSchools closed , and the {0} went on to the {1} .\n\n"
    (folder / "text.txt").write_text("".join(story.format(*words[number % 3]) for number in range(90)))
    (folder / "empty.txt").touch()
    (folder / "lists.jsonl").write_text('{"utterance": "1", "hypotheses": [{"text": "the storm", "am_score": -9}]}\n')
    (folder / "more.txt").write_text("The river rose .\n")
    (folder / "model.yaml").write_text(SPECIFICATION)
    (folder / "rows.json").write_text(json.dumps(EXPERIMENT))
    (folder / "news.arpa").write_text(ARPA)
    (folder / "wrong.jsonl").write_text('{"text": "fine"}\n{"txet": "wrong"}\n')
    return folder


@pytest.fixture(scope="module")
def run(hindcast, folder):
    """Runs a command in this process, in that folder, as if in a pipe."""

    def run(*arguments, code=0, sent=None):
        before = Path.cwd()
        os.chdir(folder)
        try:
            environment = {"HINDCAST_URL": hindcast.url, "COLUMNS": "100"}
            done = CliRunner().invoke(app, list(map(str, arguments)), input=sent, env=environment)
        finally:
            os.chdir(before)
        assert done.exit_code == code, (arguments, done.output, done.exception)
        assert ESCAPE not in done.output
        return done

    return run


@pytest.fixture(scope="module")
def made(run):
    """What the other tests ask about: a corpus, vectors and a model."""
    corpus = run("corpus", "add", "text.txt", "more.txt", "--name", "shell", "--splits", "80,10,10")
    options = ("--kind", "word2vec", "--name", "shell-vectors", "--corpus", "shell", "--size", 16, "--min-count", 1)
    table = run("train", *options, "--epochs", 1, "--seed", 3)
    model = run("train", "model.yaml", "--name", "shell-model", "--set", "optimizer.epochs=2", "--watch")
    return {"corpus": corpus, "table": table, "model": model}


@pytest.fixture
def terminal(hindcast, folder):
    """Runs a line of a shell in a terminal."""

    def spawn(line, columns=100):
        environment = {**os.environ, "HINDCAST_URL": hindcast.url, "TERM": "xterm-256color"}
        for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
            environment.pop(name, None)
        program = " ".join(f"'{part}'" for part in PROGRAM)
        script = f'hindcast() {{ {program} "$@"; }}; {line}'
        how = {"env": environment, "cwd": str(folder), "timeout": 60, "dimensions": (40, columns), "encoding": "utf-8"}
        how["codec_errors"] = "replace"  # Ctrl-C can cut a sign in two
        # Whoever started these tests may have had it ignored, as a shell does in the background.
        how["preexec_fn"] = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
        return pexpect.spawn("bash", ["-c", script], **how)

    return spawn


def ended(child):
    """Everything that is left to come, and how it ended."""
    child.expect(pexpect.EOF)
    child.close()
    return child.before, child.exitstatus


def rows(done):
    heading, *lines = (line.split("\t") for line in done.stdout.splitlines())
    return [dict(zip(heading, line, strict=True)) for line in lines]


def facts(done):
    return dict(line.split("\t", 1) for line in done.stdout.splitlines())


def test_what_is_made_is_told_by_its_id_and_the_rest_beside_it(made, run):
    assert re.fullmatch(r"cor_\w+\n", made["corpus"].stdout)
    assert "shell is ready: 91 documents, 1,624 words, 18 different ones (" in made["corpus"].stderr
    assert re.fullmatch(r"job_\w+\n", made["table"].stdout)
    assert re.fullmatch(r"shell-model succeeded in .* s: model lm_\w+, train loss .*\n", made["model"].stdout)
    assert "shell-model: running" in made["model"].stderr
    assert "epoch 2 of 2" in made["model"].stderr
    spec = json.loads(run("job", "show", "shell-model", "--json").stdout)["spec"]
    assert (spec["optimizer"]["epochs"], spec["optimizer"]["learning_rate"]) == (2, 0.01)
    spec = json.loads(run("job", "show", "shell-vectors", "--json").stdout)["spec"]
    assert (spec["size"], spec["epochs"], spec["seed"], spec["vocabulary"]["min_count"]) == (16, 1, 3, 1)


def test_lists_and_facts_are_parted_by_tabs_in_a_pipe(made, run):
    corpus, *_ = rows(run("corpus", "list", "--name", "shell"))
    assert (corpus["STATUS"], corpus["DOCUMENTS"], corpus["SPLITS"]) == ("ready", "91", "test train valid")
    job, *_ = rows(run("jobs", "--kind", "language_model", "--name", "shell-model"))
    assert (job["NAME"], job["STATUS"], job["DONE"]) == ("shell-model", "succeeded", "1.0")
    assert rows(run("jobs", "--status", "failed", "--name", "shell-model")) == []
    found = rows(run("jobs", "--search", "SHELL-mod", "--outside-experiments"))
    assert [each["NAME"] for each in found] == ["shell-model"]
    table, *_ = rows(run("table", "list", "--kind", "word2vec", "--name", "shell-vectors"))
    assert table["SIZE"] == "16"
    model, *_ = rows(run("models", "--name", "shell-model"))
    card = facts(run("model", "show", "shell-model"))
    assert float(model["TEST PPL"]) == pytest.approx(float(card["test perplexity"]), rel=1e-3)
    assert card["train"].startswith("shell:train, ")
    assert facts(run("corpus", "show", "shell"))["words"] == "1624"
    assert facts(run("job", "show", "shell-vectors"))["made"].startswith("table tab_")
    assert facts(run("table", "show", "shell-vectors"))["objective"] == "word2vec"
    assert "tokens to learn" in rows(run("job", "log", "shell-model"))[0]["SAID"]
    first = run("jobs", "--limit", 1)
    assert len(rows(first)) == 1
    assert "There are more: --limit 10" in first.stderr
    page = json.loads(run("jobs", "--limit", 1, "--json").stdout)
    assert rows(run("jobs", "--limit", 1, "--cursor", page["next_cursor"])) != rows(first)


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (["corpus", "list", "--pipeline", "plain"], "/v1/corpora?pipeline=plain&limit=20"),
        (["corpus", "show", "shell"], "/v1/corpora/shell"),
        (["jobs", "--status", "succeeded", "--limit", "3"], "/v1/jobs?status=succeeded&limit=3"),
        (["job", "show", "shell-model"], "/v1/jobs/shell-model"),
        (["job", "log", "shell-model", "--last", "2"], "/v1/jobs/shell-model/events?type=log&last=2"),
        (["table", "list"], "/v1/tables?limit=20"),
        (["table", "show", "shell-vectors"], "/v1/tables/shell-vectors"),
        (["models"], "/v1/models?limit=20"),
        (["model", "show", "shell-model"], "/v1/models/shell-model"),
        (["domains", "list"], "/v1/domains?limit=20"),
        (["ngram", "list"], "/v1/ngrams?limit=20"),
        (["experiment", "list"], "/v1/experiments?limit=20"),
        (["status"], "/readyz"),
    ],
)
def test_json_is_the_servers_answer_byte_by_byte(made, run, hindcast, arguments, path):
    expected = httpx.get(hindcast.url + path, headers={"accept": "application/json"}).content
    assert run(*arguments, "--json").stdout_bytes == expected + b"\n"


@pytest.mark.parametrize(
    ("arguments", "path", "body"),
    [
        (
            ["rank", "The storm hit the", "coast", "xyz", "--models", "shell-model"],
            "/v1/rank",
            {"models": ["shell-model"], "context": "The storm hit the", "words": ["coast", "xyz"]},
        ),
        (
            ["next", "The", "-m", "shell-model", "-k", "2", "--history", "sentence", "--complete"],
            "/v1/models/shell-model/next",
            {"context": "The", "k": 2, "history": "sentence", "complete": True},
        ),
        (
            ["perplexity", "more.txt", "-m", "shell-model", "--detail", "token"],
            "/v1/models/shell-model/perplexity",
            {"texts": ["The river rose ."], "detail": "token"},
        ),
        (
            ["perplexity", "--corpus", "shell:test", "-m", "shell-model"],
            "/v1/models/shell-model/perplexity",
            {"corpus": {"corpus": "shell", "split": "test"}},
        ),
        (
            ["table", "neighbors", "shell-vectors", "storm", "rain", "-k", "2"],
            "/v1/tables/shell-vectors/neighbors",
            {"words": ["storm", "rain"], "k": 2},
        ),
        (
            ["table", "analogy", "shell-vectors", "storm", "city", "--minus", "rain", "-k", "2"],
            "/v1/tables/shell-vectors/analogy",
            {"positive": ["storm", "city"], "negative": ["rain"], "k": 2},
        ),
        (
            ["table", "vectors", "shell-vectors", "storm", "coast", "--normalization", "unit"],
            "/v1/tables/shell-vectors/vectors",
            {"words": ["storm", "coast"], "normalization": "unit"},
        ),
        (
            ["table", "coverage", "shell-vectors", "--model", "shell-model"],
            "/v1/tables/shell-vectors/coverage",
            {"vocabulary_of": "shell-model"},
        ),
    ],
)
def test_what_is_asked_is_what_the_options_say(made, run, hindcast, arguments, path, body):
    expected = httpx.post(hindcast.url + path, json=body)
    assert expected.is_success, expected.text
    assert run(*arguments, "--json").stdout_bytes == expected.content + b"\n"
    told = run(*arguments).stdout
    assert told.strip()
    assert not told.startswith("{")


def test_perplexity_is_told_for_each_file_and_each_part_of_it(made, run, hindcast, folder):
    whole, more = rows(run("perplexity", "text.txt", "more.txt", "--model", "shell-model"))
    assert (whole["FILE"], whole["WORDS"], more["WORDS"], more["OOV"]) == ("text.txt", "1620", "4", "0.0")
    documents = (folder / "text.txt").read_text().strip().split("\n\n")
    url = f"{hindcast.url}/v1/models/shell-model/perplexity"
    assert float(whole["PERPLEXITY"]) == httpx.post(url, json={"texts": documents}).json()["perplexity"]
    sentences = rows(run("perplexity", "-", "-m", "shell-model", "--detail", "sentence", sent="It rose . It hit .\n"))
    assert [(each["SENTENCE"], each["OOV"]) for each in sentences] == [("1", "1"), ("2", "1")]
    tokens = rows(run("perplexity", "-", "-m", "shell-model", "--detail", "token", sent="It rose .\n"))
    assert [(each["TOKEN"], each["OOV"]) for each in tokens] == [
        *(("It", "true"), ("rose", "false"), (".", "false"), ("</s>", "false")),
    ]
    srilm = run("perplexity", "more.txt", "-m", "shell-model", "--srilm").stdout
    assert "1 sentences, 4 words, 0 OOVs" in srilm
    assert "[2gram]" in srilm


def test_words_are_ranked_by_several_models_side_by_side(made, run):
    words = rows(run("rank", "-", "coast", "xyz", "--models", "shell-model, shell-model", sent="The storm hit the"))
    assert [each["WORD"] for each in words] == ["coast", "xyz"]
    assert int(words[0]["shell-model"]) >= 1
    assert words[1]["shell-model"] == ""
    next_words = rows(run("next", "The storm hit the", "--model", "shell-model"))
    assert len(next_words) == 10
    assert (next_words[0]["RANK"], "WORD" in next_words[0]) == ("1", True)


def test_tables_and_models_go_out_and_come_back(made, run, folder):
    run("table", "export", "shell-vectors", "--format", "word2vec-text", "--output", "vectors.txt")
    piped = run("table", "export", "shell-vectors", "--format", "word2vec-text", "--output", "-")
    assert (piped.stdout, piped.stderr) == ((folder / "vectors.txt").read_text(), "")
    done = run("table", "import", "vectors.txt", "--format", "word2vec-text", "--name", "shell-copy")
    assert facts(run("table", "show", "shell-copy"))["id"] + "\n" == done.stdout
    own, copy = (
        run("table", "vectors", table, "storm").stdout.split("\t") for table in ("shell-vectors", "shell-copy")
    )
    assert (own[0], list(map(float, own[1:]))) == (copy[0], pytest.approx(list(map(float, copy[1:])), abs=1e-6))
    written = json.loads(run("model", "export", "shell-model", "-o", "model.tar", "--json").stdout)
    assert written == {"file": "model.tar", "size_bytes": (folder / "model.tar").stat().st_size}
    card = json.loads(run("model", "import", "model.tar", "--name", "shell-twin", "--json").stdout)
    assert card["name"] == "shell-twin"
    assert run("model", "rm", "shell-twin", "--json").stdout == '{"deleted": "shell-twin"}\n'
    gone = run("table", "rm", "shell-copy", "no-such", code=2)
    assert (gone.stdout, gone.stderr) == ("shell-copy\n", "There is no table 'no-such'.\n")


def test_domains_are_found_and_shown(made, run):
    run("train", "--kind", "domains", "--name", "shell-topics", "--corpus", "shell", "--set", "k=3", "-w")
    domains = rows(run("domains", "show", "shell-topics"))
    assert [each["DOMAIN"] for each in domains] == ["0", "1", "2"]
    assert rows(run("domains", "list", "--name", "shell-topics"))[0]["DOMAINS"] == "3"
    examples = rows(run("domains", "examples", "shell-topics", 1, "--limit", 2))
    assert len(examples) == 2
    assert run("domains", "rm", "shell-topics").stdout == "shell-topics\n"


def test_an_experiment_is_run_shown_and_drawn(made, run, folder):
    done = run("experiment", "run", "rows.json", "--name", "shell-rows", "--set", "seeds=[5]", "--watch")
    none, own = rows(done)
    assert (none["ROW"], none["STATUS"], own["ROW"], own["STATUS"]) == ("none", "succeeded", "own", "succeeded")
    assert float(own["CHANGE"]) == pytest.approx(float(own["PERPLEXITY"]) / float(none["PERPLEXITY"]) - 1, rel=1e-6)
    assert "100 %: 5 of 5 jobs have ended" in done.stderr
    assert "text's sequences of 8 words are in the train text too" in done.stderr
    assert rows(run("experiment", "show", "shell-rows")) == [none, own]
    assert run("experiment", "show", "shell-rows", "--format", "markdown").stdout.startswith("# shell-rows\n\n| Row |")
    assert run("experiment", "show", "shell-rows", "--format", "csv").stdout.startswith("row,")
    answer = run("experiment", "show", "shell-rows", "--json").stdout
    assert json.loads(answer)["seeds"] == [5]
    (folder / "shell-rows.json").write_text(answer)
    run("experiment", "plot", "shell-rows", "-o", "rows.svg", "--title", "Does it help?", "--note", "a test")
    svg = (folder / "rows.svg").read_text()
    assert all(f">{text}<" in svg for text in ("Does it help?", "a test", "own"))
    run("experiment", "plot", "--from", "shell-rows.json", "-o", "rows.png")
    assert (folder / "rows.png").read_bytes().startswith(b"\x89PNG")
    (folder / "none.json").write_text(json.dumps({**json.loads(answer), "baseline": None}))
    assert (
        "there are no changes to draw"
        in run("experiment", "plot", "--from", "none.json", "-o", "none.png", code=1).stderr
    )
    untold = [{**row, "perplexity": None, "relative_to_baseline": None} for row in json.loads(answer)["rows"]]
    (folder / "none.json").write_text(json.dumps({**json.loads(answer), "rows": untold}))
    assert "has no held-out text" in run("experiment", "plot", "--from", "none.json", "-o", "none.png", code=1).stderr
    twice = ("experiment", "plot", "shell-rows", "--from", "shell-rows.json", "-o", "curve.svg")
    assert "must have different numbers of words to learn, not 1," in run(*twice, code=2).stderr
    run(*twice, "--words", "1000,300000")
    assert ">300,000<" in (folder / "curve.svg").read_text()
    assert rows(run("experiment", "list", "--name", "shell-rows"))[0]["JOBS"] == "5 of 5"
    assert "shell-rows has ended (succeeded)" in run("experiment", "cancel", "shell-rows", code=2).stderr
    assert "has failed or was cancelled" in run("experiment", "retry", "shell-rows", code=2).stderr
    assert run("experiment", "rm", "shell-rows").stdout == "shell-rows\n"


def test_an_ngram_model_is_kept_where_the_server_reads_them(made, run):
    pytest.importorskip("kenlm")
    run("ngram", "import", "news.arpa", "--name", "shell-ngram")
    assert facts(run("ngram", "show", "shell-ngram"))["order"] == "2"
    assert rows(run("ngram", "list", "--name", "shell-ngram"))[0]["WORDS"] == "4"
    assert run("ngram", "rm", "shell-ngram").stdout == "shell-ngram\n"


@pytest.mark.parametrize(
    ("code", "arguments", "told"),
    [
        (
            2,
            ["train", "--kind", "word2vec", "--corpus", "shell", "--epochs", "-1"],
            "--epochs must be an integer",
        ),
        (2, ["train", "--kind", "word2vec", "--corpus", "nowhere"], "--corpus "),
        (2, ["train", "--kind", "language_model", "--train", "shell:dev"], "--train there is no text in dev"),
        (2, ["train", "--kind", "language_model", "--train", "nowhere:train"], "--train there is no corpus 'nowhere'"),
        (2, ["train", "--kind", "domains", "--corpus", "shell"], "--set k=… is required"),
        (2, ["train", "model.yaml", "--set", "optimizer.epoch=1"], "--set optimizer.epoch is no known field"),
        (2, ["train", "model.yaml", "--hidden-size", "0"], "--hidden-size must be"),
        (2, ["train", "-"], "standard input: train "),
        (2, ["train", "text.txt"], "text.txt "),
        (2, ["train", "gone.yaml"], "gone.yaml: No such file or directory"),
        (2, ["experiment", "run", "rows.json", "--set", "seeds=1"], "--set seeds must be"),
        (2, ["corpus", "add", "wrong.jsonl"], "wrong.jsonl: line 2 must have either text or paragraphs"),
        (2, ["corpus", "add", "text.txt", "--splits", "50,3"], "--splits must be whole percentages"),
        (2, ["corpus", "add", "text.txt", "--name", "shell"], "shell"),
        (2, ["corpus", "rm", "nowhere"], "There is no corpus 'nowhere'."),
        (2, ["table", "import", "text.txt", "--format", "glove"], "text.txt: line 1 must"),
        (2, ["table", "neighbors", "shell-vectors", "xyz"], "WORD 'xyz' is not in the table"),
        (2, ["table", "vectors", "shell-vectors", "xyz"], "The table lacks 'xyz'."),
        (2, ["rank", "The", "coast", "", "--models", "shell-model"], "WORD 2 must have"),
        (2, ["rank", "The", "coast", "--models", "no-such"], "--models: There is no model 'no-such'."),
        (2, ["rescore", "lists.jsonl", "--model", "no-such"], "There is no model 'no-such'."),
        (2, ["perplexity", "text.txt", "empty.txt", "-m", "shell-model"], "empty.txt: document 1 must hold"),
        (2, ["table", "import", "model.yaml", "--format", "glove"], "model.yaml: line"),
        (2, ["next", "The", "--model", "shell-model", "-k", "0"], "must be a whole number of 1 or more, not '0'"),
        (2, ["rank", "The", "coast", "--models", "shell-model,no-such"], "--models: There is no model 'no-such'."),
        (2, ["perplexity", "gone.txt", "-m", "shell-model"], "gone.txt: No such file or directory"),
        (2, ["jobs", "--limit", "5000"], "must be a whole number from 1 to 1000, not '5000'"),
        (2, ["job", "show", "no-such"], "There is no job 'no-such'."),
        (2, ["cancel", "shell-model"], "Job shell-model has succeeded already: only what"),
        (2, ["retry", "shell-model"], "Job shell-model has succeeded: only what failed"),
        (
            1,
            ["status", "--server", "http://127.0.0.1:9"],
            "`hindcast up` starts it here; another address is",
        ),
        (2, ["status", "--server", "localhost"], "--server must be a URL"),
    ],
)
def test_refusals_are_sentences_that_name_what_was_typed(made, run, code, arguments, told):
    sent = json.dumps({"kind": "language_model"}) if "-" in arguments else None
    done = run(*arguments, code=code, sent=sent)
    assert told in done.stderr
    assert done.stdout == ""


def test_a_corpus_whose_reading_fails_says_why_wherever_it_is_told(made, run, terminal):
    done = run("corpus", "add", "-", "--name", "shell-mute", "--format", "jsonl", sent='{"text": ""}\n', code=1)
    assert done.stderr.endswith(
        "shell-mute failed: The text has no words.\n"
        "`hindcast corpus rm shell-mute` takes it out of the list and frees its name.\n"
    )
    [failed] = rows(run("corpus", "list", "--status", "failed"))
    assert (failed["NAME"], failed["WHY FAILED"]) == ("shell-mute", "The text has no words.")
    told, _ = ended(terminal("hindcast corpus list --name shell-mute", columns=80))
    assert "shell-mute" in told
    assert "The text h" in told
    told, _ = ended(terminal("hindcast corpus list --name shell", columns=80))
    assert "WHY" not in told
    run("corpus", "rm", "shell-mute")


def test_watching_a_job_that_fails_ends_with_its_problem(made, run):
    done = run(
        "train", "--kind", "word2vec", "--corpus", "shell", "--min-count", 9999, "--name", "shell-bad", "-w", code=1
    )
    assert done.stdout == ""
    assert done.stderr.endswith(
        "shell-bad failed: vocabulary.min_count: leaves no word: no word of the text occurs 9999 times\n"
    )
    assert "leaves no word" in facts(run("job", "show", "shell-bad"))["why"]
    again = run("watch", "shell-bad", "--json", code=1)
    events = [json.loads(line) for line in again.stdout.splitlines()]
    assert events[-1]["data"]["status"] == "failed"
    assert run("job", "rm", "shell-bad").stdout == "shell-bad\n"


def test_ctrl_c_leaves_the_job_running_and_says_so(made, run, terminal):
    long = ("--set", "optimizer={epochs: 1000, patience: null}")
    run("train", "model.yaml", "--name", "shell-long", *long)
    child = terminal("hindcast watch shell-long")
    child.expect("━━━")
    child.expect("epoch 2")
    child.expect("valid perplexity")
    child.sendintr()
    told, code = ended(child)
    assert "shell-long goes on. `hindcast watch shell-long` shows it again" in told
    assert code == 130
    assert facts(run("job", "show", "shell-long"))["status"] == "running"
    assert facts(run("cancel", "shell-long"))["status"] in ("cancelling", "cancelled")
    stopped = run("watch", "shell-long", code=1)
    assert stopped.stderr.endswith(
        "shell-long was cancelled. `hindcast retry shell-long` lets it go on from where it was.\n"
    )
    assert facts(run("retry", "shell-long"))["status"] == "queued"
    run("cancel", "shell-long")


def test_who_deletes_in_a_terminal_is_asked_first(made, run, terminal):
    run("corpus", "add", "text.txt", "--name", "shell-doomed")
    child = terminal("hindcast corpus rm shell-doomed")
    child.expect("Delete shell-doomed, for good")
    child.sendline("n")
    assert ended(child)[1] == 1
    assert facts(run("corpus", "show", "shell-doomed"))["name"] == "shell-doomed"
    assert ended(terminal("hindcast corpus rm shell-doomed --yes"))[1] == 0


def test_a_terminal_sees_bars_and_colours(made, terminal):
    told, code = ended(terminal("hindcast corpus add text.txt --name shell-sent"))
    assert "sending text.txt" in told
    assert "━━━" in told
    assert "100%" in told
    assert "shell-sent is ready" in told
    assert code == 0
    told, _ = ended(terminal("hindcast jobs"))
    assert f"{ESCAPE}[1mSTATUS" in told
    assert f"{ESCAPE}[32msucceeded" in told


def test_what_goes_into_a_pipe_has_no_colours_though_a_terminal_is_near(made, terminal):
    told, code = ended(
        terminal("export FORCE_COLOR=1; hindcast jobs | cat; hindcast watch shell-model 2> /dev/null | cat")
    )
    assert ESCAPE not in told
    assert "ID\tNAME\t" in told
    told, code = ended(terminal("NO_COLOR=1 hindcast models"))
    assert "[32m" not in told
    told, code = ended(terminal("hindcast jobs --json | head -c 1; exit ${PIPESTATUS[0]}"))
    assert code == 0


def test_a_narrow_terminal_keeps_ids_whole(made, run, terminal):
    id = facts(run("job", "show", "shell-model"))["id"]
    told, _ = ended(terminal("hindcast jobs --name shell-model", columns=70))
    lines = [line for line in told.splitlines() if line.strip()]
    assert len(lines) == 2
    assert id in lines[1]


def test_a_shell_completes_names(made, run, hindcast, monkeypatch):
    monkeypatch.setenv("_HINDCAST_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "hindcast next x --model shell-m")
    monkeypatch.setenv("COMP_CWORD", "4")
    done = CliRunner().invoke(app, [], prog_name="hindcast", env={"HINDCAST_URL": hindcast.url})
    assert done.stdout.split() == ["shell-model"]
    nobody = CliRunner().invoke(app, [], prog_name="hindcast", env={"HINDCAST_URL": "http://127.0.0.1:9"})
    assert nobody.stdout.strip() == ""
