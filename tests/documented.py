"""The fenced blocks of a page, run in their order as a reader would: only the server's address is another."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pexpect

DOCS = Path(__file__).parents[1] / "docs"
ADDRESS = "http://127.0.0.1:8000"
COLUMNS = 160
PATIENCE_SECONDS = 250

_ESCAPE = "\x1b"
_SIGN = re.compile(
    r"\x1b\[(?P<up>\d+)A|(?P<clear>\x1b\[2K)|(?P<return>\r)|(?P<feed>\n)|\x1b\[[0-9;?]*[A-Za-z]|(?P<text>[^\x1b\r\n]+|\x1b)"
)
_FENCE = re.compile(r"^```(?P<language>\S*)[ ]?(?P<marks>[^\n]*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_SHELL = 'set -euo pipefail\ncurl() { command curl --silent --fail-with-body "$@"; }\n'
_VARIES = (
    (re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[━╺╸]+"), ""),
    (re.compile(r"There are more: --limit \d+ shows more of them\."), ""),  # others' in the same database
    (re.compile(r"https?://[\w.:]+"), "URL"),
    (re.compile(r"(?<![\w/])/[\w./~-]+"), "PATH"),
    (re.compile(r"\b(cor|dom|exp|job|lm|ng|req|ses|tab)_[0-9a-f]+|\b[0-9a-f]{64}\b"), "ID"),
    (re.compile(r"[-+]?\b\d[\d,.:]*(T[\d:.]+Z)?(e-?\d+)?"), "#"),
    (re.compile(r"# (s|min|h) ago|# ([kMG]B|bytes)"), "#"),
    (re.compile(r"\s+"), ""),
)


@dataclass(frozen=True)
class Block:
    """One fence: what stands after its language is for us, the site doesn't show it."""

    language: str
    marks: tuple[str, ...]
    text: str


def blocks(page: str) -> list[Block]:
    """All of a page of docs/."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return [Block(found["language"], tuple(found["marks"].split()), found["text"]) for found in _FENCE.finditer(text)]


def marked(page: str, mark: str) -> list[str]:
    """The blocks with that mark."""
    return [block.text for block in blocks(page) if mark in block.marks]


def same_form(shown: str, told: str) -> bool:
    """Whether they differ in numbers, ids, times, addresses and blanks alone; … stands for anything. In a terminal it
    is what is left there at the end."""
    parts = [re.escape(_form(part)) for part in shown.split("…")]
    before = ".*" if _ESCAPE in told else ""
    return re.fullmatch(before + ".*".join(parts), _form(_left(told)), flags=re.DOTALL) is not None


def _left(told: str) -> str:
    """Without what a bar in a terminal has written over: it goes up, and clears lines."""
    lines, row, column = [""], 0, 0
    for sign in _SIGN.finditer(told):
        if up := sign["up"]:
            row = max(0, row - int(up))
        elif sign["clear"]:
            lines[row] = ""
        elif sign["return"]:
            column = 0
        elif sign["feed"]:
            row, column = row + 1, 0
            lines += [""] * (row == len(lines))
        elif text := sign["text"]:
            line = lines[row].ljust(column)
            lines[row] = line[:column] + text + line[column + len(text) :]
            column += len(text)
    return "\n".join(lines)


def _form(text: str) -> str:
    text = text.replace(": ping\n", "")  # an event stream that has nothing to tell lives
    for what, name in _VARIES:
        text = what.sub(name, text)
    return text


class Reader:
    """Types what a page says, in a folder of its own."""

    def __init__(self, folder: Path, url: str, **environment: str) -> None:
        self.folder = folder
        self.url = url
        programs = folder.parent / f"{folder.name}-programs"
        programs.mkdir()
        # As after `pip install ./client`, wherever these tests run.
        for name, arguments in {"hindcast": " -m hindcast_client.command_line", "python": ""}.items():
            command = programs / name
            command.write_text(f'#!/bin/sh\nexec "{sys.executable}"{arguments} "$@"\n')
            command.chmod(0o755)
        self.environment = {
            **os.environ,
            "HINDCAST_URL": url,
            "COLUMNS": str(COLUMNS),  # or one that these tests were started with would go before the terminal's own
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            **environment,
        }

    def run(self, block: Block) -> str:
        """What it writes. It must succeed, unless it is marked as `refused`."""
        text = block.text.replace(ADDRESS, self.url)
        if block.language == "python":
            done = subprocess.run(
                [sys.executable, "-"],
                input=text,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                cwd=self.folder,
                env=self.environment,
                timeout=PATIENCE_SECONDS,
            )
            told, status = done.stdout, done.returncode
        else:
            told, status = self._in_a_terminal(text)
        assert (status != 0) == ("refused" in block.marks), f"{block.text}\n{told}"
        return told

    def _in_a_terminal(self, text: str) -> tuple[str, int]:
        told, status = pexpect.run(
            shlex.join(["bash", "-c", _SHELL + text]),
            withexitstatus=True,
            timeout=PATIENCE_SECONDS,
            cwd=self.folder,
            env=self.environment,
            dimensions=(50, COLUMNS),
            encoding="utf-8",
        )
        return told.replace("\r\n", "\n"), status

    def read(self, page: str) -> list[str]:
        """Runs all blocks of a page that nothing but `refused` marks, in order, and compares what is shown after them.
        What each of them told."""
        told: list[str] = []
        last: str | None = None
        for block in blocks(page):
            if block.language in ("sh", "python"):
                last = None if set(block.marks) - {"refused"} else self.run(block)
                told += [last] if last is not None else []
            elif "shown" in block.marks and last is not None:
                assert same_form(block.text, last), f"{page} shows\n{block.text}\nand it is\n{last}"
        return told


def has_curl() -> bool:
    """One that knows `--json`."""
    if shutil.which("curl") is None or shutil.which("bash") is None:
        return False
    known = subprocess.run(["curl", "--help", "all"], capture_output=True, text=True).stdout
    return "--json" in known


def build_site(folder: Path) -> None:
    """What `make docs` builds, in a folder. Whoever asks for something from elsewhere is sent to where nobody is."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    nowhere = {f"{scheme}_PROXY": "http://127.0.0.1:9" for scheme in ("HTTP", "HTTPS", "ALL")}
    environment = {**os.environ, **nowhere, "NO_PROXY": "", "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        command, cwd=DOCS.parent, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, done.stdout
    assert "WARNING" not in done.stdout, done.stdout
