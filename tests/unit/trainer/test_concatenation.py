"""Tables side by side: rows, what stands where a table lacks a word, and what is said of it."""

import json

import numpy as np
import pytest
from pydantic import ValidationError

from hindcast.errors import InvalidInput
from hindcast.nn.embedding_table import EmbeddingTable, Normalizer
from hindcast_trainer.pretraining import concatenation
from hindcast_trainer.pretraining.concatenation import Concatenation
from hindcast_trainer.testing import LocalWork

RANDOM = np.random.default_rng(3)
LEARNED = EmbeddingTable(
    ("<unk>", "</s>", "sea", "law"), RANDOM.normal(size=(4, 3)).astype(np.float32), {"pipeline": "plain"}
)
IMPORTED = EmbeddingTable(
    ("law", "storm", "sea"), RANDOM.normal(size=(3, 2)).astype(np.float32), {"kind": "import", "source": "glove"}
)
WORDS = ("<unk>", "</s>", "sea", "law", "storm")


@pytest.fixture
def work(tmp_path):
    (tmp_path / "scratch").mkdir()
    work = LocalWork(tmp_path / "scratch")
    add(work, tmp_path, tab_1=LEARNED, tab_2=IMPORTED)
    return work


def add(work, folder, **tables):
    for id, table in tables.items():
        (folder / id).mkdir()
        table.save(folder / id)
        work.add(id, "table", folder / id, facts=table.facts)


def spec(**options):
    return Concatenation(**{"tables": ["tab_1", "tab_2"], **options})


def side_by_side(*normalizations):
    """Word by word: the row of each table, its <unk>, or its mean."""
    rows = []
    for word in WORDS:
        row = []
        for table, normalization in zip((LEARNED, IMPORTED), normalizations, strict=True):
            normalised = Normalizer.of(table.vectors, normalization).apply(table.vectors)
            here = table.row(word)
            place = table.row("<unk>") if here is None else here
            row.append(normalised.mean(axis=0) if place is None else normalised[place])
        rows.append(np.concatenate(row))
    return np.array(rows)


@pytest.mark.parametrize(
    ("asked", "each"),
    [
        ({}, ("unit", "unit")),
        ({"normalization": "standardize"}, ("standardize", "standardize")),
        ({"normalization": ["mean_variance", "none"]}, ("mean_variance", "none")),
    ],
)
@pytest.mark.parametrize("rows_at_once", [2, 1000])
def test_rows_stand_side_by_side_normalised_and_filled(work, monkeypatch, asked, each, rows_at_once):
    monkeypatch.setattr(concatenation, "CHUNK_ROWS", rows_at_once)
    table = EmbeddingTable.open(spec(**asked).run(work).folder)
    assert table.words == WORDS
    np.testing.assert_allclose(table.vectors, side_by_side(*each), rtol=0, atol=1e-6)


def test_it_says_what_it_is_made_of(work):
    produced = spec(normalization=["unit", "none"]).run(work)
    facts = produced.facts
    assert facts == EmbeddingTable.open(produced.folder).facts
    assert json.loads(json.dumps(facts)) == facts
    assert (facts["words"], facts["size"], facts["dtype"]) == (5, 5, "float32")
    assert (facts["kind"], facts["objective"], facts["unit"]) == ("concatenation",) * 2 + (None,)
    assert facts["lineage"] == {"tables": ["tab_1", "tab_2"]}
    assert [(part["table"], part["filled"], part["fallback"]) for part in facts["parts"]] == [
        ("tab_1", 1, "<unk>"),
        ("tab_2", 2, "mean"),
    ]
    assert [part["normalization"] for part in facts["parts"]] == ["unit", "none"]


def test_tables_of_one_pipeline_hand_it_on(work):
    facts = spec().run(work).facts
    assert (facts["pipeline"], facts["warnings"]) == ("plain", [])


def test_tables_of_different_pipelines_are_warned_of(work, tmp_path):
    add(work, tmp_path, tab_3=EmbeddingTable(("sea",), np.ones((1, 2), np.float32), {"pipeline": "asr"}))
    facts = spec(tables=["tab_1", "tab_2", "tab_3"]).run(work).facts
    assert facts["pipeline"] is None
    [warning] = facts["warnings"]
    assert "tab_1: plain" in warning
    assert "tab_3: asr" in warning
    assert warning in work.logged


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize(
    ("vectors", "what"),
    [(np.ones((1, 4095), np.float32), "4098 dimensions"), (np.array([[np.inf]], np.float32), "no numbers")],
)
def test_tables_that_no_network_could_read_are_refused(work, tmp_path, vectors, what):
    add(work, tmp_path, tab_3=EmbeddingTable(("sea",), vectors))
    with pytest.raises(InvalidInput, match=what) as raised:
        spec(tables=["tab_1", "tab_3"], normalization="none").run(work)
    assert [error.field for error in raised.value.errors] == ["tables"]


def test_what_it_refers_to():
    assert [(each.field, each.types, each.value) for each in spec().references()] == [
        ("tables.0", ("table",), "tab_1"),
        ("tables.1", ("table",), "tab_2"),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"tables": ["tab_1"]},
        {"tables": ["tab_1"] * 9},
        {"normalization": "loud"},
        {"normalization": ["unit"]},
        {"normalization": ["unit"] * 3},
        {"corpus": "news"},
        {"seed": 1},
    ],
)
def test_a_wrong_specification_is_refused(wrong):
    with pytest.raises(ValidationError) as raised:
        spec(**wrong)
    assert raised.value.errors()[0]["loc"][0] == next(iter(wrong))
