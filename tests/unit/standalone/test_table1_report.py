"""The table, of made answers."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from hindcast_standalone.demonstrations.table1_report import Figures, cells, figures, write


def row(label: str, mean: float | None, paper: float | None, **comparison: Any) -> dict[str, Any]:
    return {
        "label": label,
        "status": "succeeded" if mean else "failed",
        "error": None if mean else "word2vec job_1 failed: out of | words",
        "pretraining": {"dataset": "news", "unit": "sentence", "objective": "word2vec"} if comparison else None,
        "perplexity": {"mean": mean, "std": 1.25},
        "paper_perplexity": paper,
        "relative_to_baseline": comparison or None,
        "ranks": {"median": 1204.0, "sentence": {"median": 1350.5}} if mean else None,
    }


ANSWER = {
    "baseline": "no pre-training",
    "rows": [
        row("no pre-training", 200.0, 189),
        row("word2vec, LM superset", 180.0, 162, change=-0.1, ci95=[-0.12, -0.08], p_value=0.0001),
        row("word2vec, other text", None, 195),
        row("word2vec, trained on", 170.0, None, change=-0.15),
    ],
}


@pytest.fixture
def rows() -> list[Figures]:
    return figures(ANSWER)


def test_changes_are_each_to_the_baseline_of_their_own(rows: list[Figures]) -> None:
    baseline, superset, failed, own = rows
    assert (baseline.change, baseline.paper_change) == (None, None)
    assert superset.change == -0.1
    assert superset.paper_change == pytest.approx(162 / 189 - 1)
    assert (failed.perplexity, failed.paper_change) == (None, pytest.approx(195 / 189 - 1))
    assert (own.paper_perplexity, own.paper_change, own.interval) == (None, None, None)


def test_a_row_is_told_in_figures_or_says_why_not(rows: list[Figures]) -> None:
    figures = ["180.0 ± 1.2", "−10.0 %", "−12.0 % to −8.0 %", "<0.001", "1,204", "1,350", "162", "−14.3 %"]
    assert cells(rows[1])[3:] == figures
    assert "out of | words" in cells(rows[2])[3]


def test_it_is_written_in_three_forms(rows: list[Figures], tmp_path: Path) -> None:
    write(tmp_path, "table1", title="T", described=["- date: today"], rows=rows, document={"answer": ANSWER})
    markdown = (tmp_path / "table1.md").read_text().splitlines()
    assert markdown[0] == "# T"
    assert len([line for line in markdown if line.startswith("|")]) == 6
    assert "out of \\| words" in markdown[6]
    assert markdown[-1] == "- date: today"
    document = json.loads((tmp_path / "table1.json").read_text())
    assert document["answer"] == ANSWER
    assert document["rows"][1]["interval"] == [-0.12, -0.08]
    with (tmp_path / "table1.csv").open() as stream:
        lines = list(csv.DictReader(stream))
    assert [line["perplexity"] for line in lines] == ["200.0", "180.0", "", "170.0"]
    assert [line["p_value"] for line in lines] == ["", "0.0001", "", ""]
