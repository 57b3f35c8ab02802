"""Embeddings: neighbours and analogies side by side, the map, coverage and scores."""

import re

import httpx
import pytest
from browser.looking import DESKTOP, LOOKS, Look, Scheme, faults, overflows
from browser.stocking import MODEL
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_with_no_tables_it_says_how_to_get_one(look: Look, empty_url: str, scheme: Scheme, width: int) -> None:
    page = look(f"{empty_url}/#/embeddings", scheme=scheme, width=width)
    expect(page.get_by_role("heading", name="No tables yet")).to_be_visible()
    expect(page.get_by_text(f"'{empty_url}/v1/tables?name=mine")).to_be_visible()
    assert faults(page) == []
    assert not overflows(page)


def in_column(page: Page, table: str) -> list[str]:
    """The words that a table's list has."""
    column = page.locator(".of-table").filter(has=page.get_by_role("heading", name=table, exact=True))
    expect(column.get_by_role("listitem").first).to_be_visible()
    return column.get_by_role("button").all_inner_texts()


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_neighbours_of_a_word_stand_side_by_side(look: Look, stocked_url: str, scheme: Scheme, width: int) -> None:
    page = look(f"{stocked_url}/#/embeddings?word=storm7", scheme=scheme, width=width)
    for table in ("coast", "inland"):
        answer = httpx.post(f"{stocked_url}/v1/tables/{table}/neighbors", json={"word": "storm7", "k": 10}).json()
        assert in_column(page, table) == [one["word"] for one in answer["neighbors"]]
    expect(page.locator("#announcer")).to_have_text("Neighbours of storm7: 2 of 2 tables answered")
    assert faults(page) == []
    assert not overflows(page)


def test_a_word_is_suggested_asked_for_and_its_neighbour_too(look: Look, stocked_url: str) -> None:
    look.forgive("status of 422")
    page = look(f"{stocked_url}/#/embeddings")
    page.get_by_text("Such as").get_by_role("button").first.click()
    expect(page.get_by_label("Word", exact=True)).not_to_have_value("")
    page.get_by_label("Word", exact=True).fill("tiger")
    page.get_by_label("Word", exact=True).press("Enter")
    assert in_column(page, "coast")
    expect(page.get_by_text("Word: 'tiger' is not in the table.")).to_be_visible()  # of the other
    page.get_by_role("checkbox", name="inland").uncheck()
    expect(page.get_by_text("'tiger' is not in the table")).to_be_hidden()
    next_word = in_column(page, "coast")[0]
    page.get_by_role("button", name=next_word, exact=True).click()
    expect(page.get_by_label("Word", exact=True)).to_have_value(next_word)
    page.go_back()
    expect(page.get_by_label("Word", exact=True)).to_have_value("tiger")


def test_an_analogy_is_answered_by_each_table(look: Look, stocked_url: str) -> None:
    look.forgive("status of 422")
    page = look(f"{stocked_url}/#/embeddings")
    form = page.get_by_role("form", name="Analogy")
    for place, word in (("First", "storm1"), ("Second", "court1"), ("Third", "storm2")):
        form.get_by_label(f"{place} word").fill(word)
    form.get_by_role("button", name="Ask").click()
    asked = {"positive": ["court1", "storm2"], "negative": ["storm1"], "k": 10}
    for table in ("coast", "inland"):
        answer = httpx.post(f"{stocked_url}/v1/tables/{table}/analogy", json=asked).json()
        assert in_column(page, table) == [one["word"] for one in answer["neighbors"]]
    form.get_by_label("Third word").fill("zebra")
    form.get_by_role("button", name="Ask").click()
    expect(page.get_by_text("Third word: 'zebra' is not in the table.")).to_have_count(2)


def test_a_word_that_is_missing_is_told(look: Look, stocked_url: str) -> None:
    page = look(f"{stocked_url}/#/embeddings?word=storm7")
    word = page.get_by_label("Word", exact=True)
    word.fill(" ")
    page.get_by_role("button", name="Show").click()
    expect(word).to_have_accessible_description("A word is needed.")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_text("Three words are needed.")).to_be_visible()
    assert faults(page) == []
    word.fill("storm1")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("A word is needed.")).to_be_hidden()


