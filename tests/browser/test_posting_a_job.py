"""A job posted through the form is run by a real worker, and its curve grows before the eyes."""

import os
import re
import sys
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from browser.looking import Look
from playwright.sync_api import Locator, expect

from hindcast.settings import Settings
from hindcast_standalone.child import Command, Program

pytestmark = pytest.mark.browser

TRAINING_MILLISECONDS = 90_000
TEXT = "\n\n".join(
    f"The storm number {n} hit the coast near {n % 7} towns. Schools closed for {n % 9} days." for n in range(900)
)


@pytest.fixture(scope="module")
def site(
    new_settings: Callable[[], Settings], served: Callable[[Settings], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A Hindcast with a worker and a corpus that is ready or soon will be: its URL."""
    settings = new_settings()
    url = served(settings)
    environment = os.environ | {
        "HINDCAST_HOME": str(settings.home_folder),
        "HINDCAST_DATABASE_URL": settings.database_url,
        "HINDCAST_BROKER_URL": settings.broker_url,
        "HINDCAST_SWEEP_SECONDS": "1",
        "HINDCAST_JOB_THREADS": "1",
        "HINDCAST_EMBEDDER_URL": url,
    }
    log = tmp_path_factory.mktemp("worker") / "worker.log"
    worker = Program("worker", Command([sys.executable, "-m", "hindcast_trainer.worker"], log, environment))
    worker.start()
    try:
        question = {"name": "storms", "format": "text", "splits": "80,10,10"}
        httpx.post(f"{url}/v1/corpora", params=question, content=TEXT, timeout=60).raise_for_status()
        yield url
    finally:
        worker.stop()


def test_its_curve_moves_until_it_is_cancelled(look: Look, site: str) -> None:
    page = look(f"{site}/#/jobs?kind=ingest")
    expect(page.get_by_role("row").nth(1)).to_contain_text("succeeded", timeout=TRAINING_MILLISECONDS)
    page.get_by_role("link", name="Post a job").click()
    page.get_by_label("Name").fill("from-the-form")
    for text in ("Train", "Valid", "Test"):
        group = page.get_by_role("group", name=f"{text} text")
        group.get_by_label("Corpus", exact=True).select_option("storms")
        expect(group.get_by_label("Split")).to_have_value(text.lower())
    page.get_by_text("More settings").click()
    page.get_by_label("Epochs").fill("1000")
    page.get_by_role("group", name="Optimizer").locator(".field").filter(has_text="Patience").get_by_label(
        "none"
    ).check()
    page.get_by_role("button", name="Post the job").click()

    expect(page.get_by_role("heading", name="from-the-form")).to_be_visible()
    expect(page.get_by_text("running", exact=True).first).to_be_visible(timeout=TRAINING_MILLISECONDS)
    curve = page.get_by_role("img", name="Perplexity. train: from ")
    expect(curve.locator("canvas")).to_be_visible(timeout=TRAINING_MILLISECONDS)
    expect(page.get_by_role("region", name="Log").first).to_contain_text("tokens to learn")
    so_far = page.get_by_text(re.compile(r"^after \S+ tokens$")).first
    for _ in range(3):  # it goes on growing, without a question to the server but the stream
        told, painted = so_far.inner_text(), curve.screenshot()
        expect(so_far).not_to_have_text(told, timeout=TRAINING_MILLISECONDS)
        _until_it_looks_otherwise(curve, painted)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".heading").get_by_text("cancelled", exact=True)).to_be_visible(timeout=TRAINING_MILLISECONDS)
    expect(page.locator("#announcer")).to_have_text("The job is cancelled now.")
    expect(page.get_by_role("button", name="Retry")).to_be_visible()


def _until_it_looks_otherwise(curve: Locator, painted: bytes) -> None:
    give_up_at = time.monotonic() + TRAINING_MILLISECONDS / 1000
    while curve.screenshot() == painted:
        assert time.monotonic() < give_up_at, "nothing was painted"


def test_a_job_like_another_begins_with_its_settings(look: Look, site: str) -> None:
    page = look(f"{site}/#/jobs/from-the-form")
    page.get_by_role("link", name="Post one like it").click()
    expect(page.get_by_role("group", name="Train text").get_by_label("Split")).to_have_value("train")
    expect(
        page.get_by_role("group", name="Train text").get_by_label("Corpus", exact=True).locator("option:checked")
    ).to_have_text("storms")
    page.get_by_text("More settings").click()
    expect(page.get_by_label("Epochs")).to_have_value("1000")
