"""Rescoring: the order that lists get, what moved it, sliders that ask nobody, and tuning."""

import base64
import json
import re
from typing import Any

import httpx
import pytest
from browser.looking import LOOKS, Look, Scheme, faults, overflows
from browser.stocking import MODEL
from playwright.sync_api import Locator, Page, expect
from written_lists import FILES, golden, tar

from hindcast_client.command_line.formats import format_of
from hindcast_scorer.rescoring.conventions import Convention
from hindcast_scorer.rescoring.word_errors import list_errors

pytestmark = pytest.mark.browser

LISTS = (
    '{"utterance": "a", "reference": "the storm hit the coast", "hypotheses": [{"text": "the storm hit the cost", '
    '"am_score": -210.4, "lm_score": -9.5}, {"text": "the storm hit the coast", "am_score": -210.6, "lm_score": -11}, '
    '{"text": "storm hit it", "am_score": -211.25, "lm_score": -10}, {"text": "unicorns", "am_score": -212}]}\n'
    '{"utterance": "b", "hypotheses": [{"text": "wins"}, {"text": "winds"}, {"text": "the winds reached the city"}]}\n'
)
SLF = (
    b"VERSION=1.1\nbase=10 lmscale=12.0\nN=3 L=3\nI=0 t=0.00\nI=1 t=0.41\nI=2 t=0.90\n"
    b"J=0 S=0 E=1 W=the a=-132.5 l=-0.31 r=-0.5\nJ=1 S=1 E=2 W=coast a=-189.0 l=-3.07\n"
    b"J=2 S=1 E=2 W=cost a=-188.6 l=-2.95 r=-0.25\n"
)
MINUS = "\N{MINUS SIGN}"
WEIGHTS = {
    "am_scale": "Acoustic scale",
    "lm_weight": "Language model weight",
    "word_insertion_penalty": "Word insertion penalty",
}


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_with_no_model_it_says_how_to_get_one(look: Look, empty_url: str, scheme: Scheme, width: int) -> None:
    page = look(f"{empty_url}/#/rescoring", scheme=scheme, width=width)
    expect(page.get_by_role("heading", name="No model yet")).to_be_visible()
    assert faults(page) == []
    assert not overflows(page)


def rescored(url: str, lists: str, **options: Any) -> list[Any]:
    """What the service answers."""
    asked = {"lists": [json.loads(line) for line in lists.splitlines()], "options": options}
    answer = httpx.post(f"{url}/v1/models/{MODEL}/rescore", json=asked).raise_for_status()
    found: list[Any] = answer.json()["lists"]
    return found


def paste(page: Page, lists: str) -> None:
    page.get_by_label("N-best lists", exact=True).fill(lists)
    page.get_by_role("button", name="Rescore", exact=True).click()
    expect(page.get_by_role("heading", name="What moved")).to_be_visible()


def figures(page: Page, utterance: str) -> list[list[str]]:
    """Each hypothesis of a list, in the order shown: its text, then its figures without the count of unknown words."""
    article = page.get_by_role("article", name=f"List {utterance}")
    table = article.get_by_role("region", name=f"Figures of {utterance}")
    if not table.is_visible():
        article.get_by_text("Figures", exact=True).click()
    expect(table).to_be_visible()
    rows = table.locator("tbody tr").evaluate_all(
        """(rows) => rows.map((row) => {
          const headings = [...row.closest("table").tHead.rows[0].cells].map((cell) => cell.innerText);
          return [...row.cells].map((cell) => cell.innerText).filter((_, place) => headings[place] !== "words unknown");
        })"""
    )
    return [[cell.replace(MINUS, "-") for cell in row] for row in rows]


