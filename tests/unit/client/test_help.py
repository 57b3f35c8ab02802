"""What every command of `hindcast` has: help with examples, --json, and its place in what a shell completes."""

import subprocess
import sys

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from hindcast_client.command_line.app import app

WITHOUT_JSON = {"up": "it prints what the server does", "rescore": "it answers in the recogniser's own format"}


def commands(group, *names):
    """Every command, by the words that it is called by."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *names, name)
        else:
            yield (*names, name), command


COMMANDS = dict(commands(get_command(app)))


def help_of(*names):
    done = CliRunner().invoke(app, [*names, "--help"], env={"COLUMNS": "120", "TERM": "dumb"})
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_every_command_has_examples_that_call_it(names):
    told = help_of(*names)
    _, examples = told.split("Examples:")
    assert f"hindcast {' '.join(names)}" in " ".join(examples.split())
    lost = [option for option in COMMANDS[names].params if not getattr(option, "help", None)]
    assert lost == [], "every option and argument is described"


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_every_command_that_asks_has_the_options_of_a_connection(names):
    options = {option for parameter in COMMANDS[names].params for option in parameter.opts}
    if names[0] in WITHOUT_JSON:
        assert "--json" not in options
    else:
        assert {"--json", "--server", "--api-key"} <= options


def test_what_a_shell_must_be_able_to_do_is_there():
    expected = (
        "up, corpus add, corpus list, corpus show, corpus rm, train, jobs, watch, cancel, table import, table export"
    )
    expected += ", table neighbors, table vectors, perplexity, rank, next, experiment run, experiment show, rescore"
    assert {tuple(command.split()) for command in expected.split(", ")} <= COMMANDS.keys()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete(shell, monkeypatch):
    monkeypatch.setattr("typer.completion._get_shell_name", lambda: shell)
    done = CliRunner().invoke(app, ["--show-completion"], prog_name="hindcast")
    assert done.exit_code == 0
    assert "_HINDCAST_COMPLETE" in done.stdout


def test_commands_and_options_are_completed(monkeypatch):
    monkeypatch.setenv("_HINDCAST_COMPLETE", "complete_bash")
    for typed, expected in (
        ("hindcast exp", "experiment"),
        ("hindcast experiment pl", "plot"),
        ("hindcast jobs --st", "--status"),
    ):
        monkeypatch.setenv("COMP_WORDS", typed)
        monkeypatch.setenv("COMP_CWORD", str(len(typed.split()) - 1))
        assert CliRunner().invoke(app, [], prog_name="hindcast").stdout.split() == [expected]


def test_up_says_how_where_the_server_is_not_installed():
    """And where it is, the server itself is what complains."""
    without = "import sys; sys.modules['hindcast_standalone'] = None\n"
    run = "from hindcast_client.command_line.app import app; app(['up', '--home', '/dev/null/x', '--port', '1'])"
    done = subprocess.run([sys.executable, "-c", without + run], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert "make up" in done.stderr
    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True)
    assert done.returncode == 1
    assert "The folder /dev/null/x can't be used" in done.stdout + done.stderr
