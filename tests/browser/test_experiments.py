"""Experiments: the list, and one as chart and table."""

import re
from collections.abc import Callable
from statistics import mean, stdev
from typing import Any

import httpx
import pytest
from browser.looking import DESKTOP, LOOKS, Look, Scheme, faults, overflows
from browser.made_experiments import (
    CHANGES,
    FAILED_BECAUSE,
    OVERLAP,
    PERPLEXITIES,
    RUNNING,
    TABLE,
    UNSURE,
    make_experiments,
)
from playwright.sync_api import Page, expect

from hindcast.settings import Settings

pytestmark = pytest.mark.browser

WORD2VEC, LSA = "word2vec", "latent semantic analysis of the whole text"

CROSSED = """(chart) => {
  const lines = [...chart.querySelectorAll("line")].map((line) => line.getBoundingClientRect());
  return [...chart.querySelectorAll("text:not([text-anchor=middle])")].filter((text) => {
    const { left, right, top, bottom } = text.getBoundingClientRect();
    return lines.some((line) => line.x > left && line.x < right && line.top < bottom - 1 && line.bottom > top + 1);
  }).map((text) => text.textContent);
}"""
"""The names and figures of a chart that its lines go through."""


@pytest.fixture(scope="module")
def site(new_settings: Callable[[], Settings], served: Callable[[Settings], str]) -> str:
    """A Hindcast with an experiment that has ended and one that runs."""
    settings = new_settings()
    make_experiments(settings.database_url)
    return served(settings)


def opened(look: Look, site: str, name: str, **how: Any) -> Page:
    """One experiment's page."""
    page = look(f"{site}/#/experiments/{name}", **how)
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    return page


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_with_nothing_there_the_list_says_how_to_begin(look: Look, empty_url: str, scheme: Scheme, width: int) -> None:
    page = look(f"{empty_url}/#/experiments", scheme=scheme, width=width)
    expect(page.get_by_role("heading", name="No experiments yet")).to_be_visible()
    expect(page.get_by_text(f"curl {empty_url}/v1/experiments --json")).to_be_visible()
    assert faults(page) == []
    assert not overflows(page)


def test_what_is_said_to_begin_with_can_be_posted(look: Look, empty_url: str) -> None:
    page = look(f"{empty_url}/#/experiments")
    command = page.get_by_label("A first experiment").inner_text()
    posted = httpx.post(
        f"{empty_url}/v1/experiments",
        content=command.split("--json '")[1].removesuffix("'"),
        headers={"Content-Type": "application/json"},
    )
    # The form is right: what is missing is the corpus.
    assert posted.status_code == 422
    assert {error["message"] for error in posted.json()["errors"]} == {"there is no corpus 'mine'"}


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_the_list_says_how_far_each_is(look: Look, site: str, scheme: Scheme, width: int) -> None:
    page = look(f"{site}/#/experiments", scheme=scheme, width=width)
    expect(page.get_by_role("row").nth(1)).to_contain_text(re.compile(rf"running\s*{RUNNING}"))
    expect(page.get_by_role("row").nth(2)).to_contain_text(re.compile(rf"succeeded\s*{TABLE}"))
    if width == DESKTOP:
        expect(page.get_by_text("8 of 16 jobs have ended")).to_be_visible()
    assert faults(page) == []
    assert not overflows(page)
    page.get_by_role("link", name=TABLE).click()
    expect(page.get_by_role("heading", name=TABLE, exact=True)).to_be_visible()


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_the_table_has_the_answers_figures(look: Look, site: str, scheme: Scheme, width: int) -> None:
    page = opened(look, site, TABLE, scheme=scheme, width=width)
    row = page.get_by_role("row").filter(has=page.get_by_role("button", name=WORD2VEC))
    figures, base = PERPLEXITIES[WORD2VEC], PERPLEXITIES["no pre-training"]
    expect(row).to_contain_text(f"{mean(figures):.1f} ± {stdev(figures):.1f}")
    expect(row).to_contain_text(f"−{100 * (1 - sum(figures) / sum(base)):.1f} % [−14.0, −11.0]")
    if width == DESKTOP:
        for told in ("news-0 and 4 more", "sentence", "162.0", "< 0.001", "800", "892"):
            expect(row).to_contain_text(told)
    expect(page.get_by_text(f"{WORD2VEC}, {LSA}: {OVERLAP}")).to_be_visible()
    expect(page.get_by_text("the median over 300 topical words")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="bi-LSTM")).to_contain_text(FAILED_BECAUSE)
    row.get_by_role("button", name=WORD2VEC).click()
    details = page.locator(".details")
    for figure in figures:
        expect(details.get_by_role("cell", name=f"{figure:.1f}", exact=True)).to_be_visible()
    for told in ("news-0, news-1, news-2, news-3, news-4", "80.0 to 95.0", "8.5 %", "4,047,632"):
        expect(details.get_by_text(told)).to_be_visible()
    expect(details.get_by_role("link", name="language model")).to_have_count(3)
    for statistics in ("interval", "comparison"):
        expect(details.get_by_role("link", name=statistics, exact=True)).to_have_count(1)
    expect(details.get_by_role("listitem").filter(has_text="topical probe")).to_contain_text(
        [f"seed {n}" for n in (1, 2, 3)]
    )
    assert faults(page) == []
    assert not overflows(page)