def assert_shown(page: Page, expected: list[Any]) -> None:
    """That the page shows these lists as the service answers them: order, totals, ranks."""
    for one in expected:
        rows = figures(page, one["utterance"])
        best_first = sorted(one["hypotheses"], key=lambda each: each["rank_after"])
        assert [row[0] for row in rows] == [each["text"] for each in best_first]
        for row, each in zip(rows, best_first, strict=True):
            assert row[-2:] == [str(each["rank_before"]), str(each["rank_after"])]
            assert float(row[-3]) == pytest.approx(each["total"], abs=6e-4)
            assert sum(map(float, row[1:-3])) == pytest.approx(each["total"], abs=5e-3)


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_the_example_is_a_click_away_and_its_tuning_another(
    look: Look, stocked_url: str, scheme: Scheme, width: int
) -> None:
    page = look(f"{stocked_url}/#/rescoring", scheme=scheme, width=width)
    page.get_by_role("button", name="Try the example").click()
    expect(page.get_by_role("article")).to_have_count(6)
    expect(page.locator("#announcer")).to_have_text("6 lists rescored")
    assert_shown(page, rescored(stocked_url, page.get_by_label("N-best lists", exact=True).input_value())[:1])
    page.get_by_role("button", name="Tune on 6 lists").click()
    for curve in ("language model weight", "word insertion penalty"):
        expect(page.get_by_role("img", name=f"Word error rate over the {curve}.").locator("canvas")).to_be_visible()
    assert faults(page) == []
    assert not overflows(page)


def test_sliders_show_what_the_service_would_answer_without_asking_it(look: Look, stocked_url: str) -> None:
    page = look(f"{stocked_url}/#/rescoring?model={MODEL}")
    paste(page, LISTS)
    assert_shown(page, rescored(stocked_url, LISTS))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    first = page.get_by_role("article").first.get_by_role("rowheader").first
    seen = set()
    for weights in (
        {"am_scale": 1.0, "lm_weight": 0.0, "word_insertion_penalty": 0.0},
        {"am_scale": 1.0, "lm_weight": 0.35, "word_insertion_penalty": 0.0},
        {"am_scale": 0.1, "lm_weight": 7.25, "word_insertion_penalty": -3.5},
        {"am_scale": 0.5, "lm_weight": 1.5, "word_insertion_penalty": 12.0},
        {"am_scale": 0.0, "lm_weight": 1.0, "word_insertion_penalty": -9.0},
    ):
        for name, value in weights.items():
            page.get_by_label(f"{WEIGHTS[name]}, as a number").fill(str(value))
        assert_shown(page, rescored(stocked_url, LISTS, **weights))
        seen.add(first.inner_text())
    assert len(seen) > 1  # the order did change
    assert asked == []

    slider = page.get_by_label("Language model weight", exact=True)
    slider.focus()
    page.keyboard.press("Home")
    expect(page.get_by_label("Language model weight, as a number")).to_have_value("0")
    page.keyboard.press("PageUp")
    value = slider.input_value()
    assert float(value) > 0
    weights = {"am_scale": 0.0, "lm_weight": float(value), "word_insertion_penalty": -9.0}
    assert_shown(page, rescored(stocked_url, LISTS, **weights))
    page.get_by_role("button", name="Back to 1, 1, 0").click()
    assert_shown(page, rescored(stocked_url, LISTS))


def test_words_that_the_model_does_not_know_are_counted_where_there_are_some(look: Look, stocked_url: str) -> None:
    page = look(f"{stocked_url}/#/rescoring")
    paste(page, LISTS)
    for one in rescored(stocked_url, LISTS):
        figures(page, one["utterance"])
        table = page.get_by_role("region", name=f"Figures of {one['utterance']}")
        unknown = {each["text"]: each["oov"] for each in one["hypotheses"]}
        heading = table.get_by_role("columnheader", name="words unknown", exact=True)
        expect(heading).to_have_count(1 if any(unknown.values()) else 0)
        for text, count in unknown.items() if any(unknown.values()) else ():
            cell = table.get_by_role("row").filter(has_text=text).get_by_role("cell").first
            expect(cell).to_have_text(str(count or ""))
    assert {"unicorns": 1}.items() <= {
        each["text"]: each["oov"] for each in rescored(stocked_url, LISTS)[0]["hypotheses"]
    }.items()


def moves(article: Locator) -> list[str]:
    """Which way each hypothesis went, how far, and what moved it."""
    return [" ".join(text.split()[1:]) for text in article.locator("td.moved").all_inner_texts()]


