"""Pages of the repository that lie outside of docs/, or that list what lies in it."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

ELSEWHERE: Mapping[str, str] = {
    "project/readme.md": "README.md",
    "project/architecture.md": "ARCHITECTURE.md",
    "project/changelog.md": "CHANGELOG.md",
    "project/benchmarks.md": "benchmarks/README.md",
}
"""Where a file of the repository stands on the site."""
INSTEAD: Mapping[str, str] = {
    **{source: place for place, source in ELSEWHERE.items()},
    "docs/decisions": "decisions/index.md",
    "shared/hindcast/settings.py": "reference/settings.md",
    "docs/openapi.json": "http/index.md",
}
"""Where links to files of the repository lead on the site."""


def source_of(place: str) -> PurePosixPath:
    """The file of the repository that a page of the site shows; one that is made counts as one of docs/."""
    return PurePosixPath(ELSEWHERE.get(place, f"docs/{place}"))


def decisions(folder: Path) -> Sequence[str]:
    """Their pages, in order."""
    return [f"decisions/{path.name}" for path in sorted(folder.glob("[0-9]*.md"))]


def decisions_page(folder: Path) -> str:
    """A list of them by their headings."""
    lines = [
        f"- [{_heading(folder / PurePosixPath(page).name)}]({PurePosixPath(page).name})" for page in decisions(folder)
    ]
    return "# Decisions\n\nWhy things are as they are, where it wasn't obvious.\n\n" + "\n".join(lines) + "\n"


def _heading(path: Path) -> str:
    found = re.search(r"^# (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return found[1] if found else path.stem