def test_a_row_leads_to_its_jobs_and_the_models_to_words(look: Look, site: str) -> None:
    page = opened(look, site, TABLE)
    page.get_by_role("button", name=WORD2VEC).click()
    page.get_by_role("link", name=WORD2VEC).click()
    expect(page.get_by_text("succeeded", exact=True).first).to_be_visible()
    answer = httpx.get(f"{site}/v1/experiments/{TABLE}").json()
    row = next(row for row in answer["rows"] if row["label"] == WORD2VEC)
    assert page.url == f"{site}/#/jobs/{row['jobs'][0]}"
    page.go_back()
    firsts = [row["models"][0] for row in answer["rows"] if row["models"]]
    words = page.get_by_role("link", name="Ask its models about words in context")
    expect(words).to_have_attribute("href", f"#/words?models={'%2C'.join(firsts)}")
    for name, kind in {"Markdown": "text/markdown", "CSV": "text/csv", "JSON": "application/json"}.items():
        file = httpx.get(str(page.get_by_role("link", name=name, exact=True).get_attribute("href")))
        assert (file.status_code, file.headers["content-type"].split(";")[0]) == (200, kind)


def test_jobs_of_experiments_are_listed_apart_and_called_by_row_and_seed(look: Look, site: str) -> None:
    page = look(f"{site}/#/jobs?status=running")
    page.get_by_label("Show").select_option("single jobs")
    expect(page.get_by_text("No job is like that.")).to_be_visible()
    page.get_by_label("Show").select_option("jobs of experiments")
    page.get_by_role("link", name=f"{RUNNING}: {WORD2VEC}, seed 1", exact=True).click()
    expect(page.get_by_role("heading", name=f"{RUNNING}: {WORD2VEC}, seed 1", exact=True)).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_chart_has_each_mark_at_its_figure(look: Look, site: str, width: int) -> None:
    page = opened(look, site, TABLE, width=width)
    chart = page.get_by_role("img", name=re.compile("^Changes to the baseline: word2vec −12.5 %; latent"))
    expect(chart).to_be_visible()
    assert chart.evaluate(CROSSED) == []
    ticks = chart.locator("line").evaluate_all("lines => lines.map((line) => Number(line.getAttribute('x1')))")
    names = chart.locator("text.quiet[text-anchor=middle]").all_text_contents()
    values = [float(name.replace("−", "-").replace(" %", "")) / 100 for name in names]
    scale = (values[-1] - values[0]) / (ticks[-1] - ticks[0])

    def value(x: float) -> float:
        return values[0] + (x - ticks[0]) * scale

    circles = chart.locator("circle").evaluate_all("marks => marks.map((mark) => Number(mark.getAttribute('cx')))")
    base = sum(PERPLEXITIES["no pre-training"])
    changes = [sum(PERPLEXITIES[label]) / base - 1 for label in (WORD2VEC, LSA)]
    assert [value(x) for x in circles] == pytest.approx(changes, abs=1e-6)
    paths = chart.locator("path.interval").evaluate_all("paths => paths.map((path) => path.getAttribute('d'))")
    ends = [[value(float(x)) for x in re.findall(r"^M(\S+) \S+?H([\d.]+)M", path)[0]] for path in paths]
    assert ends == [pytest.approx(CHANGES[label][:2], abs=1e-6) for label in (WORD2VEC, LSA)]
    diamonds = chart.locator("path.paper").evaluate_all("paths => paths.map((path) => path.getAttribute('d'))")
    papers = [value(float(re.findall(r"^M(\S+) ", path)[0])) for path in diamonds]
    assert papers == pytest.approx([162 / 189 - 1, 185 / 189 - 1], abs=1e-6)
    expect(chart.get_by_text("failed")).to_be_visible()