def test_each_list_says_the_scale_of_its_bars(look: Look, stocked_url: str) -> None:
    page = look(f"{stocked_url}/#/rescoring", width=390)
    paste(page, LISTS)
    for utterance in ("a", "b"):
        first, *others = ([float(cell) for cell in row[1:-3]] for row in figures(page, utterance))
        differences = [[value - best for value, best in zip(row, first, strict=True)] for row in others]
        worse = max(-sum(value for value in row if value < 0) for row in differences)
        better = max(sum(value for value in row if value > 0) for row in differences)
        low, high = (
            page.get_by_role("article", name=f"List {utterance}").locator(".scale-ends > span").all_inner_texts()
        )
        ends = [float(re.findall(r"-?[\d.]+", end.replace(MINUS, "-"))[0]) for end in (low, high)]
        assert ends == [pytest.approx(-worse, abs=0.01), pytest.approx(better, abs=0.01)]
        assert high.endswith("nats")
    behind = page.get_by_role("article", name="List a").get_by_role("cell", name=re.compile(r"^behind \d"))
    expect(behind).to_have_count(3)


def test_what_moved_is_told_with_the_component_that_moved_it(look: Look, stocked_url: str) -> None:
    page = look(f"{stocked_url}/#/rescoring")
    lists = (
        '{"utterance": "a", "hypotheses": [{"text": "the storm", "am_score": -2, "lm_score": -1},'
        ' {"text": "unicorns", "am_score": -2, "lm_score": -9}]}\n'
        '{"utterance": "b", "hypotheses": [{"text": "rain"}, {"text": "rain rain rain rain"}]}\n'
    )
    page.get_by_text("Options of scoring").click()
    page.get_by_label("Added for each unknown word").fill("50")
    paste(page, lists)
    expected = rescored(stocked_url, lists, oov={"penalty": 50.0})
    assert_shown(page, expected)
    assert [each["rank_after"] for each in expected[0]["hypotheses"]] == [2, 1]
    assert moves(page.get_by_role("article", name="List a")) == ["up 1 unknown words", "down 1 unknown words"]
    expect(page.get_by_text("of 2 lists")).to_have_text("1 of 2 lists has another best hypothesis.")
    page.get_by_label("Only those with another best hypothesis").check()
    expect(page.get_by_role("article")).to_have_count(1)
    page.get_by_label("Word insertion penalty, as a number").fill("60")
    expect(page.get_by_role("article")).to_have_accessible_name("List b")  # the other went back
    assert moves(page.get_by_role("article", name="List b")) == ["up 1 word penalty", "down 1 word penalty"]


def test_a_file_is_taken_in_the_format_that_its_name_or_beginning_tells(look: Look, stocked_url: str) -> None:
    costs = {
        "words": b"a-1 rain fell\na-2 the storm\n",
        "lmwt.nolm": b"a-1 1.5\na-2 0.25\n",
        "acwt": b"a-1 9\na-2 8.5\n",
    }
    page = look(f"{stocked_url}/#/rescoring")
    chooser = page.locator("input[type=file]")
    chooser.set_input_files({"name": "lists.tar", "mimeType": "application/x-tar", "buffer": tar(costs)})
    expect(page.get_by_text("lists.tar")).to_be_visible()
    expect(page.get_by_role("article", name="List a")).to_be_visible()
    for weight in (1.0, 0.5):
        page.get_by_label("Language model weight, as a number").fill(str(weight))
        query = {"format": "kaldi", "answer": "nbest", "lm_weight": weight}
        answer = httpx.post(f"{stocked_url}/v1/models/{MODEL}/rescore", params=query, content=tar(costs))
        assert_shown(page, [json.loads(answer.text)])

    plain = golden(FILES["srilm-plain"]).decode()
    page.evaluate(
        """(text) => {
          const dropped = new DataTransfer();
          dropped.items.add(new File([text], "call-9.nbest"));
          const drop = new DragEvent("drop", { dataTransfer: dropped, bubbles: true });
          document.querySelector(".drop-place").dispatchEvent(drop);
        }""",
        plain,
    )
    expect(page.get_by_role("article", name="List call-9")).to_be_visible()
    page.get_by_role("button", name="Forget it").click()
    paste(page, plain)
    expect(page.get_by_role("article", name="List pasted", exact=True)).to_be_visible()
    page.get_by_label("Format").select_option("Text, a hypothesis a line")
    paste(page, "rain fell\nthe storm\n")
    assert_shown(
        page,
        rescored(stocked_url, '{"utterance": "pasted", "hypotheses": [{"text": "rain fell"}, {"text": "the storm"}]}'),
    )


