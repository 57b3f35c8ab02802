"""Jobs, after months of use and with nothing there: the list, one job, and the form."""

from collections.abc import Callable

import pytest
from browser.filling import EMPTIED_JOB, FAILED_BECAUSE, LONG_JOB, fill
from browser.looking import LOOKS, Look, Scheme, faults, overflows
from playwright.sync_api import Page, expect

from hindcast.settings import Settings

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def used_url(new_settings: Callable[[], Settings], served: Callable[[Settings], str]) -> str:
    """A Hindcast with 1,000 jobs, 100 models and a curve of 100,000 points."""
    settings = new_settings()
    fill(settings.database_url)
    return served(settings)


def rows(page: Page) -> list[str]:
    """What each row of the list says."""
    expect(page.get_by_role("row").nth(1)).to_be_visible()
    return page.get_by_role("row").all_inner_texts()[1:]


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_with_nothing_there_the_list_says_how_to_begin(look: Look, empty_url: str, scheme: Scheme, width: int) -> None:
    page = look(f"{empty_url}/#/jobs", scheme=scheme, width=width)
    expect(page.get_by_role("heading", name="No jobs yet")).to_be_visible()
    assert faults(page) == []
    assert not overflows(page)


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_the_overview_tells_what_failed_and_which_models_there_are(
    look: Look, used_url: str, scheme: Scheme, width: int
) -> None:
    page = look(used_url, scheme=scheme, width=width)
    expect(page.get_by_text("Nothing runs.")).to_be_visible()
    expect(page.get_by_text(FAILED_BECAUSE)).to_have_count(5)
    expect(page.get_by_role("link", name="night-1", exact=True)).to_be_visible()
    assert faults(page) == []
    assert not overflows(page)


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_the_list_is_cut_into_pages(look: Look, used_url: str, scheme: Scheme, width: int) -> None:
    page = look(f"{used_url}/#/jobs", scheme=scheme, width=width)
    first = rows(page)
    assert len(first) == 50
    assert faults(page) == []
    assert not overflows(page)
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_role("link", name="Newest")).to_be_visible()
    assert not set(rows(page)) & set(first)
    page.get_by_role("link", name="Newest").click()
    expect(page.get_by_role("link", name="Newest")).to_be_hidden()
    assert [row.split()[:2] for row in rows(page)] == [row.split()[:2] for row in first]


def test_filters_stay_in_the_address_and_when_turning_pages(look: Look, used_url: str) -> None:
    page = look(f"{used_url}/#/jobs")
    page.get_by_label("Status").select_option("succeeded")
    page.get_by_label("Kind").select_option("word2vec")
    expect(page).to_have_url(f"{used_url}/#/jobs?status=succeeded&kind=word2vec")
    expect(page.get_by_role("cell", name="language model")).to_have_count(0)
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_role("link", name="Newest")).to_be_visible()
    page.reload()
    assert all("succeeded" in row and "word2vec" in row for row in rows(page))
    page.get_by_label("Name", exact=True).press_sequentially("NIGHT-99")
    expect(page.get_by_role("row")).to_have_count(1 + 1)
    expect(page).to_have_url(f"{used_url}/#/jobs?search=NIGHT-99&status=succeeded&kind=word2vec")
    page.get_by_label("Kind").select_option("")
    names = page.get_by_role("rowheader")
    expect(names).to_have_text(["night-99", "night-990", "night-993", "night-996", "night-999"])
    page.get_by_label("Status").select_option("running")
    expect(page.get_by_text("No job is like that.")).to_be_visible()
    page.get_by_role("link", name="Show all jobs").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("")


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_a_long_curve_is_drawn_with_its_figures(look: Look, used_url: str, scheme: Scheme, width: int) -> None:
    page = look(f"{used_url}/#/jobs/{LONG_JOB}", scheme=scheme, width=width)
    curve = page.get_by_role("img", name="Perplexity. train: from ")
    expect(curve.locator("canvas")).to_be_visible()
    expect(page.get_by_text("25,000 words, 50,000,000 tokens to learn")).to_be_visible()
    expect(page.get_by_text("learns corpus news")).to_be_visible()
    page.get_by_text("Figures").first.click()
    expect(page.get_by_role("region", name="Figures").get_by_role("row").last).to_contain_text("50,000,000")
    assert faults(page) == []
    assert not overflows(page)


def test_a_curve_is_painted_in_the_colours_of_its_series(look: Look, used_url: str) -> None:
    look.forgive("willReadFrequently")
    page = look(f"{used_url}/#/jobs/{LONG_JOB}", scheme="dark")
    canvas = page.get_by_role("img", name="Perplexity. train: from ").locator("canvas")
    expect(canvas).to_be_visible()
    train, valid = (  # of the dark style sheet
        canvas.evaluate(
            """(canvas, wanted) => {
              const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
              let found = 0;
              for (let at = 0; at < data.length; at += 4)
                if (wanted.every((part, place) => Math.abs(data[at + place] - part) < 12)) found += 1;
              return found;
            }""",
            colour,
        )
        for colour in ([0xF0, 0xA0, 0x4B], [0x5F, 0xB8, 0xE6])
    )
    assert train > 200
    assert valid > 50


def test_an_error_is_a_sentence_that_says_what_to_do(look: Look, used_url: str) -> None:
    look.forgive("status of 404")
    page = look(f"{used_url}/#/jobs/unicorn")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("There is no job 'unicorn'. It may have been deleted, or the address has a slip.")
    expect(alert.get_by_role("button", name="Try again")).to_be_visible()
    assert faults(page) == []