def test_a_table_that_is_gone_is_told(look: Look, stocked_url: str) -> None:
    look.forgive("status of 404")
    page = look(f"{stocked_url}/#/embeddings?tables=tab_0000000000unicorn,coast")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("There is no table 'tab_0000000000unicorn'. It may have been deleted")
    expect(page.get_by_role("checkbox", name="coast")).to_be_checked()
    page.get_by_role("checkbox", name="coast").uncheck()
    expect(page.get_by_text("Choose a table above.")).to_be_visible()
    expect(alert).to_be_hidden()


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_the_map_shows_a_word_among_others(look: Look, stocked_url: str, scheme: Scheme, width: int) -> None:
    look.forgive("willReadFrequently")
    page = look(f"{stocked_url}/#/embeddings/map?tables=coast&word=storm7", scheme=scheme, width=width)
    expect(page.get_by_role("heading", name="Nearest to storm7")).to_be_visible()
    expect(page.get_by_text("zoom 3.0 ×")).to_be_visible()
    accent = [0x0A, 0x63, 0x5E] if scheme == "light" else [0x5C, 0xC8, 0xBF]
    assert painted(page, accent) > 40  # the dot and the word
    page.get_by_text("The words that are seen, as a list").click()
    expect(page.get_by_role("region", name="Words on the map").get_by_role("rowheader").first).to_have_text("storm7")
    assert faults(page) == []
    assert not overflows(page)


def painted(page: Page, colour: list[int]) -> int:
    """How many of the map's pixels have a colour."""
    count = page.locator(".map canvas").evaluate(
        """(canvas, wanted) => {
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let found = 0;
          for (let at = 0; at < data.length; at += 4)
            if (wanted.every((part, place) => Math.abs(data[at + place] - part) < 12)) found += 1;
          return found;
        }""",
        colour,
    )
    return int(count)


def zoom(page: Page) -> float:
    return float(re.sub("[^0-9.]", "", page.locator(".map-tools span").first.inner_text()))


def test_the_map_is_moved_by_keys_wheel_and_mouse(look: Look, stocked_url: str) -> None:
    page = look(f"{stocked_url}/#/embeddings/map?tables=coast")
    map_ = page.get_by_role("application", name="Map of 255 words of coast")
    expect(page.get_by_text("1.0 ×")).to_be_visible()
    page.get_by_text("The words that are seen, as a list").click()
    expect(page.get_by_text("255 words, those in the middle first")).to_be_visible()
    map_.focus()
    for key in ("+", "+", "-", "ArrowLeft"):
        page.keyboard.press(key)
    expect(page.get_by_text("1.4 ×")).to_be_visible()
    expect(page.get_by_text("255 words, those in the middle first")).to_be_hidden()
    page.keyboard.press("0")
    expect(page.get_by_text("255 words, those in the middle first")).to_be_visible()

    box = map_.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -300)
    expect(page.get_by_text("1.0 ×")).to_be_hidden()
    first = page.get_by_role("region", name="Words on the map").get_by_role("rowheader").first
    middle, nearer = first.inner_text(), zoom(page)
    page.mouse.down()
    page.mouse.move(box["x"] + 40, box["y"] + 40, steps=3)
    page.mouse.up()
    expect(first).not_to_have_text(middle)
    assert zoom(page) == nearer
    assert "word=" not in page.url  # it was moved, nothing was chosen

    page.get_by_role("button", name="Show all").click()
    place = page.evaluate(  # where the first word of the list is drawn
        """async ([word, width, height]) => {
          const { fitted, onScreen } = await import(new URL("dashboard/map_view.js", document.baseURI));
          const { points } = await (await fetch("v1/tables/coast/projection?limit=1000")).json();
          return onScreen(fitted(points, width, height), points.find((one) => one.word === word));
        }""",
        [middle, box["width"] - 2, box["height"] - 2],
    )
    page.mouse.click(box["x"] + 1 + place[0], box["y"] + 1 + place[1])
    expect(page.get_by_role("heading", name=re.compile("^Nearest to"))).to_be_visible()
    assert "word=" in page.url