def test_a_model_with_a_long_name_is_chosen_on_a_phone(look: Look, site: str) -> None:
    page = look(f"{site}/#/rescoring", width=390)
    expect(page.get_by_label("Model", exact=True).locator("option", has_text=f"{LSA}, seed 3")).to_have_count(1)
    assert not overflows(page)


def test_an_unknown_experiment_is_a_sentence(look: Look, site: str) -> None:
    look.forgive("status of 404")
    page = look(f"{site}/#/experiments/unicorn")
    expect(page.get_by_role("alert")).to_contain_text("There is no experiment 'unicorn'. It may have been deleted")
    assert faults(page) == []


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_one_that_runs_shows_what_is_known(look: Look, site: str, scheme: Scheme, width: int) -> None:
    page = opened(look, site, RUNNING, scheme=scheme, width=width)
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.get_by_text("8 of 16 jobs have ended")).to_be_visible()
    row = page.get_by_role("row").filter(has_text=WORD2VEC)
    expect(row).to_contain_text("running")
    expect(page.get_by_role("img", name="Changes to the baseline")).to_have_count(0)
    page.get_by_role("button", name="no pre-training").click()
    expect(page.locator(".details").get_by_role("cell", name="28,553", exact=True)).to_have_count(3)
    assert faults(page) == []
    assert not overflows(page)


def test_one_is_cancelled_retried_and_deleted(look: Look, site: str) -> None:
    look.forgive("status of 409")
    page = opened(look, site, RUNNING)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#announcer")).to_have_text("The experiment is cancelled now.")
    page.get_by_role("button", name="Retry what failed").click()
    expect(page.get_by_role("alert")).to_contain_text("is still being stopped: try in a moment.")
    page = opened(look, site, TABLE)
    page.get_by_role("button", name="Retry what failed").click()
    expect(page.locator("#announcer")).to_have_text("The experiment is running now.")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#announcer")).to_have_text("The experiment is cancelled now.")
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="Experiments", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name=TABLE)).to_have_count(0)


def test_intervals_that_failed_are_taken_again(look: Look, site: str) -> None:
    page = opened(look, site, UNSURE)
    expect(page.get_by_text(f"word2vec has no interval of its change: {FAILED_BECAUSE}")).to_be_visible()
    page.get_by_role("button", name="Retry what failed").click()
    expect(page.locator("#announcer")).to_have_text("The experiment is running now.")
    expect(page.get_by_role("button", name="Retry what failed")).to_have_count(0)


def test_halves_are_rounded_as_in_the_table_of_the_server(look: Look, empty_url: str) -> None:
    ranks = [0.5, 1.5, 648.5, 649.5, 28_552.5]
    shown = look(empty_url).evaluate(
        """async (ranks) => {
          const { count } = await import(new URL("dashboard/figures.js", document.baseURI));
          return ranks.map(count);
        }""",
        ranks,
    )
    assert shown == [f"{rank:,.0f}" for rank in ranks]