def test_what_a_job_made_is_no_link_once_it_is_deleted(look: Look, used_url: str) -> None:
    look.forgive("status of 404")
    page = look(f"{used_url}/#/jobs/{EMPTIED_JOB}")
    expect(page.get_by_text("table tab_000000000000gone (deleted)")).to_be_visible()
    expect(page.get_by_role("link", name="tab_000000000000gone")).to_have_count(0)


def test_what_no_name_can_be_is_told_without_asking(look: Look, empty_url: str) -> None:
    page = look(f"{empty_url}/#/jobs")
    expect(page.get_by_role("heading", name="No jobs yet")).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path, said in (
        ("jobs/plain%2Fmetrics", "There is no job 'plain/metrics'."),
        ("jobs/%2E%2E", "There is no job '..'."),
        ("experiments/a%2Fb", "There is no experiment 'a/b'."),
        ("domains/a%2Fb", "There is no set of domains 'a/b'."),
    ):
        page.evaluate("(path) => void (location.hash = `#/${path}`)", path)
        expect(page.get_by_role("alert")).to_contain_text(f"{said} It may have been deleted")
    assert [url for url in asked if "/v1/" in url and not url.endswith("limit=50")] == []


def test_a_failed_job_is_retried_and_cancelled_and_deleted(look: Look, used_url: str) -> None:
    page = look(f"{used_url}/#/jobs?status=failed")
    page.get_by_role("rowheader").first.get_by_role("link").click()
    expect(page.get_by_text(FAILED_BECAUSE).first).to_be_visible()
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("queued").first).to_be_visible()
    expect(page.locator("#announcer")).to_have_text("The job is queued now.")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#announcer")).to_have_text("The job is cancelled now.")
    page.once("dialog", lambda dialog: dialog.accept())
    gone = page.url
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()
    look.forgive("status of 404")
    page.goto(gone)
    expect(page.get_by_role("alert")).to_contain_text("There is no job")


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_what_is_wrong_with_a_posted_job_stands_at_its_field(
    look: Look, used_url: str, scheme: Scheme, width: int
) -> None:
    look.forgive("status of 422")
    page = look(f"{used_url}/#/jobs/new", scheme=scheme, width=width)
    page.get_by_role("button", name="Post the job").click()
    train = page.get_by_role("group", name="Train text")
    expect(train.locator(".reason")).to_contain_text("is required: the text to learn")
    train.get_by_label("Corpus", exact=True).select_option("news")
    page.get_by_text("More settings").click()
    page.get_by_label("Hidden size").fill("many")
    page.get_by_label("Epochs").fill("0")
    page.get_by_text("More settings").click()
    page.get_by_role("button", name="Post the job").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Hidden size must be an integer from 1 to 4096")
    expect(page.get_by_label("Hidden size")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Hidden size")).to_have_accessible_description(
        "must be an integer from 1 to 4096 Of each LSTM layer."
    )
    alert.get_by_role("button", name="Optimizer, epochs").click()
    expect(page.get_by_label("Epochs")).to_be_focused()
    assert faults(page) == []
    assert not overflows(page)


@pytest.mark.parametrize(
    ("kind", "needed"),
    [
        ("domains", ["Corpus text", "K"]),
        ("word2vec", ["Corpus text"]),
        ("lsa", ["Corpus text"]),
        ("bilstm_lm", ["Corpus text"]),
        ("bilstm_domain", ["Corpus text", "Domains"]),
        ("concatenation", ["Tables 1", "Tables 2"]),
    ],
)
def test_each_kind_asks_first_for_what_it_needs(look: Look, used_url: str, kind: str, needed: list[str]) -> None:
    page = look(f"{used_url}/#/jobs/new")
    page.get_by_label("Kind").select_option(kind)
    for name in needed:
        expect(page.locator("label, legend").filter(has_text=f"{name} needed").first).to_be_visible()
    expect(page.get_by_label("Seed")).to_be_hidden()
    assert faults(page) == []


def test_the_request_is_what_was_filled_in_and_nothing_else(look: Look, used_url: str) -> None:
    look.forgive("status of 422")
    page = look(f"{used_url}/#/jobs/new?kind=concatenation")
    page.get_by_label("Tables 1").fill("one")
    page.get_by_label("Tables 2").fill("two")
    page.get_by_role("button", name="Add one").click()
    page.get_by_label("Tables 3").fill("three")
    page.get_by_text("The request as JSON").click()
    request = page.locator(".request code")
    assert "".join(request.inner_text().split()).endswith(
        """'{"kind":"concatenation","tables":["one","two","three"]}'"""
    )
    page.get_by_role("button", name="Post the job").click()
    page.get_by_role("alert").get_by_role("button", name="Tables 2", exact=True).click()
    expect(page.get_by_label("Tables 2")).to_be_focused()
    page.get_by_label("Kind").select_option("language_model")
    page.get_by_label("Type", exact=True).first.select_option("table")
    page.get_by_label("Table needed").fill("one")
    page.get_by_text("More settings").click()
    page.get_by_role("group", name="Optimizer").get_by_label("none").first.check()
    written = "".join(request.inner_text().split())
    assert '"input":{"type":"table","table":"one"}' in written
    assert '"optimizer":{"patience":null}' in written
