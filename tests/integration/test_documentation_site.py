"""The documentation as `make docs` builds it: strictly, whole, and asking nobody."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import typer
from documented import build_site

import hindcast_client
from hindcast.settings import Settings
from hindcast_client.command_line.app import app

pytest.importorskip("mkdocs", reason="needs mkdocs: pip install -r requirements-dev.txt")

ROOT = Path(__file__).parents[2]
FETCHED = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "embed": "src",
}
"""What a browser fetches by itself, beside `link`s; an `a` it doesn't."""


@dataclass
class Parsed(HTMLParser):
    """What a page fetches, where it leads, and where one may be led in it."""

    fetched: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    text: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        self.anchors |= {told[name] for name in ("id", "name") if name in told}
        if tag == "a" and "href" in told:
            self.links.append(told["href"])
        elif tag == "link":
            self.fetched.append(told.get("href", ""))
        elif told.get(FETCHED.get(tag, "")):
            self.fetched.append(told[FETCHED[tag]])

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@cache
def parsed(page: Path) -> Parsed:
    found = Parsed()
    found.feed(page.read_text(encoding="utf-8"))
    return found


def said(page: Path) -> str:
    return " ".join(" ".join(parsed(page).text).split())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("site")
    build_site(folder)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def pages(site: Path) -> list[Path]:
    found = sorted(site.rglob("*.html"))
    assert len(found) > 35
    return found


def test_pages_fetch_nothing_from_elsewhere(pages: list[Path]) -> None:
    for page in pages:
        for address in parsed(page).fetched:
            assert not urlsplit(address).netloc, f"{page.name}: {address}"


def test_styles_fetch_nothing_from_elsewhere(site: Path) -> None:
    sheets = list(site.rglob("*.css"))
    assert sheets
    for sheet in sheets:
        for address in re.findall(r"(?:@import\s+|url\(\s*)[\"']?([^\"')\s]+)", sheet.read_text(encoding="utf-8")):
            assert address.startswith("data:") or not urlsplit(address).netloc, f"{sheet.name}: {address}"


def test_every_link_within_the_site_leads_somewhere(site: Path, pages: list[Path]) -> None:
    for page in pages:
        for link in parsed(page).links:
            there = urlsplit(link)
            if there.scheme or there.netloc:
                continue
            # Only 404.html has absolute ones: it is shown in the place of any page.
            start = site / there.path.lstrip("/") if there.path.startswith("/") else page.parent / unquote(there.path)
            target = start.resolve() if there.path else page
            target = target / "index.html" if target.is_dir() else target
            assert page.name == "404.html" or not there.path.startswith("/"), f"{page}: {link}"
            assert target.exists(), f"{page}: {link}"
            if there.fragment and target.suffix == ".html":
                assert unquote(there.fragment) in parsed(target).anchors, f"{page}: {link}"


def test_no_page_shows_markdown(pages: list[Path]) -> None:
    for page in pages:
        text = re.sub(r"<(pre|code)\b.*?</\1>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        body = text.partition("<article")[2].partition("</article>")[0]
        for sign in ("```", "**", "](", "\n- ", "| --", "|---"):
            assert sign not in body, f"{page}: {sign!r}"


def test_http_has_every_request_and_every_field(site: Path) -> None:
    document = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            page = site / "http" / f"{told['tags'][0]}.html"
            assert f"{method.upper()} {path}" in said(page)
            for parameter in told.get("parameters", []):
                name = parameter["name"].title() if parameter["in"] == "header" else parameter["name"]
                assert parameter["in"] == "path" or name in said(page)
    everything = " ".join(said(page) for page in (site / "http").glob("*.html"))
    anchors = {anchor for page in (site / "http").glob("*.html") for anchor in parsed(page).anchors}
    for name, schema in document["components"]["schemas"].items():
        assert name.lower() in anchors
        assert all(field in everything for field in schema.get("properties", {}))


def test_settings_are_all_there(site: Path) -> None:
    told = said(site / "reference" / "settings.html")
    assert all(f"HINDCAST_{name.upper()}" in told for name in Settings.model_fields)
    assert "Jobs that one worker runs at a time; quick ones run beside them" in told


def test_commands_are_all_there(site: Path) -> None:
    told = said(site / "reference" / "command-line.html")
    commands = [("hindcast", typer.main.get_command(app))]
    while commands:
        name, command = commands.pop()
        assert name in told
        commands += [(f"{name} {one}", each) for one, each in getattr(command, "commands", {}).items()]
        for option in command.params:
            called = (
                option.metavar if option.param_type_name == "argument" and option.metavar else max(option.opts, key=len)
            )
            assert called.lower() in told.lower(), f"{name} {option.opts}"


def test_the_client_is_all_there(site: Path) -> None:
    anchors = {anchor.rpartition(".")[2] for anchor in parsed(site / "reference" / "client.html").anchors}
    public = {name for name in hindcast_client.__all__ if name.removeprefix("Async") not in anchors}
    assert public == set()


def test_decisions_are_all_listed(site: Path) -> None:
    links = parsed(site / "decisions" / "index.html").links
    for decision in (ROOT / "docs" / "decisions").glob("*.md"):
        assert f"{decision.stem}.html" in links


def test_what_lies_elsewhere_is_the_repositorys_own(site: Path) -> None:
    assert "Small language models with pre-trained word embeddings" in said(site / "project" / "readme.html")
    assert "One training job, from POST to score" in said(site / "project" / "architecture.html")
    assert "Unreleased" in said(site / "project" / "changelog.html")
    links = parsed(site / "project" / "readme.html").links
    assert "../results.html" in links
    assert "../rescoring.html" in links
    assert "../reference/settings.html" in links
