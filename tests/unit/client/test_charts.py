"""Experiments as pictures, of made answers."""

from typing import Any

import pytest

from hindcast_client.changes import (
    NO_BASELINE,
    NO_TEXT,
    NOT_COMPARABLE,
    Gain,
    changes_of,
    gains_of,
    probability,
    words_learned,
)
from hindcast_client.charts import draw_changes, draw_gains, save


def row(label: str, mean: float | None, paper: float | None, **comparison: Any) -> dict[str, Any]:
    return {
        "label": label,
        "status": "succeeded" if mean else "failed",
        "error": None if mean else "word2vec job_1 failed: out of memory",
        "perplexity": {"mean": mean},
        "paper_perplexity": paper,
        "relative_to_baseline": comparison or None,
    }


ANSWER = {
    "baseline": "no pre-training",
    "rows": [
        row("no pre-training", 200.0, 189),
        row("word2vec, LM superset", 180.0, 162, change=-0.1, ci95=[-0.12, -0.08]),
        row("word2vec, other text", None, 195),
        row("word2vec, trained on", 170.0, None, change=-0.15),
    ],
}


@pytest.fixture
def drawn(tmp_path):
    """What a figure is as SVG."""

    def draw(figure):
        save(figure, tmp_path / "drawn.svg")
        return (tmp_path / "drawn.svg").read_text()

    return draw


def test_changes_are_each_to_the_baseline_of_their_own():
    baseline, superset, failed, own = changes_of(ANSWER)
    assert (baseline.change, baseline.paper_change) == (None, None)
    assert (superset.change, superset.interval) == (-0.1, (-0.12, -0.08))
    assert superset.paper_change == pytest.approx(162 / 189 - 1)
    assert (failed.change, failed.paper_change) == (None, pytest.approx(195 / 189 - 1))
    assert "out of memory" in failed.remark
    assert (own.paper_change, own.interval, own.remark) == (None, None, "")


def test_the_picture_names_every_row_but_the_baseline_and_repeats_byte_for_byte(drawn, tmp_path):
    told = {"baseline": ANSWER["baseline"], "title": "Which help?", "note": "Ours: made"}
    svg = drawn(draw_changes(changes_of(ANSWER), **told))
    assert "perplexity, change to no pre-training in %" in svg
    for text in ("Which help?", "Ours: made", "word2vec, LM superset", "word2vec, other text", "−10.0 %", "−14.3 %"):
        assert f">{text}<" in svg
    assert "failed" in svg
    assert ">no pre-training<" not in svg
    assert drawn(draw_changes(changes_of(ANSWER), **told)) == svg
    for ending, beginning in (("png", b"\x89PNG"), ("pdf", b"%PDF")):
        save(draw_changes(changes_of(ANSWER), **told), tmp_path / f"drawn.{ending}")
        assert (tmp_path / f"drawn.{ending}").read_bytes().startswith(beginning)


def test_a_row_that_cant_be_compared_is_drawn_as_such(drawn):
    other = row("of other words", 90.0, None, change=None, ci95=None, p_value=None)
    rows = changes_of({**ANSWER, "rows": [*ANSWER["rows"], other]})
    assert [each.remark for each in rows if each.remark] == ["word2vec job_1 failed: out of memory", NOT_COMPARABLE]
    svg = drawn(draw_changes(rows, baseline=ANSWER["baseline"], title="", note=""))
    assert ">of other words<" in svg
    assert f">{NOT_COMPARABLE}<" in svg


def test_a_row_that_has_no_baseline_yet_is_drawn_as_such(drawn):
    rows = changes_of({**ANSWER, "rows": [row("no pre-training", None, 189), row("own", 90.0, None)]})
    assert [each.remark for each in rows] == ["word2vec job_1 failed: out of memory", NO_BASELINE]
    assert f">{NO_BASELINE}<" in drawn(draw_changes(rows, baseline=ANSWER["baseline"], title="", note=""))
    assert [each.remark for each in changes_of({"baseline": None, "rows": [row("own", 90.0, None)]})] == [""]


def test_rows_without_held_out_text_say_so():
    rows = [{**row(label, 1.0, None), "perplexity": None} for label in ("no pre-training", "own")]
    assert [each.remark for each in changes_of({**ANSWER, "rows": rows})] == [NO_TEXT, NO_TEXT]


@pytest.mark.parametrize(("p_value", "told"), [(None, ""), (0.0312, "0.031"), (0.0001, "<0.001"), (1.0, "1.000")])
def test_p_values_are_told_as_papers_do(p_value, told):
    assert probability(p_value) == told


def test_a_curve_has_a_point_for_each_amount_of_text(drawn):
    gains = [Gain(100_000, -0.13, (-0.14, -0.12)), Gain(1_000_000, -0.05, None)]
    svg = drawn(draw_gains({"word2vec": gains}, title="Gain", note="made"))
    for text in ("100,000", "1,000,000", "−13.0 %", "−5.0 %"):
        assert f">{text}<" in svg
    assert ">word2vec<" not in svg, "what all are needs no legend"
    assert ">lsa<" in drawn(draw_gains({"word2vec": gains, "lsa": gains}, title="Gain", note="made"))


def test_gains_are_of_each_row_by_the_words_to_learn():
    few = {**ANSWER, "rows": ANSWER["rows"][:2]}
    gains = gains_of([(1_000, ANSWER), (100, few)])
    assert gains == {
        "word2vec, LM superset": [Gain(100, -0.1, (-0.12, -0.08)), Gain(1_000, -0.1, (-0.12, -0.08))],
        "word2vec, trained on": [Gain(1_000, -0.15, None)],
    }


def test_the_words_to_learn_are_said_by_the_limit_of_what_was_posted():
    train = {"corpus": "novels", "limit_tokens": 100_000}
    assert words_learned({"spec": {"lm": {"train": train}}}) == 100_000
    assert words_learned({"spec": {"lm": {"train": "novels"}}}) is None
