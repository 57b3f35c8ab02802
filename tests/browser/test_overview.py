"""The overview and the frame around all pages."""

import pytest
from browser.looking import DESKTOP, LOOKS, PHONE, Look, Scheme, faults, overflows
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_with_nothing_there_it_says_how_to_begin(look: Look, empty_url: str, scheme: Scheme, width: int) -> None:
    page = look(empty_url, scheme=scheme, width=width)
    expect(page.get_by_role("heading", name="Nothing here yet")).to_be_visible()
    expect(page.get_by_text(f"curl --data-binary @text.txt '{empty_url}/v1/corpora?name=mine")).to_be_visible()
    assert page.title() == "Hindcast"
    assert faults(page) == []
    assert not overflows(page)
    command = page.locator("pre").first
    assert command.evaluate("(pre) => pre.scrollWidth <= pre.clientWidth")  # it is read whole


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


def test_a_page_not_seen_before_comes_once_the_server_is_back(look: Look, empty_url: str) -> None:
    look.forgive("ERR_INTERNET_DISCONNECTED|ERR_FAILED")
    page = look(empty_url)
    expect(page.get_by_role("heading", name="Nothing here yet")).to_be_visible()
    page.context.set_offline(True)
    page.get_by_role("link", name="Experiments").click()
    expect(page.get_by_text("This page could not be loaded; it will be once the server answers.")).to_be_visible()
    page.context.set_offline(False)
    expect(page.get_by_role("heading", name="No experiments yet")).to_be_visible()
    assert page.url == f"{empty_url}/#/experiments"


def test_what_was_sent_while_the_server_was_away_is_sent_again_by_its_button(look: Look, empty_url: str) -> None:
    look.forgive("ERR_INTERNET_DISCONNECTED|ERR_FAILED|status of 422")
    page = look(f"{empty_url}/#/jobs/new")
    post = page.get_by_role("button", name="Post the job")
    expect(post).to_be_enabled()
    page.context.set_offline(True)
    post.click()
    said = page.get_by_text("See whether it still runs, then press the button again.")
    expect(said).to_be_visible()
    page.context.set_offline(False)
    expect(said).to_be_hidden()
    post.click()
    expect(page.get_by_text("The job was not posted. What to mend:")).to_be_visible()


def test_one_banner_says_that_the_server_is_away(look: Look, stocked_url: str) -> None:
    look.forgive("ERR_INTERNET_DISCONNECTED|ERR_FAILED|willReadFrequently")
    page = look(f"{stocked_url}/#/embeddings")
    word = page.get_by_label("Word", exact=True)
    expect(word).to_be_visible()
    page.context.set_offline(True)
    word.fill("storm7")
    word.press("Enter")
    expect(page.get_by_text("does not answer")).to_have_count(1)
    expect(page.get_by_role("heading", name="coast")).to_be_visible()
    page.context.set_offline(False)
    expect(page.get_by_role("heading", name="coast").locator("..").get_by_role("listitem")).to_have_count(10)
    expect(page.get_by_text("does not answer")).to_have_count(0)


SETTLED_MILLISECONDS = 400
PAGES = (
    ("words?text=the+storm", "region", "Models"),
    ("embeddings?word=storm7", "region", "Neighbours of storm7"),
    ("rescoring", "form", "Lists to rescore"),
    ("domains/topics", "region", "Rounds"),
    ("embeddings/map?tables=coast&word=storm7", "heading", "Nearest to storm7"),
    ("jobs", "heading", "Jobs"),
    ("experiments", "heading", "Experiments"),
)
"""Each page, and what is there once it is drawn."""
_STYLES = """() => [...document.querySelectorAll("main *")].map((node) => {
  const drawn = getComputedStyle(node);
  const told = ["position", "display", "padding", "margin", "border", "maxHeight", "backgroundColor", "fontSize"];
  return [node.tagName, node.className, ...told.map((name) => drawn[name])].join(" ");
})"""


def styles(page: Page, role: str, name: str) -> list[str]:
    """How each element of the page is drawn, once all answers are there."""
    expect(page.get_by_role(role, name=name).first).to_be_visible()  # type: ignore[arg-type]
    before: list[str] = []
    while True:  # answers may still come in
        expect(page.locator("main [aria-busy]")).to_have_count(0)
        found: list[str] = page.evaluate(_STYLES)
        if found == before:
            return found
        before = found
        page.wait_for_timeout(SETTLED_MILLISECONDS)


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_a_page_looks_the_same_whichever_were_seen_before(look: Look, stocked_url: str, width: int) -> None:
    look.forgive("willReadFrequently")
    walking = look(f"{stocked_url}/#/", width=width)
    expect(walking.get_by_role("heading", name="Overview")).to_be_visible()
    fresh = {path: styles(look(f"{stocked_url}/#/{path}", width=width), role, name) for path, role, name in PAGES}
    for path, role, name in (*PAGES, *PAGES):  # the second time every sheet has been loaded
        walking.evaluate("(path) => void (location.hash = `#/${path}`)", path)
        assert styles(walking, role, name) == fresh[path], path


def test_the_words_before_a_link_are_apart_from_it(look: Look, empty_url: str) -> None:
    for path, sentence in (
        ("jobs/new", "There is no corpus yet, and a job needs one. How to send a text"),
        ("rescoring", "what a speech recogniser heard. Train a model, then"),
    ):
        expect(look(f"{empty_url}/#/{path}").get_by_role("main")).to_contain_text(sentence)
