"""What mkdocs calls while it builds the site: adds the pages that are made, or lie elsewhere in the repository."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from command_reference import command_page
from http_reference import http_pages
from markdown_here import for_the_site
from repository_pages import ELSEWHERE, decisions, decisions_page, source_of
from settings_reference import settings_page

ROOT = Path(__file__).parents[2]
MARK = "dashboard/mark.svg"


def made() -> Iterator[tuple[str, str]]:
    """Pages that are made of something else, by their place on the site."""
    yield from http_pages(ROOT / "docs" / "openapi.json")
    yield "reference/command-line.md", command_page()
    yield "reference/settings.md", settings_page()
    yield "decisions/index.md", decisions_page(ROOT / "docs" / "decisions")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """In the navigation, `http` and `decisions` stand for the pages there."""
    http = [page for page, _ in http_pages(ROOT / "docs" / "openapi.json")]
    chapters = {"http": http, "decisions": ["decisions/index.md", *decisions(ROOT / "docs" / "decisions")]}
    config.nav = _filled(config.nav, chapters)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds them, without writing them anywhere but into the site."""
    for place, text in made():
        files.append(File.generated(config, place, content=text))
    for place, source in {**ELSEWHERE, "images/mark.svg": MARK}.items():
        files.append(File.generated(config, place, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """What GitHub and our tests read in a page becomes what mkdocs reads."""
    return for_the_site(markdown, source=source_of(page.file.src_uri), place=page.file.src_uri, root=ROOT)


def _filled(entry: Any, chapters: Mapping[str, list[str]]) -> Any:
    if isinstance(entry, list):
        return [_filled(part, chapters) for part in entry]
    if isinstance(entry, dict):
        return {title: _filled(part, chapters) for title, part in entry.items()}
    return chapters.get(entry, entry)
