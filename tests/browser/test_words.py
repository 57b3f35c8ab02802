"""Word in context: what the page shows is what the API says of the same words."""

import itertools
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from browser.asked_models import SPOKEN, WORDS, packed_model
from browser.looking import LOOKS, PHONE, Look, Scheme, faults, overflows
from playwright.sync_api import Locator, Page, expect

from hindcast.settings import Settings

pytestmark = pytest.mark.browser

PASSAGE = "The storm was near. Families told the navy that they don't leave."
AWKWARD = (
    "  “The high-winds storm was near”, they told.\u00a0The navy — ready:\n"
    "families don’t leave (or do)!\n\nE\u0301 the "
)
"""Quotes, a hyphen, a curly apostrophe, two letters that compose one, paragraphs, and no end."""
VOCABULARY_SIZE = len(WORDS) + 2  # <unk> and </s>
ENOUGH_CONTRAST = 4.5
LEVELS = 8
LOW = 600
"""Height of a phone's window below the browser's bars."""


@pytest.fixture(scope="module")
def site(
    new_settings: Callable[[], Settings], served: Callable[[Settings], str], tmp_path_factory: pytest.TempPathFactory
) -> str:
    """A Hindcast with three models: `spoken` reads lower case without punctuation, the others read as people write."""
    url = served(new_settings())
    for name, body in (
        ("spoken", packed_model(tmp_path_factory.mktemp("spoken"), words=SPOKEN, pipeline="asr", seed=3)),
        ("first", packed_model(tmp_path_factory.mktemp("first"), seed=1)),
        ("second", packed_model(tmp_path_factory.mktemp("second"), seed=2)),
    ):
        httpx.post(f"{url}/v1/models", params={"name": name}, content=body, timeout=60).raise_for_status()
    return url


def asked(url: str, path: str, body: dict[str, Any]) -> Any:
    """The API's own answer."""
    return httpx.post(f"{url}/v1/{path}", json=body, timeout=60).raise_for_status().json()


def tokens(url: str, model: str, text: str = PASSAGE) -> list[dict[str, Any]]:
    """What a model says of each token."""
    body = {"texts": [text], "detail": "token", "top": 5}
    found: list[dict[str, Any]] = asked(url, f"models/{model}/perplexity", body)["texts"][0]["tokens"]
    return found


def opened(look: Look, url: str, models: str, *, text: str = PASSAGE, more: str = "", **how: Any) -> Page:
    """The page, its words coloured."""
    page = look(f"{url}/#/words?models={models}&text={quote(text)}{more}", **how)
    expect(page.get_by_role("toolbar")).to_be_visible()
    return page


def word(page: Page, number: int) -> Locator:
    """One token of the passage."""
    return page.get_by_role("toolbar").get_by_role("button").nth(number)


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_without_a_model_it_says_how_to_get_one(look: Look, empty_url: str, scheme: Scheme, width: int) -> None:
    page = look(f"{empty_url}/#/words", scheme=scheme, width=width)
    expect(page.get_by_role("heading", name="No model yet")).to_be_visible()
    expect(page.get_by_role("link", name="Train one")).to_have_attribute("href", "#/jobs/new")
    assert faults(page) == []
    assert not overflows(page)


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_the_hurricane_passage_is_a_click_away(look: Look, site: str, scheme: Scheme, width: int) -> None:
    page = look(f"{site}/#/words", scheme=scheme, width=width)
    assert faults(page) == []
    page.get_by_role("button", name="The hurricane passage").click()
    expect(page.get_by_role("button", name="what next?")).to_have_attribute("aria-pressed", "true")
    passage = page.get_by_label("Passage", exact=True).input_value()
    assert "Mexico" in passage
    assert "hurricane" not in passage
    ranks = page.get_by_role("list", name="Ranks of hurricane").get_by_role("listitem")
    body = {"models": ["second", "first"], "context": passage, "words": ["hurricane"]}
    for number, answer in enumerate(asked(site, "rank", body)["models"]):
        expect(ranks.nth(number)).to_contain_text(
            re.compile(rf"^{answer['name']}\s*rank {answer['ranks'][0]['rank']}\b")
        )
    expect(ranks.nth(2)).to_contain_text("28,553")
    expect(page.get_by_text("Unknown to this model, and scored as <unk>: Schools.")).to_be_visible()
    assert faults(page) == []
    assert not overflows(page)


