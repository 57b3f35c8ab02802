"""The documentation in a real browser: it can be read by everybody, is searched, and asks nobody."""

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from browser.looking import DESKTOP, PHONE, Look, Scheme, faults, overflows
from documented import build_site
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser
pytest.importorskip("mkdocs", reason="needs mkdocs: pip install -r requirements-dev.txt")

PAGES = ("index", "tutorials/first-rank", "http/scoring", "reference/settings", "explanation/the-paper")
THE_THEMES_OWN = ("aria-dialog-name", "scrollable-region-focusable")
"""What axe-core finds in the theme's own search and around its tables."""


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and doesn't talk."""

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    build_site(folder)
    return folder


@pytest.fixture(scope="module")
def url(site: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(("scheme", "width"), [("light", PHONE), ("dark", DESKTOP)])
def test_pages_can_be_read(look: Look, url: str, scheme: Scheme, width: int) -> None:
    page = look(url, scheme=scheme, width=width)
    for name in PAGES:
        page.goto(f"{url}/{name}.html")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert not overflows(page), name
        assert [fault for fault in faults(page) if not fault.startswith(THE_THEMES_OWN)] == [], name


def assert_found(page: Page, word: str) -> None:
    """By typing it key by key, as people do: what is set at once, before the index is there, is not looked for. That
    may take a while on a busy machine."""
    page.get_by_role("textbox", name="Search").press_sequentially(word, delay=50)
    expect(page.locator(".md-search-result__item").first).to_contain_text(word, timeout=30_000)


def test_the_search_finds_what_is_asked(look: Look, url: str) -> None:
    page = look(f"{url}/index.html")
    assert_found(page, "HINDCAST_WORKER_SLOTS")


def test_it_asks_nobody(chromium: Browser, url: str) -> None:
    asked: list[str] = []
    with chromium.new_context() as context:
        context.on("request", lambda request: asked.append(request.url))
        page = context.new_page()
        for name in PAGES:
            page.goto(f"{url}/{name}.html", wait_until="networkidle")
    assert len(asked) > len(PAGES)
    assert [each for each in asked if not each.startswith((url, "data:", "blob:"))] == []


def test_pages_can_be_opened_and_searched_where_they_lie(chromium: Browser, site: Path) -> None:
    complaints: list[str] = []
    with chromium.new_context() as context:
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto((site / "index.html").as_uri())
        page.get_by_role("link", name="Your first rank").first.click()
        expect(page.get_by_role("heading", level=1, name="Your first rank")).to_be_visible()
        assert_found(page, "HINDCAST_WORKER_SLOTS")
    assert complaints == []
