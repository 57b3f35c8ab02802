"""How long the dashboard's pages take to be painted first: `python benchmarks/first_paint.py` (chromium must be there).

The database has what browser tests fill theirs with: 1,000 jobs, 100 models, and one job with a curve of 100,000
points. Each load has a browser context of its own, so nothing is cached. Beside the browser's own
first-contentful-paint stands when what the page asked for was there: a frame without figures counts as painted.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from statistics import median
from urllib.request import urlopen

from playwright.sync_api import Browser, sync_playwright

from hindcast_standalone.folders import postgres_folder
from hindcast_standalone.migrations import migrate
from hindcast_standalone.postgres import PostgresServer
from hindcast_standalone.redis import RedisServer

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from browser.filling import JOBS, LONG_JOB, MODELS, POINTS, fill
from browser.looking import ARGUMENTS

PAGES = {
    "Overview": ("", "main table tbody tr"),
    "Jobs": ("jobs", "main table tbody tr"),
    "A job, its curve": (f"jobs/{LONG_JOB}", "main .curve canvas"),
    "Post a job": ("jobs/new", "main form select"),
    "Experiments": ("experiments", "main .empty, main table"),
    "Word in context": ("words", "main .models-asked tbody tr"),
    "Embeddings": ("embeddings", "main .empty, main .choices"),
    "Domains": ("domains", "main .empty, main table"),
    "Rescoring": ("rescoring", "main .lists-form"),
}
"""Each page's address, and what is there once its answers have come."""
_PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
_DRAWN = "(selector) => document.querySelector(selector) && performance.now()"


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """All services in a process of their own, over a database that is full: their URL."""
    postgres = PostgresServer(postgres_folder(folder), log=folder / "postgres.log")
    redis = RedisServer(folder / "redis", log=folder / "redis.log")
    try:
        postgres.start()
        redis.start()
        migrate(postgres.url)
        fill(postgres.url)
        environment = os.environ | {
            "HINDCAST_HOME": str(folder),
            "HINDCAST_DATABASE_URL": postgres.url,
            "HINDCAST_BROKER_URL": redis.url,
        }
        with serving(environment, folder / "services.log") as url:
            yield url
    finally:
        redis.stop()
        postgres.delete()


@contextmanager
def serving(environment: Mapping[str, str], log: Path) -> Iterator[str]:
    """The process that `make up` starts, on any port. It logs that the 100 models have no weights to ask."""
    with socket.create_server(("127.0.0.1", 0)) as listening, log.open("wb") as output:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        number = listening.fileno()
        command = [sys.executable, "-m", "hindcast_standalone", "serve", str(number)]
        process = subprocess.Popen(command, env=dict(environment), pass_fds=[number], stdout=output, stderr=output)
        try:
            urlopen(f"{url}v1/jobs", timeout=120).close()  # the socket queues what comes before the services do
            yield url
        finally:
            process.terminate()
            process.wait(30)


def load(browser: Browser, url: str, selector: str) -> tuple[float, float]:
    """One load by a browser that has seen nothing: milliseconds to its first paint, and until the answers are drawn."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    try:
        page = context.new_page()
        page.goto(url)
        drawn = page.wait_for_function(_DRAWN, arg=selector).json_value()
        painted = page.wait_for_function(_PAINTED).json_value()
        return float(painted), float(drawn)
    finally:
        context.close()


def main() -> None:
    """Prints a table: medians, and the slowest of each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--loads", type=int, default=5, help="of each page (5)")
    loads = parser.parse_args().loads
    program = next(filter(None, map(which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        sys.exit("This needs chromium: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        print(f"{JOBS:,} jobs, {MODELS:,} models, a curve of {POINTS:,} points; chromium {browser.version}\n")
        print(f"| | first paint, ms | slowest of {loads} | answers drawn, ms | slowest of {loads} |")
        print("|---|---|---|---|---|")
        load(browser, url, PAGES["Overview"][1])  # the server's first answers, and the browser's first page
        times: dict[str, list[tuple[float, float]]] = {title: [] for title in PAGES}
        for _ in range(loads):
            for title, (path, selector) in PAGES.items():
                times[title].append(load(browser, f"{url}#/{path}", selector))
        for title, measured in times.items():
            painted, drawn = zip(*measured, strict=True)
            print(f"| {title} | {median(painted):.0f} | {max(painted):.0f} | {median(drawn):.0f} | {max(drawn):.0f} |")
        browser.close()


if __name__ == "__main__":
    main()
