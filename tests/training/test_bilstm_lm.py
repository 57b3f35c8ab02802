"""The bidirectional language model predicts every word from what it hasn't seen of it."""

import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from hindcast.errors import InvalidInput
from hindcast.text.batches import UnitBatch
from hindcast.text.corpus import EncodedText
from hindcast.text.vocabulary import Vocabulary
from hindcast_trainer.pretrain import Material
from hindcast_trainer.pretraining.bilstm_lm import BidirectionalLanguageModel, BilstmLm

OPTIMIZER = {"learning_rate": 0.01, "batch_size": 8}


def spec(**options):
    return BilstmLm(**{"corpus": "made", "size": 16, "input_size": 8, "epochs": 2, "optimizer": OPTIMIZER, **options})


def pretrained(finish, material, **options):
    return finish(spec(**options).pretrain(material, checkpoint=None, threads=1))


def batch(*units):
    longest = max(map(len, units))
    words = np.array([[*unit, *[1] * (longest - len(unit))] for unit in units]).T
    return UnitBatch(words, np.array([len(unit) for unit in units]), np.arange(len(units)))


def made_of(sentences):
    vocabulary = Vocabulary.from_words(["a", "b"])
    return Material(EncodedText.of([sentences], vocabulary), vocabulary, domains={}.__getitem__)


@pytest.fixture
def objective():
    return spec().build(BidirectionalLanguageModel, vocabulary_size=12)


@pytest.mark.parametrize("changed", range(6))
def test_a_word_does_not_move_its_own_prediction(objective, changed):
    words = [4, 7, 2, 9, 3, 1]
    other = [*words[:changed], 11, *words[changed + 1 :]]
    one, two = objective.pairs(batch(words)), objective.pairs(batch(other))
    forward = (one.before_NH == two.before_NH).all(dim=1)
    backward = (one.after_NH == two.after_NH).all(dim=1)
    # The forward state that predicts word n is pair n - 1's, the backward one pair n's.
    assert forward.tolist() == [pair < changed for pair in range(5)]
    assert backward.tolist() == [pair >= changed for pair in range(5)]


def test_each_pair_of_neighbours_is_predicted_both_ways(objective):
    pairs = objective.pairs(batch([4, 7, 2, 1], [5, 1], [1]))
    assert sorted(zip(pairs.previous_N.tolist(), pairs.next_N.tolist(), strict=True)) == [
        (2, 1),
        (4, 7),
        (5, 1),
        (7, 2),
    ]
    assert pairs.before_NH.shape == pairs.after_NH.shape == (4, 8)


def test_the_loss_is_that_of_both_heads(objective):
    both = batch([4, 7, 2, 1], [5, 1])
    loss, pairs = objective.loss(both), objective.pairs(both)
    forward = torch.log_softmax(objective.next_word(pairs.before_NH), dim=1)
    backward = torch.log_softmax(objective.previous_word(pairs.after_NH), dim=1)
    rows = torch.arange(4)
    expected = -(forward[rows, pairs.next_N] + backward[rows, pairs.previous_N]).sum() / 2
    assert loss.tokens == 4
    assert loss.total.item() == pytest.approx(expected.item(), rel=1e-5)


def test_units_beside_it_and_padding_change_no_loss(objective):
    units = ([4, 7, 2, 1], [5, 1], [8, 3, 1])
    together = objective.loss(batch(*units)).total.item()
    assert together == pytest.approx(sum(objective.loss(batch(unit)).total.item() for unit in units), rel=1e-5)


@pytest.fixture(scope="module")
def exact(material, finish):
    """Learned without samples."""
    return pretrained(finish, material, epochs=2)


def test_it_learns(material, exact):
    assert exact.words == material.vocabulary.words
    assert exact.vectors.shape == (80, 16)
    assert exact.details["metrics"]["valid_perplexity"] < 60  # by chance it would be 80


