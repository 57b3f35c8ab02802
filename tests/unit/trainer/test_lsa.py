"""Latent semantic analysis: scikit-learn's own decomposition of a matrix that a plain loop makes."""

import math
from collections import Counter

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.decomposition import TruncatedSVD

from hindcast.errors import InvalidInput
from hindcast.text.corpus import EncodedText
from hindcast.text.vocabulary import Vocabulary
from hindcast_trainer.pretrain import Material
from hindcast_trainer.pretraining.lsa import Lsa

DOCUMENTS = [
    "the boat sails the sea",
    "the sea and the boat and the wind",
    "a court and a judge",
    "the judge of the court",
    "wind in the sails sails sails",
    "a law",
]


def spec(**options):
    return Lsa(**{"corpus": "made", "size": 3, **options})


def made_of(documents, words=None):
    sentences = [[document.split()] for document in documents]
    vocabulary = Vocabulary.from_words(words or dict.fromkeys(word for document in sentences for word in document[0]))
    return Material(EncodedText.of(sentences, vocabulary), vocabulary, domains={}.__getitem__)


def weights_by_loop(material, unit, weighting):
    """[units, words of the vocabulary] in double precision."""
    starts, ends = material.text.unit_bounds(unit)
    units = [Counter(material.text.tokens(*each).tolist()) for each in zip(starts, ends, strict=True)]
    matrix = np.zeros((len(units), len(material.vocabulary)))
    for word in range(len(material.vocabulary)):
        counts = [unit[word] for unit in units]
        having = sum(count > 0 for count in counts)
        shares = [count / sum(counts) for count in counts if count]
        entropy = -sum(share * math.log(share) for share in shares) / math.log(len(units))
        for place, count in enumerate(counts):
            if count:
                matrix[place, word] = {
                    "log_entropy": math.log(1 + count) * (1 - entropy),
                    "tf_idf": count * math.log(len(units) / having),
                    "none": count,
                }[weighting]
    return matrix


@pytest.mark.parametrize("weighting", ["log_entropy", "tf_idf", "none"])
def test_vectors_are_those_of_scikit_learn_up_to_their_signs(finish, weighting):
    material = made_of(DOCUMENTS)
    table = finish(spec(weighting=weighting).pretrain(material, checkpoint=None, threads=1))
    matrix_UV = weights_by_loop(material, "document", weighting)
    decomposed = TruncatedSVD(3, algorithm="arpack", random_state=0).fit(matrix_UV.T)
    expected = decomposed.transform(matrix_UV.T)[2 - len(material.vocabulary) :]  # without <unk>, which never occurs
    assert table.words[1:] == material.vocabulary.words[2:]
    signs = np.sign((table.vectors[1:] * expected).sum(axis=0))
    np.testing.assert_allclose(table.vectors[1:] * signs, expected, atol=1e-5)
    explained = np.square(decomposed.singular_values_).sum() / np.square(matrix_UV).sum()
    assert table.details["metrics"]["explained"] == pytest.approx(explained, abs=1e-5)


@pytest.mark.parametrize("unit", ["paragraph", "document"])
def test_units_are_counted_as_a_plain_loop_does_on_a_longer_text(material, finish, unit):
    table = finish(spec(unit=unit, size=60, weighting="none").pretrain(material, checkpoint=None, threads=1))
    exact = np.linalg.svd(weights_by_loop(material, unit, "none"), full_matrices=False)[1][:60]
    np.testing.assert_allclose(np.linalg.norm(table.vectors, axis=0), exact, rtol=0.01)


def test_every_word_that_occurs_has_a_row_and_no_other(finish):
    material = made_of(["a b rare", "a c", "b c"], ["a", "absent", "b", "c"])
    table = finish(spec(size=2).pretrain(material, checkpoint=None, threads=1))
    assert table.words == ("<unk>", "</s>", "a", "b", "c")
    assert table.vectors.dtype == np.float32
    # A word that stands alike in every unit tells none from another.
    np.testing.assert_allclose(table.vectors[1], 0, atol=1e-6)


def test_words_of_one_topic_become_neighbours(material, finish):
    table = finish(spec(size=10).pretrain(material, checkpoint=None, threads=1))
    unit = table.vectors / np.maximum(np.linalg.norm(table.vectors, axis=1, keepdims=True), 1e-9)
    nearest = np.argsort(-unit @ unit[table.row("courtc")])[1:6]
    assert all(table.words[row].startswith("court") for row in nearest)


def test_equal_seeds_give_equal_tables_and_others_nearly(material, finish):
    first, same, other = (
        finish(spec(size=30, seed=seed).pretrain(material, checkpoint=None, threads=1)).vectors for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("size", [7, 4096])
def test_a_size_beyond_the_rank_is_refused(finish, size):
    material = made_of([*DOCUMENTS, DOCUMENTS[0], "a law"])  # 8 units, but of 6 kinds
    assert finish(spec(size=6).pretrain(material, checkpoint=None, threads=1)).size == 6
    with pytest.raises(InvalidInput, match="at most") as raised:
        finish(spec(size=size).pretrain(material, checkpoint=None, threads=1))
    assert [error.field for error in raised.value.errors] == ["size"]


def test_progress_reaches_the_decomposition(material):
    steps = list(spec().pretrain(material, checkpoint=None, threads=1))
    assert [step.done for step in steps] == [1.0, 1]
    assert "80 words" in steps[-1].message
    assert all(step.save is None for step in steps)


@pytest.mark.parametrize("wrong", [{"size": 0}, {"size": 10**9}, {"unit": "sentence"}, {"weighting": "loud"}])
def test_a_wrong_specification_is_refused(wrong):
    with pytest.raises(ValidationError) as raised:
        spec(**wrong)
    assert raised.value.errors()[0]["loc"] == tuple(wrong)
