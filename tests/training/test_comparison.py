from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hindcast.errors import InvalidInput, NotFound
from hindcast.text.corpus import CorpusReference
from hindcast.text.corpus_writer import CorpusWriter
from hindcast_trainer.comparison import ComparisonJob
from hindcast_trainer.held_out import HeldOutScores, Role, SentenceScores
from hindcast_trainer.testing import LocalWork

TOKENS = np.random.default_rng(1).integers(3, 30, 200)
HARD = np.random.default_rng(2).gamma(20, 0.25, 200)
FACTS = {"vocabulary": {"size": 9, "sha256": "ab"}, "pipeline": "plain"}


@dataclass
class World:
    """Models that only have scores, and two corpora: what one says is half of what the other says."""

    folder: Path
    work: LocalWork = field(init=False)

    def __post_init__(self) -> None:
        (self.folder / "scratch").mkdir()
        self.work = LocalWork(self.folder / "scratch")
        sentences = [[f"{kind}{number}" for number in range(20)] for kind in "ab"]
        for name, said in (("cor_test", sentences), ("cor_other", sentences[:1])):
            (self.folder / name).mkdir()
            with CorpusWriter(self.folder / name, pipeline="plain") as writer:
                writer.add_document([said], split="test")
                writer.close()
            self.work.add(name, "corpus", self.folder / name)

    def model(
        self,
        id: str,
        *,
        effect: float = 0.0,
        tokens: Any = TOKENS,
        role: Role = "test",
        text: str = "cor_test",
        **facts: Any,
    ) -> str:
        noise = np.random.default_rng(sum(map(ord, id))).normal(0, 0.05, len(tokens))
        scores = SentenceScores(tokens * (HARD + noise + effect), tokens)
        (self.folder / id).mkdir()
        HeldOutScores(role, CorpusReference(corpora=(text,)), scores).save(self.folder / id)
        self.work.add(id, "model", self.folder / id, facts={**FACTS, **facts})
        return id

    def compare(self, *models: str, baseline: tuple[str, ...] = (), **fields: Any) -> Any:
        spec = {"models": models, "baseline": baseline, "text": "cor_test", **fields}
        return ComparisonJob.model_validate(spec).run(self.work).metrics


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_better_row_is_better_with_an_interval(world: World) -> None:
    row = [world.model(f"lm_{seed}", effect=-0.1) for seed in (1, 2)]
    baseline = tuple(world.model(f"lm_{seed}") for seed in (3, 4))
    found = world.compare(*row, baseline=baseline)
    assert found["change_low"] < found["change"] < found["change_high"] < -0.05
    assert found["change"] == pytest.approx(np.expm1(-0.1), abs=0.02)
    assert found["p_value"] < 0.001
    assert found["perplexity_low"] < found["perplexity_high"]
    assert "pretraining_overlap" not in found


def test_a_row_that_is_the_baseline_does_not_differ_from_it(world: World) -> None:
    one = world.model("lm_1")
    found = world.compare(one, baseline=(one,))
    assert (found["change"], found["change_low"], found["change_high"], found["p_value"]) == (0, 0, 0, 1)


def test_without_a_baseline_there_is_the_perplexity_alone(world: World) -> None:
    found = world.compare(world.model("lm_1"))
    assert found.keys() == {"perplexity_low", "perplexity_high"}


@pytest.mark.parametrize(
    "other",
    [
        {"vocabulary": {"size": 8, "sha256": "cd"}},
        {"pipeline": "asr"},
        {"text": "cor_other"},
        {"role": "valid"},
        {"tokens": TOKENS + 1},
    ],
)
def test_what_differs_in_what_a_word_or_a_sentence_is_is_not_compared(world: World, other: Any) -> None:
    row, baseline = world.model("lm_1"), world.model("lm_2", **other)
    found = world.compare(row, baseline=(baseline,))
    assert found.keys() == {"perplexity_low", "perplexity_high"}
    assert "can be told" in world.work.logged[0]
    with pytest.raises(InvalidInput, match="no perplexity"):
        world.compare(row, baseline)


def test_a_model_that_keeps_no_scores_is_named(world: World, tmp_path: Path) -> None:
    (tmp_path / "lm_9").mkdir()
    world.work.add("lm_9", "model", tmp_path / "lm_9", facts=FACTS)
    with pytest.raises(NotFound, match=r"Model lm_9 .*Train it again"):
        world.compare(world.model("lm_1"), baseline=("lm_9",))


def test_what_was_pre_trained_on_is_looked_for_in_the_test_text(world: World) -> None:
    found = world.compare(world.model("lm_1"), pretraining=["cor_other"])
    assert found["pretraining_overlap"] == 0.5
    again = world.compare("lm_1", pretraining=["cor_other", "cor_test"])
    assert again["pretraining_overlap"] == 1
