"""How the command line writes figures for people, and rows for pipes."""

import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from rich.progress import Progress

from hindcast_client.command_line.listing import (
    LABEL,
    Column,
    called,
    duration,
    figure,
    number,
    print_facts,
    print_table,
    printable,
    probability,
    size,
)
from hindcast_client.command_line.progress import Shown
from hindcast_client.command_line.watching import figures, headline
from hindcast_client.uploads import upload_of


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(-1, "0 s"), (59.4, "59 s"), (60, "1 min"), (3_600, "1 h"), (12_000, "3 h 20 min"), (9e5, "10 d")],
)
def test_durations(seconds, told):
    assert duration(seconds) == told
    assert duration(timedelta(seconds=seconds)) == told


def test_figures():
    assert [size(bytes) for bytes in (999, 1_000, 1.25e6, 2e15)] == ["999 B", "1.0 kB", "1.2 MB", "2000.0 TB"]
    assert [number(value) for value in (8425.0, 0.00123456, 60094.87, 8.8644)] == [
        "8,425",
        "0.001235",
        "60,095",
        "8.864",
    ]
    assert [probability(value) for value in (0.1554, 0, 0.00002)] == ["0.1554", "0.0000", "2.00e-05"]


def test_what_a_job_tells_most_stands_first():
    metrics = {
        "epoch": 2.0,
        "tokens_per_second": 9591.2,
        "valid_perplexity": 2.288,
        "train_perplexity": 4.6,
        "train_loss": 1.5,
    }
    assert figures(metrics) == "train loss 1.5, valid perplexity 2.288, 9,591 tokens/s"
    assert headline(metrics) == "valid perplexity 2.288"
    assert (figures({}), headline({}), headline({"kept": 642.0})) == ("", None, "kept 642")


def test_nothing_that_a_name_holds_reaches_the_terminal_but_its_letters(capsys):
    assert (
        printable("klein 雨\x1b[31m\x07\u202e")
        == "klein 雨\N{REPLACEMENT CHARACTER}[31m" + 2 * "\N{REPLACEMENT CHARACTER}"
    )
    print_table([Column("NAME"), figure("N")], [("a\tb\n\x1b[0m", 1234), (None, None)])
    assert capsys.readouterr().out == "NAME\tN\na b \N{REPLACEMENT CHARACTER}[0m\t1234\n\t\n"


def test_facts_in_a_pipe_are_exact(capsys):
    moment = datetime(2026, 11, 27, 16, 47, 31, tzinfo=UTC)
    print_facts([("a", 1234.5678), ("b", None), ("c", ""), ("d", moment), ("e", True), ("f", timedelta(minutes=1))])
    assert capsys.readouterr().out == "a\t1234.5678\nd\t2026-11-27T16:47:31+00:00\ne\ttrue\nf\t60.0\n"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_label_is_a_column_of_pipes_and_stands_for_a_name_in_terminals(monkeypatch, capsys):
    def shown():
        print_table([Column("ID"), Column("NAME"), LABEL], [("job_1", called(None, "novels"), "novels")])

    shown()
    assert capsys.readouterr().out == "ID\tNAME\tLABEL\njob_1\t\tnovels\n"
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", terminal := Terminal())
        shown()
    assert "(novels)" in terminal.getvalue()
    assert "LABEL" not in terminal.getvalue()


@pytest.mark.parametrize(("name", "told"), [("-", "sending standard input"), ("news.txt", "sending news.txt")])
def test_an_upload_s_bar_names_what_is_sent(name, told):
    bars = Progress(disable=True)
    Shown(bars).uploading(upload_of(b"storm"), name)
    assert [task.description for task in bars.tasks] == [told]


@pytest.mark.parametrize("why", [None, "no words"])
def test_a_terminal_s_table_has_a_rare_column_where_something_stands_in_it(monkeypatch, capsys, why):
    columns = [Column("ID"), Column("WHY", rare=True), Column("LAST")]
    terminal = Terminal()
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", terminal)
        print_table(columns, [("cor_1", None, "a"), ("cor_2", why, "b")])
    shown = re.sub(r"\x1b\[[0-9;]*m", "", terminal.getvalue())
    assert ("WHY" in shown, "no words" in shown) == (why is not None, why is not None)
    assert shown.split()[-1] == "b"
    print_table(columns, [("cor_1", None, "a")])
    assert capsys.readouterr().out == "ID\tWHY\tLAST\ncor_1\t\ta\n", "a pipe's columns stay where they are"


@pytest.mark.parametrize(
    ("columns", "shown"),
    [(80, ["ID", "NAME", "STATUS", "SPARE", "LAST"]), (36, ["ID", "NAME", "STATUS"]), (12, ["ID", "NAME", "STATUS"])],
)
def test_a_terminal_s_table_fits_or_leaves_out_what_is_spare(monkeypatch, columns, shown):
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("COLUMNS", str(columns))
    heading = [
        Column("ID"),
        Column("NAME", flexible=True),
        Column("STATUS"),
        Column("SPARE", spare=True),
        Column("LAST", spare=True),
    ]
    print_table(heading, [("job_12345", "a name of many words", "running", "x", "[b]y")])
    head, line = re.sub(r"\x1b\[[0-9;]*m", "", terminal.getvalue()).splitlines()
    assert head.split() == shown
    assert "job_12345" in line
    assert "running" in line
    assert ("a name of many words" in line, "[b]y" in line) == (columns == 80, columns == 80)