def test_each_word_tells_its_surprisal_rank_and_what_was_expected(look: Look, site: str) -> None:
    page = opened(look, site, "first")
    told = tokens(site, "first")
    expect(page.get_by_role("toolbar").get_by_role("button")).to_have_count(len(told))
    for number in (1, 3, 7):
        word(page, number).hover()
        card = page.locator("#word-card")
        expect(card.get_by_role("heading")).to_have_text(told[number]["token"])
        bits = -told[number]["logprob"] / math.log(2)
        expect(card).to_contain_text(f"Rank {told[number]['rank']} of {VOCABULARY_SIZE} · {bits:.1f} bits")
        likely = card.get_by_role("rowheader").all_inner_texts()
        names = {"<unk>": "unknown word", "</s>": "⏎ end"}
        assert likely == [names.get(top["word"], top["word"]) for top in told[number]["top"]]
    page.mouse.move(1, 1)
    expect(card).to_contain_text("Point at a word")


def test_the_keyboard_goes_from_word_to_word_and_asks_why_not(look: Look, site: str) -> None:
    page = opened(look, site, "first,second")
    word(page, 0).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(word(page, 2)).to_be_focused()
    expect(page.locator("#word-card").get_by_role("heading")).to_have_text("was")
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("toolbar").get_by_role("button").last).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(word(page, 1)).to_have_attribute("aria-pressed", "true")
    another = page.get_by_label("Another word for this place")
    another.fill("navy")
    another.press("Enter")
    another.fill("unicorn")
    another.press("Enter")
    expect(page.get_by_role("list", name="Ranks of unicorn").get_by_text("not in its vocabulary")).to_have_count(2)
    answers = asked(site, "rank", {"models": ["first", "second"], "context": "The", "words": ["storm", "navy"]})
    for place, name in enumerate(("storm", "navy")):
        rows = page.get_by_role("list", name=f"Ranks of {name}").get_by_role("listitem")
        for number, answer in enumerate(answers["models"]):
            expect(rows.nth(number).get_by_role("strong")).to_have_text(str(answer["ranks"][place]["rank"]))
    shared = page.url
    page.goto("about:blank")
    page.goto(shared)
    expect(page.get_by_role("list", name="Ranks of navy")).to_be_visible()
    expect(word(page, 1)).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="No longer ask for navy").click()
    expect(page.get_by_role("list", name="Ranks of navy")).to_be_hidden()
    assert "unicorn" in page.url
    assert "navy" not in page.url.split("words=")[1]