def test_two_fingers_zoom_the_map(look: Look, stocked_url: str) -> None:
    page = look(f"{stocked_url}/#/embeddings/map?tables=coast")
    expect(page.get_by_text("1.0 ×")).to_be_visible()
    page.locator(".map").evaluate(
        """(map) => {
          map.setPointerCapture = () => {};  // these fingers aren't real
          const { left, top } = map.getBoundingClientRect();
          const touch = (type, pointerId, x) => map.dispatchEvent(new PointerEvent(type,
            { pointerId, clientX: left + x, clientY: top + 100, button: 0, pointerType: "touch" }));
          touch("pointerdown", 1, 150); touch("pointerdown", 2, 250);
          touch("pointermove", 1, 100); touch("pointermove", 2, 300);
          touch("pointerup", 1, 100); touch("pointerup", 2, 300);
        }"""
    )
    expect(page.get_by_text("2.0 ×")).to_be_visible()
    assert "word=" not in page.url


def test_labels_do_not_cover_each_other(look: Look, stocked_url: str) -> None:
    page = look(f"{stocked_url}/#/embeddings/map?tables=coast")
    page.get_by_role("application").wait_for()
    kept, covered, first = page.evaluate(
        """async () => {
          const { placed, overlap } = await import(new URL("dashboard/map_view.js", document.baseURI));
          const label = (n) => ({ text: `w${n}`, x: (n * 97) % 760, y: (n * 61) % 560, width: 20 + (n % 7) * 9 });
          const labels = Array.from({ length: 900 }, (_, n) => label(n));
          const kept = placed(labels, 800, 600);
          const after = (place) => kept.slice(place + 1);
          const covered = kept.flatMap((one, place) => after(place).filter((other) => overlap(one, other)));
          return [kept.length, covered.length, kept[0].text];
        }"""
    )
    assert kept > 100
    assert covered == 0
    assert first == "w1"  # w0 lies half outside of the area


def test_what_is_drawn_with_another_package_says_so(look: Look, stocked_url: str) -> None:
    drawn = httpx.get(f"{stocked_url}/v1/tables/coast/projection", params={"method": "umap", "limit": 300})
    if drawn.status_code != 501:
        pytest.skip("umap-learn is installed")
    look.forgive("status of 501")
    page = look(f"{stocked_url}/#/embeddings/map?tables=coast")
    page.get_by_label("Drawn by").select_option("umap")
    expect(page.get_by_role("alert")).to_contain_text("pip install umap-learn")
    page.get_by_label("Drawn by").select_option("pca")
    expect(page.get_by_role("application")).to_be_visible()


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_coverage_and_scores_are_those_of_the_service(look: Look, stocked_url: str, scheme: Scheme, width: int) -> None:
    page = look(f"{stocked_url}/#/embeddings/scores", scheme=scheme, width=width)
    coverage = page.get_by_role("region", name="Coverage")
    answer = httpx.post(f"{stocked_url}/v1/tables/inland/coverage", json={"vocabulary_of": MODEL}).json()
    expect(coverage.get_by_role("row", name="inland")).to_contain_text(f"{answer['found']} of {answer['types']}")
    expect(coverage.get_by_role("row", name="coast")).to_contain_text("0.0 %")
    answer = httpx.post(f"{stocked_url}/v1/tables/coast/evaluate", json={"dataset": "wordsim353"}).json()
    similarity = page.get_by_role("region", name="Word similarity").get_by_role("row", name="coast")
    expect(similarity).to_contain_text(f"{answer['found']} of 353 pairs")
    expect(similarity).to_contain_text(f"{answer['spearman']:.2f}".replace("-", "\N{MINUS SIGN}"))
    if width == DESKTOP:
        page.get_by_label("Words of").select_option(label="news")
        expect(coverage.get_by_role("columnheader", name="Running words")).to_be_visible()
    assert not coverage.evaluate("(box) => box.scrollWidth > box.clientWidth")  # nothing is cut
    assert faults(page) == []
    assert not overflows(page)
