"""Domains: which there are, and what one text is about."""

import httpx
import pytest
from browser.looking import LOOKS, Look, Scheme, faults, overflows
from browser.stocking import CLUSTERS, EXAMPLES_OF_EACH
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_with_no_domains_it_says_how_to_find_some(look: Look, empty_url: str, scheme: Scheme, width: int) -> None:
    page = look(f"{empty_url}/#/domains", scheme=scheme, width=width)
    expect(page.get_by_role("heading", name="No domains yet")).to_be_visible()
    assert faults(page) == []
    assert not overflows(page)


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_clusters_are_shown_with_terms_sizes_and_examples(
    look: Look, stocked_url: str, scheme: Scheme, width: int
) -> None:
    page = look(f"{stocked_url}/#/domains", scheme=scheme, width=width)
    assert not overflows(page)
    page.get_by_role("link", name="topics").click()
    expect(page.get_by_role("heading", name="topics")).to_be_visible()
    clusters = page.locator(".cluster")
    expect(clusters.first).to_contain_text(f"court{CLUSTERS - 1} here")
    expect(clusters.first).to_contain_text(f"{EXAMPLES_OF_EACH + CLUSTERS - 1} paragraphs")
    expect(page.get_by_text("84.7 %")).to_be_visible()
    expect(page.get_by_text("0.494")).to_be_visible()
    expect(page.get_by_role("region", name="Rounds").get_by_role("row").nth(1)).to_contain_text("31")
    expect(page.get_by_text("news", exact=True)).to_be_visible()
    confidence = (1, *(one["confidence"] for one in httpx.get(f"{stocked_url}/v1/domains/topics").json()["clusters"]))
    bar = clusters.first.locator(".bar").nth(1).locator("span")
    assert bar.evaluate("(bar) => bar.clientWidth / bar.parentElement.clientWidth") == pytest.approx(
        confidence[CLUSTERS], abs=0.01
    )
    clusters.first.click()
    examples = page.locator(".examples li")
    expect(examples).to_have_count(5)
    answer = httpx.get(f"{stocked_url}/v1/domains/topics/clusters/{CLUSTERS - 1}/examples").json()
    for place, one in enumerate(answer["items"]):
        expect(examples.nth(place)).to_contain_text(one["text"])
        expect(examples.nth(place)).to_contain_text(f"confidence {one['confidence']:.2f} · label {one['gold']}")
    page.get_by_role("button", name="More examples").click()
    expect(examples).to_have_count(EXAMPLES_OF_EACH)
    expect(page.get_by_role("button", name="More examples")).to_be_hidden()
    page.get_by_label("With the term").fill("court7")  # axe looks at each of them
    expect(clusters).to_have_count(5)
    assert faults(page) == []
    assert not overflows(page)


def test_clusters_are_found_by_a_term_and_put_in_order(look: Look, stocked_url: str) -> None:
    page = look(f"{stocked_url}/#/domains/topics")
    clusters = page.locator(".cluster")
    expect(clusters).to_have_count(60)
    page.get_by_role("button", name=f"Show all {CLUSTERS}").click()
    expect(clusters).to_have_count(CLUSTERS)
    page.get_by_label("Order").select_option("the surest first")
    expect(clusters.first).to_contain_text("storm0")
    page.get_by_label("With the term").press_sequentially("storm3")
    expect(clusters).to_have_count(5)  # storm3, and four of thirty-odd
    expect(page.get_by_label("With the term")).to_be_focused()
    page.reload()
    expect(clusters).to_have_count(5)
    page.get_by_label("With the term").fill("unicorn")
    expect(page.get_by_text("No cluster has a term that begins so.")).to_be_visible()


def test_domains_that_are_not_there_are_told_in_a_sentence(look: Look, stocked_url: str) -> None:
    look.forgive("status of 404")
    page = look(f"{stocked_url}/#/domains/unicorns")
    expect(page.get_by_role("alert")).to_contain_text("'unicorns'")
    expect(page.get_by_role("alert")).to_contain_text("It may have been deleted, or the address has a slip.")
    assert faults(page) == []
