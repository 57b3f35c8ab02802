"""The overview and the frame around all pages."""

import pytest
from browser.looking import DESKTOP, LOOKS, Look, Scheme, faults, overflows
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_with_nothing_there_it_says_how_to_begin(look: Look, empty_url: str, scheme: Scheme, width: int) -> None:
    page = look(empty_url, scheme=scheme, width=width)
    expect(page.get_by_role("heading", name="Nothing here yet")).to_be_visible()
    expect(page.get_by_text(f"curl --data-binary @text.txt '{empty_url}/v1/corpora?name=mine")).to_be_visible()
    assert page.title() == "Hindcast"
    assert faults(page) == []
    assert not overflows(page)


def test_an_unknown_page_leads_back(look: Look, empty_url: str) -> None:
    page = look(f"{empty_url}/#/unicorns")
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
    page.get_by_role("link", name="Go to the overview").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()


def test_the_keyboard_skips_the_navigation_and_the_address_stays(look: Look, empty_url: str) -> None:
    page = look(f"{empty_url}/#/")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    assert page.url == f"{empty_url}/#/"


def test_a_chosen_theme_stays(look: Look, empty_url: str) -> None:
    page = look(empty_url, scheme="light", width=DESKTOP)
    button = page.get_by_role("button", name="Theme: auto")
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    button.click()
    page.get_by_role("button", name="Theme: light").click()
    expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()
    assert page.evaluate(colour) != light
    page.reload()
    expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()
    assert page.evaluate(colour) != light


def test_a_server_that_is_away_is_told_and_its_return_too(look: Look, empty_url: str) -> None:
    look.forgive("ERR_INTERNET_DISCONNECTED|ERR_FAILED")
    page = look(empty_url)
    expect(page.get_by_role("heading", name="Nothing here yet")).to_be_visible()
    page.context.set_offline(True)
    expect(page.get_by_text("The server does not answer. What you see may be old")).to_be_visible()
    assert faults(page) == []
    page.context.set_offline(False)
    expect(page.get_by_text("The server does not answer. What you see may be old")).to_be_hidden()
    expect(page.locator("#announcer")).to_have_text("The server answers again.")
