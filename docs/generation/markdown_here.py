"""Markdown as GitHub and our tests read it, turned into what mkdocs reads."""

import os.path
import re
from pathlib import Path, PurePosixPath

from repository_pages import INSTEAD

_FENCED = re.compile(
    r"^(?P<fence>```+)(?P<language>\S*)(?P<marks>[^\n]*)\n(?P<text>.*?)^(?P=fence)$", re.DOTALL | re.MULTILINE
)
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\((?!\w+:|#|/)([^)\s#]+)(#[^)\s]*)?\)")
_LANGUAGES = {"jsonl": "json"}


def for_the_site(markdown: str, *, source: PurePosixPath, place: str, root: Path) -> str:
    """`source` is the file's place in the repository at `root`, `place` that on the site."""
    pieces, end = [], 0
    for block in _FENCED.finditer(markdown):
        pieces += [_with_links(markdown[end : block.start()], source, place, root), _fenced(block)]
        end = block.end()
    return "".join([*pieces, _with_links(markdown[end:], source, place, root)])


def _fenced(block: re.Match[str]) -> str:
    """What stands after the language is for tests, but that a file's name is a title."""
    title = re.search(r"\bfile=(\S+)", block["marks"])
    language = _LANGUAGES.get(block["language"], block["language"]) or "text"
    head = f'{language} title="{title[1]}"' if title else language
    return f"{block['fence']}{head}\n{block['text']}{block['fence']}"


def _with_links(text: str, source: PurePosixPath, place: str, root: Path) -> str:
    """Links to files lead to their pages; to what isn't on the site, there is none."""

    def led(link: re.Match[str]) -> str:
        picture, words, target, anchor = link[1], link[2], link[3], link[4] or ""
        meant = os.path.normpath(source.parent / target)
        there = INSTEAD.get(meant) or (meant.removeprefix("docs/") if meant.startswith("docs/") else None)
        if there is None:
            return words if (root / meant).exists() else link[0]  # a link that leads nowhere stays, and is told of
        return f"{picture}[{words}]({os.path.relpath(there, PurePosixPath(place).parent)}{anchor})"

    return _LINK.sub(led, text)