@pytest.mark.parametrize("model", ["first", "spoken"])
def test_every_word_has_the_rank_that_it_has_in_its_sentence(look: Look, site: str, model: str) -> None:
    """Also where a sentence begins, where one ends, and where the pipeline changed the text."""
    page = opened(look, site, model, text=AWKWARD)
    for number, told in enumerate(tokens(site, model, AWKWARD)[:-1]):
        word(page, number).click()
        expect(word(page, number)).to_have_attribute("aria-pressed", "true")
        rows = page.get_by_role("region", name="Why not?").get_by_role("listitem")
        expected = "not in its vocabulary" if told["oov"] else re.compile(rf"rank {told['rank']}\b")
        expect(rows).to_contain_text(expected)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_differ_in_lightness_and_can_be_read_on(look: Look, site: str, scheme: Scheme) -> None:
    page = opened(look, site, "first", scheme=scheme)
    ink = luminance(page.locator(".scale span").first.evaluate("node => getComputedStyle(node).color"))
    swatches = [page.locator(f".scale .level-{level}") for level in range(LEVELS)]
    papers = [luminance(each.evaluate("node => getComputedStyle(node).backgroundColor")) for each in swatches]
    assert min(contrast(ink, paper) for paper in papers) >= ENOUGH_CONTRAST
    steps = [before / after for before, after in itertools.pairwise(papers)]
    assert all(step > 1.08 for step in steps) if scheme == "light" else all(step < 0.92 for step in steps)
    for number, told in enumerate(tokens(site, "first")):
        level = min(LEVELS - 1, int(-told["logprob"] / math.log(2) / 2))
        expect(word(page, number)).to_have_class(re.compile(r"\boov\b" if told["oov"] else rf"\blevel-{level}\b"))


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2) of `rgb(…)`."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: float, other: float) -> float:
    """Of two luminances."""
    low, high = sorted((one, other))
    return (high + 0.05) / (low + 0.05)


def test_models_that_read_differently_are_warned_of_and_each_shows_its_tokens(look: Look, site: str) -> None:
    look.forgive("status of 422")
    page = opened(look, site, "first,spoken")
    warnings = asked(site, "rank", {"models": ["first", "spoken"], "context": "", "words": ["the"]})["warnings"]
    assert len(warnings) == 2
    for warning in warnings:
        expect(page.get_by_text(warning)).to_be_visible()
    expect(word(page, 4)).to_have_text(".")
    page.get_by_label("spoken", exact=True).check()
    expect(word(page, 4)).to_have_text("⏎")
    word(page, 11).click()
    rows = page.get_by_role("list", name="Ranks of don't").get_by_role("listitem")
    expect(rows.nth(0)).to_contain_text("Word: must be one word, but the pipeline plain makes 2 (do, n't)")
    expect(rows.nth(1)).to_contain_text(re.compile(r"rank \d"))
    assert faults(page) == []


def test_a_model_that_is_gone_is_told_and_the_others_answer(look: Look, site: str) -> None:
    look.forgive("status of 404")
    page = opened(look, site, "first,unicorn")
    expect(page.get_by_text("There is no model 'unicorn'.").first).to_be_visible()
    page.get_by_label("unicorn", exact=True).check()
    expect(page.get_by_role("alert")).to_contain_text("There is no model 'unicorn'.")
    assert faults(page) == []
    page.get_by_role("button", name="Remove unicorn").click()
    expect(page.get_by_role("toolbar")).to_be_visible()
    expect(page.get_by_text("unicorn")).to_have_count(0)


def test_models_are_added_and_a_passage_is_needed(look: Look, site: str) -> None:
    page = look(f"{site}/#/words?models=first")
    page.get_by_role("button", name="Colour the words").click()
    expect(page.get_by_text("A passage is needed")).to_be_visible()
    expect(page.get_by_label("Passage", exact=True)).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Passage", exact=True).fill("The storm\nwas near")
    page.get_by_label("Passage", exact=True).press("Control+Enter")
    expect(page.get_by_role("toolbar").locator(".new-line")).to_have_text("was")
    page.get_by_label("Add a model").select_option("second")
    row = page.get_by_role("row").filter(has_text="second")
    figures = asked(site, "models/second/perplexity", {"texts": ["The storm\nwas near"]})
    expect(row.get_by_role("cell").first).to_have_text(f"{figures['perplexity']:.1f}")