def test_it_learns_from_samples_and_tells_exact_perplexities(material, finish, exact):
    table = pretrained(finish, material, epochs=2, samples=60)
    assert table.details["metrics"]["valid_perplexity"] < 60
    assert not np.array_equal(table.vectors, exact.vectors)


@pytest.mark.parametrize("samples", [None, 20])
def test_what_is_not_learned_has_the_exact_loss(objective, samples):
    sampled = BidirectionalLanguageModel(objective.network, samples=samples)
    sampled.load_state_dict(objective.state_dict())
    units = batch([4, 7, 2, 1], [5, 1])
    with torch.no_grad():
        assert sampled.loss(units).total.item() == objective.loss(units).total.item()


@pytest.mark.parametrize("samples", [None, 20])
def test_an_interruption_changes_no_bit(little_material, finish, checkpoint_after, samples):
    asked = spec(seed=4, samples=samples, epochs=3)
    undisturbed = finish(asked.pretrain(little_material, checkpoint=None, threads=1))
    saved = checkpoint_after(asked.pretrain(little_material, checkpoint=None, threads=1), 3)
    resumed = finish(asked.pretrain(little_material, checkpoint=saved.folder, threads=1), after=saved)
    np.testing.assert_array_equal(resumed.vectors, undisturbed.vectors)


def test_the_seed_decides(little_material, finish):
    first, same, other = (pretrained(finish, little_material, seed=seed, epochs=1).vectors for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


def test_progress_covers_learning_and_averaging(little_material):
    steps = list(spec().pretrain(little_material, checkpoint=None, threads=1))
    pairs = len(little_material.text) - little_material.text.unit_bounds("sentence")[0].size
    assert len({step.total for step in steps}) == 1
    assert steps[-1].total == pytest.approx(2 * 0.95 * pairs + 0.2 * len(little_material.text), rel=0.02)
    assert steps[-1].metrics["valid_perplexity"] < steps[0].metrics["train_perplexity"]


def test_averaged_directions_have_the_size_of_the_table_each(little_material, finish):
    objective = spec(combine="average").build(BidirectionalLanguageModel, vocabulary_size=12)
    assert objective.network.forward_lstm.hidden_size == objective.network.backward_lstm.hidden_size == 16
    table = pretrained(finish, little_material, combine="average", epochs=1)
    assert table.vectors.shape == (80, 16)
    assert len(table.details["saturation"]["per_dimension"]) == 16


def test_which_states_are_averaged_and_clipped_is_said(little_material, finish):
    cells, hidden, clipped = (
        pretrained(finish, little_material, epochs=1, **options).vectors
        for options in ({}, {"state": "hidden"}, {"clip": 0.01})
    )
    assert not np.allclose(cells, hidden)
    assert np.abs(cells).max() > np.abs(clipped).max()
    assert np.abs(clipped).max() <= np.float32(0.01)


def test_a_clip_that_no_hidden_state_reaches_is_refused():
    assert spec(state="cell", clip=1.5).clip == 1.5
    with pytest.raises(ValidationError) as raised:
        spec(state="hidden", clip=1.5)
    assert raised.value.errors()[0]["loc"] == ("clip",)


def test_empty_lines_predict_nothing_and_still_have_a_state(finish):
    material = made_of([[], ["a", "b"], []] * 20)
    table = pretrained(finish, material, epochs=1)
    assert table.words == ("</s>", "a", "b")
    assert math.isfinite(table.details["metrics"]["valid_perplexity"])


def test_text_without_any_neighbours_is_refused(finish):
    with pytest.raises(InvalidInput, match="corpus"):
        pretrained(finish, made_of([[], []]))


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 15},
        {"size": 0},
        {"size": 10**9},
        {"input_size": 0},
        {"state": "gate"},
        {"combine": "sum"},
        {"clip": 0},
        {"clip": 1e308},
        {"clip": 1e-320},
        {"samples": 0},
    ],
)
def test_a_wrong_specification_is_refused(wrong):
    with pytest.raises(ValidationError) as raised:
        spec(**wrong)
    assert raised.value.errors()[0]["loc"] == tuple(wrong)
