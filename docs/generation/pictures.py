"""The pictures in docs/images: `make pictures`, where the tutorial was typed, and `make demo` after it.

What a picture shows is asked for by the names that these two give. Needs chromium.
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import Literal
from urllib.parse import urlencode

from playwright.sync_api import Browser, FloatRect, Page, ViewportSize, sync_playwright

from hindcast_client import Hindcast

IMAGES = Path(__file__).parents[1] / "images"
DESKTOP, PHONE = 1280, 390
PASSAGE = (
    "A similar procedure after the fetus could potentially survive outside the womb is known as a "
    '"late termination of pregnancy".'
)

Scheme = Literal["light", "dark"]


class Dashboard:
    """Opens its pages."""

    def __init__(self, url: str, browser: Browser) -> None:
        self._url, self._browser = url, browser

    @contextmanager
    def page(self, address: str, *, scheme: Scheme = "light", width: int = DESKTOP) -> Iterator[Page]:
        """One, once all that it asked for has come."""
        size = ViewportSize(width=width, height=600)
        with self._browser.new_context(color_scheme=scheme, viewport=size) as context:
            page = context.new_page()
            page.goto(f"{self._url}/#/{address}", wait_until="networkidle")
            yield page


def photograph(page: Page, name: str, *, below: str | None = None, height: int | None = None) -> None:
    """Of the whole page, or of so much of it, or of what begins at the element `below`."""
    top = _box(page, below)["y"] - 12 if below else 0
    body = _box(page, "body")
    clip = FloatRect(x=0, y=top, width=body["width"], height=min(height or body["height"], body["height"] - top))
    page.screenshot(path=IMAGES / f"dashboard-{name}.png", full_page=True, clip=clip)


def _box(page: Page, selector: str) -> FloatRect:
    box = page.locator(selector).bounding_box()
    assert box, f"{selector} isn't to be seen"
    return box


def words(dashboard: Dashboard, name: str, *, width: int, height: int | None = None) -> None:
    """The passage under both models, and why not another word in place of its last."""
    asked = urlencode({"text": PASSAGE, "models": "plain,pretrained", "by": "pretrained"})
    with dashboard.page(f"words?{asked}", width=width) as page:
        page.get_by_role("button", name="pregnancy").first.click()
        page.get_by_text("stands there").wait_for()
        page.wait_for_load_state("networkidle")
        photograph(page, name, height=height)


def table_map(dashboard: Dashboard, table: str) -> None:
    """Three times as large as it is at first, with the words near one of them."""
    with dashboard.page(f"embeddings/map?tables={table}&word=Lincoln", scheme="dark") as page:
        for _ in range(2):
            page.get_by_role("button", name="Zoom in").click()
        page.wait_for_load_state("networkidle")
        photograph(page, "map-dark")


def rescoring(dashboard: Dashboard) -> None:
    """The page's own example, at half the language model's weight."""
    with dashboard.page("rescoring?model=pretrained") as page:
        page.get_by_role("button", name="Try the example").click()
        page.get_by_role("spinbutton", name="Language model weight").fill("0.5")
        page.wait_for_load_state("networkidle")
        photograph(page, "rescoring", below="h2:has-text('What moved')", height=900)


def main() -> None:
    """Take them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    url = parser.parse_args().url.rstrip("/")
    with Hindcast(url) as hindcast, sync_playwright() as playwright:
        job, table = hindcast.jobs.get("pretrained").id, hindcast.tables.get("wiki-vectors").id
        experiment = hindcast.experiments.get("demo-1").id
        browser = playwright.chromium.launch(executable_path=which("chromium"), args=["--no-sandbox"])
        dashboard = Dashboard(url, browser)
        with dashboard.page("", scheme="dark") as page:
            photograph(page, "overview-dark")
        with dashboard.page(f"jobs/{job}") as page:
            photograph(page, "job")
        with dashboard.page("jobs", width=PHONE) as page:
            photograph(page, "phone", height=1000)
        words(dashboard, "words", width=DESKTOP)
        words(dashboard, "words-phone", width=PHONE, height=1000)
        table_map(dashboard, table)
        rescoring(dashboard)
        with dashboard.page(f"experiments/{experiment}") as page:
            photograph(page, "experiment", height=900)
        browser.close()


if __name__ == "__main__":
    main()
