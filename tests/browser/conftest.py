"""The dashboard in a real browser, over a real Hindcast. Each module has a browser of its own: while Playwright runs,
no other test of the process could start an event loop."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest
from browser.looking import ARGUMENTS, Look
from browser.stocking import stock
from playwright.sync_api import Browser, sync_playwright

from hindcast.settings import Settings
from hindcast_standalone.redis import RedisServer
from hindcast_standalone.serve import build

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser that has opened nothing yet."""
    if CHROMIUM is None:
        pytest.skip("needs chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def new_settings(
    new_postgres_url: Callable[[], str], redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], Settings]:
    """Makes the settings of one more Hindcast, with a database and a home of its own."""

    def settings() -> Settings:
        home = tmp_path_factory.mktemp("home")
        return Settings(home=home, database_url=new_postgres_url(), broker_url=redis_server.url)

    return settings


@pytest.fixture(scope="module")
def served(serving: Callable[..., AbstractContextManager[str]]) -> Iterator[Callable[[Settings], str]]:
    """Serves all services of the settings on one origin, as `make up` does: its URL."""
    with ExitStack() as servers:
        yield lambda settings: servers.enter_context(serving(build(settings)))


@pytest.fixture(scope="module")
def empty_url(new_settings: Callable[[], Settings], served: Callable[[Settings], str]) -> str:
    """A Hindcast with nothing in it."""
    return served(new_settings())


@pytest.fixture(scope="session")
def stocked_url(
    new_postgres_url: Callable[[], str],
    redis_server: RedisServer,
    tmp_path_factory: pytest.TempPathFactory,
    serving: Callable[..., AbstractContextManager[str]],
) -> Iterator[str]:
    """A Hindcast with tables, a model and domains, which no test changes."""
    home = tmp_path_factory.mktemp("stocked")
    settings = Settings(home=home, database_url=new_postgres_url(), broker_url=redis_server.url)
    with serving(build(settings)) as url:
        stock(settings, url)
        yield url


@pytest.fixture
def look(chromium: Browser, tmp_path: Path) -> Iterator[Look]:
    """Opens pages. What a page complains of in its console fails the test."""
    looking = Look(chromium)
    yield looking
    looking.close()
    assert looking.complaints == []