def test_a_pasted_passage_that_is_cut_says_so(look: Look, site: str) -> None:
    page = look(f"{site}/#/words?models=first")
    passage = page.get_by_label("Passage", exact=True)
    cut = "What you gave was cut: a passage has at most 8,000 characters."
    said = page.get_by_role("main").get_by_text(cut)
    passage.fill("storm " * 700)
    for key in ("Control+a", "Control+c", "End", "Control+v"):
        passage.press(key)
    assert len(passage.input_value()) == 8000
    expect(passage).to_have_accessible_description(re.compile(re.escape(cut)))
    expect(page.locator("#announcer")).to_contain_text(cut)
    expect(said).to_be_visible()
    assert faults(page) == []
    passage.fill("storm")
    expect(said).to_be_hidden()
    for key in ("Control+a", "Control+c", "End", "Control+v"):
        passage.press(key)
    assert passage.input_value() == "stormstorm"
    expect(said).to_be_hidden()
    page.keyboard.insert_text("storm " * 1400)
    assert len(passage.input_value()) == 8000
    expect(said).to_be_visible()


def test_several_words_are_asked_for_at_once_and_what_is_wrong_is_said_once(look: Look, site: str) -> None:
    look.forgive("status of 422")
    page = opened(look, site, "first,second", more="&at=4")
    another = page.get_by_label("Another word for this place")
    another.fill("navy, families unicorn,")
    another.press("Enter")
    for name in ("navy", "families", "unicorn"):
        expect(page.get_by_role("list", name=f"Ranks of {name}", exact=True)).to_be_visible()
    asked_for = page.locator(".ranked")
    expect(asked_for.filter(has=page.get_by_role("list", name="Ranks of navy")).locator(".decades")).to_have_count(1)
    expect(asked_for.filter(has=page.get_by_role("list", name="Ranks of unicorn")).locator(".decades")).to_have_count(0)
    another.fill("don't")
    another.press("Enter")
    wrong = page.get_by_role("list", name="Ranks of don't").get_by_role("listitem")
    expect(wrong).to_have_count(1)
    expect(wrong).to_contain_text(re.compile(r"^first, second\s*Word: must be one word"))


def test_on_a_phone_the_coloured_words_are_scrolled_to(look: Look, site: str) -> None:
    page = look(f"{site}/#/words?models=first", width=PHONE, touch=True)
    page.set_viewport_size({"width": PHONE, "height": LOW})
    page.get_by_label("Passage", exact=True).fill(PASSAGE)
    page.get_by_role("button", name="Colour the words").click()
    expect(word(page, 0)).to_be_in_viewport()
    expect(page.locator("#word-card")).to_have_text(
        "Tap a word to see its rank and what was expected.", use_inner_text=True
    )
    card = page.locator("#word-card").bounding_box()
    assert card is not None
    assert card["height"] < 60
    word(page, 1).tap()
    expect(page.locator("#word-card").get_by_role("heading")).to_have_text("storm")


def test_models_with_a_name_are_asked_before_newer_ones_without(
    look: Look, new_settings: Callable[[], Settings], served: Callable[[Settings], str], tmp_path: Path
) -> None:
    url = served(new_settings())
    ids = {}
    for seed, name in enumerate(("older", "newer", None, None), start=1):
        (tmp_path / str(seed)).mkdir()
        asked = {} if name is None else {"name": name}
        body = packed_model(tmp_path / str(seed), seed=seed)
        ids[seed] = (
            httpx.post(f"{url}/v1/models", params=asked, content=body, timeout=60).raise_for_status().json()["id"]
        )
    page = look(f"{url}/#/words")
    radios = page.get_by_role("radio")
    expect(radios).to_have_count(2)
    for number, name in enumerate(("newer", "older")):
        expect(radios.nth(number)).to_have_accessible_name(name)
    page.goto(f"{url}/#/rescoring")
    expect(page.get_by_label("Model", exact=True)).to_have_value(ids[2])
    for seed in (1, 2):
        httpx.delete(f"{url}/v1/models/{ids[seed]}").raise_for_status()
    page = look(f"{url}/#/words")
    for number, seed in enumerate((4, 3)):
        expect(page.get_by_role("radio").nth(number)).to_have_accessible_name(ids[seed])