def test_the_best_paths_of_a_lattice_are_a_list(look: Look, stocked_url: str) -> None:
    page = look(f"{stocked_url}/#/rescoring")
    lattice = {"name": "call-7.slf", "mimeType": "text/plain", "buffer": SLF}
    page.locator("input[type=file]").set_input_files(lattice)
    expect(page.get_by_role("article", name="List call-7")).to_be_visible()
    query = {
        "format": "slf",
        "answer": "nbest",
        "utterance": "call-7",
        "am_scale": 1,
        "lm_weight": 1,
        "word_insertion_penalty": 0,
    }
    answer = httpx.post(f"{stocked_url}/v1/models/{MODEL}/rescore", params={**query, "graph_scale": 1}, content=SLF)
    assert_shown(page, [json.loads(answer.text)])


def test_formats_are_told_apart_as_the_command_line_does(look: Look, empty_url: str) -> None:
    page = look(empty_url)
    contents = {name: golden(file) for name, file in FILES.items()}
    contents["slf"] = b"VERSION=1.1\nN=1 L=0\nI=0\n"
    contents["kaldi-lattice"] = b"a\n0 1 the 1.2,103.7,2_4\n1 0.5,3.1,8\n\n"
    contents["words alone"] = b"call-7-1 the storm\n"
    found = page.evaluate(
        """async (contents) => {
          const { formatOf } = await import(new URL("dashboard/n_best_formats.js", document.baseURI));
          const bytes = (written) => Uint8Array.from(atob(written), (letter) => letter.charCodeAt(0));
          const found = Object.entries(contents).map(([name, each]) => [name, formatOf("body", bytes(each))]);
          return Object.fromEntries(found);
        }""",
        {name: base64.b64encode(content).decode() for name, content in contents.items()},
    )
    assert found == {name: format_of("body", content) for name, content in contents.items()}
    assert [name for name, format in found.items() if format not in (name, None)] == []


def test_an_n_gram_model_is_a_component_of_its_own(look: Look, stocked_url: str) -> None:
    pytest.importorskip("kenlm", reason="needs kenlm: make kenlm")
    page = look(f"{stocked_url}/#/rescoring")
    page.get_by_text("Options of scoring").click()
    page.get_by_label("Join an n-gram model").select_option("first-pass")
    page.get_by_label("Share of the neural model").fill("0.25")
    paste(page, LISTS)
    page.get_by_label("Language model weight, as a number").fill("1.5")
    joined = {"ngram": "first-pass", "weight": 0.25}
    assert_shown(page, rescored(stocked_url, LISTS, interpolation=joined, lm_weight=1.5))
    expect(
        page.get_by_role("region", name="Figures of a").get_by_role("columnheader", name="n-gram model")
    ).to_be_visible()


