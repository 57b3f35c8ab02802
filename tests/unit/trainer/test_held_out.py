import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hindcast.errors import Corrupt, NotFound
from hindcast.lm.base import History
from hindcast.lm.evaluation import score
from hindcast.lm.lstm import LstmLanguageModel, LstmSpecification
from hindcast.text.corpus import CorpusReference, EncodedText, Text
from hindcast.text.vocabulary import END_ID, Vocabulary
from hindcast_trainer.held_out import FILE, HeldOutScores, SentenceScores, score_texts

SCORES = SentenceScores(np.array([3.0, 5.0]), np.array([2, 4]))
NEWS = CorpusReference(corpora=("cor_1",), split="test")


@pytest.fixture(scope="module")
def text(made_text: Text) -> EncodedText:
    return made_text.encoded(Vocabulary.build(made_text.counts(), size=30))


@pytest.fixture(scope="module")
def model() -> LstmLanguageModel:
    model = LstmSpecification(vocabulary_size=30, input_size=4, hidden_size=4).build(seed=1)
    model.prepare_for_scoring()
    return model


@pytest.mark.parametrize("history", ["sentence", "document"])
def test_every_sentence_has_its_own_nats(
    model: LstmLanguageModel, text: EncodedText, history: History, finish: Callable[[Any], Any]
) -> None:
    found = finish(score_texts(model, {"test": text}, history=history))["test"]
    starts, ends = text.unit_bounds(history)
    units = [text.tokens(start, end) for start, end in zip(starts, ends, strict=True)]
    expected: list[float] = []
    tokens: list[int] = []
    for unit, scores in zip(units, score(model, units, history=history), strict=True):
        ends = np.flatnonzero(unit == END_ID) + 1
        for start, end in zip([0, *ends[:-1]], ends, strict=True):
            expected.append(-scores.log_probs_N[start:end].sum())
            tokens.append(end - start)
    np.testing.assert_allclose(found.nats_S, expected, rtol=1e-12)
    assert found.tokens_S.tolist() == tokens
    assert found.perplexity == pytest.approx(math.exp(sum(expected) / len(text)), rel=1e-12)


def test_progress_goes_over_all_texts(model: LstmLanguageModel, text: EncodedText) -> None:
    moments = list(score_texts(model, {"valid": text, "test": text}, history="document"))
    assert moments[-1].done == moments[-1].total == 2 * len(text)
    assert all(first.done < second.done for first, second in pairwise(moments))


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    HeldOutScores("test", NEWS, SCORES).save(tmp_path)
    found = HeldOutScores.open(tmp_path)
    assert (found.role, found.reference) == ("test", NEWS)
    assert found.scores.nats_S.tolist() == [3, 5]
    assert found.scores.tokens_S.tolist() == [2, 4]


def test_the_test_text_counts_before_valid() -> None:
    references = {"train": NEWS, "valid": NEWS, "test": NEWS}
    for roles, expected in ((["valid", "test"], "test"), (["valid"], "valid")):
        chosen = HeldOutScores.chosen(dict.fromkeys(roles, SCORES), references)
        assert chosen is not None
        assert chosen.role == expected
    assert HeldOutScores.chosen({}, references) is None


def test_a_model_without_scores_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="Train it again"):
        HeldOutScores.open(tmp_path)


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    HeldOutScores("test", NEWS, SCORES).save(tmp_path)
    whole = (tmp_path / FILE).read_bytes()
    for damaged in (whole[:-3], b"", whole.replace(b'"role":"test"', b'"role":"best"')):
        (tmp_path / FILE).write_bytes(damaged)
        with pytest.raises(Corrupt, match=FILE):
            HeldOutScores.open(tmp_path)
    HeldOutScores("test", NEWS, SentenceScores(np.array([np.nan]), np.array([1]))).save(tmp_path)
    with pytest.raises(Corrupt, match="no scores"):
        HeldOutScores.open(tmp_path)
