"""Looking at the dashboard as people do: in the dark, on a phone, and with a program that knows what hinders them."""

import re
from dataclasses import dataclass, field
from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, ViewportSize

ARGUMENTS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
DESKTOP, PHONE = 1280, 390
HEIGHT = 900
SERIOUS = ("serious", "critical")
PATIENCE_MILLISECONDS = 15_000

Scheme = Literal["light", "dark"]
LOOKS: tuple[tuple[Scheme, int], ...] = (("light", DESKTOP), ("dark", DESKTOP), ("light", PHONE), ("dark", PHONE))
"""Scheme and width in which every page is looked at."""


@dataclass
class Look:
    """Opens pages and keeps what they complain of."""

    browser: Browser
    complaints: list[str] = field(default_factory=list)
    forgiven: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def __call__(self, url: str, *, scheme: Scheme = "light", width: int = DESKTOP, touch: bool = False) -> Page:
        """The page at `url` (`…/#/jobs`), in a browser that has seen nothing before; with `touch` it has no mouse."""
        viewport: ViewportSize = {"width": width, "height": HEIGHT}
        context = self.browser.new_context(color_scheme=scheme, viewport=viewport, has_touch=touch, is_mobile=touch)
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        self.contexts.append(context)
        page = context.new_page()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(url)
        return page

    def forgive(self, pattern: str) -> None:
        """A complaint that a test provokes: the browser itself tells of each answer that is an error."""
        self.forgiven.append(pattern)

    def close(self) -> None:
        for context in self.contexts:
            context.close()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(re.search(each, message.text) for each in self.forgiven):
            self.complaints.append(f"{message.type}: {message.text}")


def faults(page: Page) -> list[str]:
    """What axe-core finds serious in the page as it is, each with the elements that have it."""
    # What it would preload are style sheets, which it puts into the page inline: the page forbids that, aloud.
    found = Axe().run(page, options={"resultTypes": ["violations"], "preload": False}).response["violations"]
    return [
        f"{fault['id']}: {fault['help']}: {[node['html'][:160] for node in fault['nodes'][:3]]}"
        for fault in found
        if fault["impact"] in SERIOUS
    ]


def overflows(page: Page) -> bool:
    """Whether the page is wider than the window."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