def test_tuned_weights_are_told_with_what_they_are_worth(look: Look, stocked_url: str) -> None:
    page = look(f"{stocked_url}/#/rescoring")
    page.get_by_role("button", name="Try the example").click()
    lines = page.get_by_label("N-best lists", exact=True).input_value()
    page.get_by_role("button", name="Tune on 6 lists").click()
    asked = {"development": [json.loads(line) for line in lines.splitlines()]}
    answer = httpx.post(f"{stocked_url}/v1/models/{MODEL}/rescore/tune", json=asked).raise_for_status().json()
    told, weights = answer["development"], {name: answer["weights"][name] for name in WEIGHTS}
    row = page.get_by_role("region", name="Word error rates").get_by_role("row", name="Tuned on")
    expect(row).to_contain_text(f"{told['wer_before']:.1f} %")
    expect(row).to_contain_text(f"{told['wer_after']:.1f} %")
    sentences = {"improves": "more clearly than chance would", "worse": "Worse:"}
    expect(page.get_by_text(sentences.get(answer["verdict"], "No significant gain:"))).to_be_visible()
    expect(page.get_by_text("the gain is optimistic")).to_be_visible()
    page.get_by_role("button", name="Use them above").click()
    expect(page.locator(".summary")).to_contain_text(f"{told['wer_before']:.1f} % → {told['wer_after']:.1f} %")
    assert_shown(page, rescored(stocked_url, lines, **weights)[:1])


def test_curves_have_the_errors_of_the_orders_that_the_service_makes(look: Look, stocked_url: str) -> None:
    page = look(f"{stocked_url}/#/rescoring")
    page.get_by_role("button", name="Try the example").click()
    lines = page.get_by_label("N-best lists", exact=True).input_value()
    answers = [
        (weight, rescored(stocked_url, lines, lm_weight=weight, word_insertion_penalty=-0.5))
        for weight in (0.0, 0.05, 0.2, 1.0, 20.0)
    ]
    drawn = page.evaluate(
        """async ([lists, weights]) => {
          const { errorsOver, judged } = await import(new URL("dashboard/n_best.js", document.baseURI));
          const others = { am_scale: 1, lm_weight: 1, word_insertion_penalty: -0.5 };
          const making = { isLattice: false, oovCharge: 0 };
          const at = (each) => errorsOver(judged(lists), "lm_weight", [each, each], others, making, false, 1);
          return weights.map((each) => at(each)[0][1]);
        }""",
        [answers[0][1], [weight for weight, _ in answers]],
    )
    expected = [wer(lists) for _, lists in answers]
    assert drawn == pytest.approx(expected)
    assert len(set(expected)) > 1


def wer(lists: list[Any]) -> float:
    """Word errors of the best hypotheses, in percent, counted by the service's own code."""
    counted = [list_errors(one["reference"], [one["hypotheses"][one["best"]]["text"]], Convention()) for one in lists]
    return 100 * sum(int(one.errors[0]) for one in counted) / sum(one.words for one in counted)


def test_lists_held_back_judge_the_weights(look: Look, stocked_url: str) -> None:
    page = look(f"{stocked_url}/#/rescoring")
    page.get_by_role("button", name="Try the example").click()
    page.get_by_label("Hold back every second list").check()
    page.get_by_role("button", name="Tune on 3 lists").click()
    expect(page.get_by_role("row", name="Held back")).to_be_visible()
    expect(page.get_by_text("the gain is optimistic")).to_be_hidden()


def test_what_is_wrong_is_told_in_a_sentence(look: Look, stocked_url: str) -> None:
    look.forgive("status of 422")
    page = look(f"{stocked_url}/#/rescoring")
    rescore = page.get_by_role("button", name="Rescore", exact=True)
    alert = page.get_by_role("alert")
    rescore.click()
    expect(alert).to_contain_text("There is nothing to rescore yet")
    page.get_by_role("button", name="Try the example").click()
    moved = page.get_by_role("heading", name="What moved")
    expect(moved).to_be_visible()
    page.get_by_label("N-best lists", exact=True).fill("call-7-1 the storm hit the cost")
    rescore.click()
    expect(moved).to_be_hidden()  # it was of other lists
    expect(alert).to_contain_text("Neither name nor beginning tells which format this is: choose it above.")
    page.get_by_label("N-best lists", exact=True).fill('{"utterance": "a", "hypotheses": [{"txt": "rain"}]}')
    rescore.click()
    expect(alert).to_contain_text("line 1")
    page.get_by_text("Options of scoring").click()
    page.get_by_label("Added for each unknown word").fill("2000000")
    rescore.click()
    expect(alert).to_contain_text("Added for each unknown word: must be a number from -1000000 to 1000000.")
    assert faults(page) == []
