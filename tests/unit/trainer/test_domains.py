"""The domains of a made text are known: they have to be found, whatever else is asked."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.sparse import csr_matrix
from sklearn.decomposition import TruncatedSVD
from sklearn.exceptions import ConvergenceWarning

from hindcast.errors import Corrupt, InvalidInput
from hindcast.progress import relay
from hindcast.text.corpus import Corpus, CorpusReference, Text
from hindcast.text.corpus_writer import CorpusWriter
from hindcast_trainer.assignment import DomainAssignment
from hindcast_trainer.clusters import Classification, agreement, kmeans, most_dissimilar, surest
from hindcast_trainer.domains import DomainsJob, adjust, find_domains, first_domains, gold_labels
from hindcast_trainer.lsa import LatentSpace, count_terms, term, to_unit_length


def spec(**options):
    return DomainsJob(**{"corpus": "made", "k": 3, "lsa_size": 10, "rounds": 2, **options})


def test_the_latent_space_is_that_of_a_truncated_decomposition_of_weighted_counts():
    """Dumais's weights written out, and scikit-learn's exact decomposition, on counts of a few units."""
    counts_UM = np.random.default_rng(4).poisson(0.6, size=(12, 7)).astype(np.float32)
    weighted_UM = np.zeros_like(counts_UM)
    for unit, term_number in np.argwhere(counts_UM):
        spread = np.count_nonzero(counts_UM[:, term_number])
        weighted_UM[unit, term_number] = (1 + np.log(counts_UM[unit, term_number])) * np.log(12 / spread)
    weighted_UM = to_unit_length(weighted_UM)
    exact_UD = to_unit_length(TruncatedSVD(3, algorithm="arpack").fit_transform(weighted_UM))
    space = LatentSpace.of(csr_matrix(counts_UM), size=3, seed=1)
    found_UD = space.project(csr_matrix(counts_UM))
    np.testing.assert_allclose(found_UD @ found_UD.T, exact_UD @ exact_UD.T, atol=1e-4)


@pytest.mark.parametrize("unit", ["paragraph", "document", "sentence"])
def test_the_known_domains_are_found(made_text, finish, unit):
    found = finish(find_domains(spec(unit=unit), made_text, checkpoint=None))
    assert found.facts["agreement"]["nmi"] > (0.8 if unit == "sentence" else 0.99)
    assert len(found.labels_U) == made_text.units(unit)
    topics = {cluster["label"].split()[0][:-1] for cluster in found.facts["clusters"]}
    assert topics == {"boat", "court", "farm"}
    assert sum(cluster["paragraphs"] for cluster in found.facts["clusters"]) == len(found.labels_U)


def test_each_round_says_what_it_did(made_text, finish):
    rounds = finish(find_domains(spec(rounds=3, confidence=0.75), made_text, checkpoint=None)).facts["rounds"]
    assert len(rounds) == 3
    assert rounds[0]["kept"] == pytest.approx(made_text.units("paragraph") / 4, abs=3)
    assert rounds[-1]["moved"] == 0
    assert rounds[-1]["silhouette"] > 0.5


def test_the_last_that_is_told_is_of_the_last_round(made_text, finish):
    told = []

    def keep(progress):
        told.append(progress)
        return progress

    facts = finish(relay(find_domains(spec(rounds=2), made_text, checkpoint=None), keep)).facts
    assert told[-1].metrics == {name: float(value) for name, value in facts["rounds"][-1].items()}
    assert told[-1].done == told[-1].total


@pytest.fixture
def truth(made_text):
    """The domain of each paragraph."""
    return gold_labels(made_text, "paragraph")


@pytest.fixture
def paragraphs(made_text, finish):
    """The terms of each."""
    return finish(count_terms(made_text, "paragraph"))


@pytest.fixture
def mistaken(truth):
    """A fifth of the paragraphs are in the next domain, some of them with confidence."""
    wrong = np.arange(len(truth)) % 5 == 0
    margins = np.random.default_rng(2).random(len(truth), dtype=np.float32)
    return Classification(np.where(wrong, (truth + 1) % 3, truth).astype(np.int32), margins)


def test_a_round_moves_mistaken_units_to_their_domains_kept_or_not(paragraphs, mistaken, truth):
    _, after, told = adjust(spec(confidence=0.5), paragraphs, mistaken)
    np.testing.assert_array_equal(after.labels_U, truth)
    assert (told.kept, told.moved) == (120, 48)


def test_a_round_makes_its_space_and_clusters_of_the_units_that_it_keeps_alone(paragraphs, mistaken):
    space, after, _ = adjust(spec(confidence=0.5), paragraphs, mistaken)
    kept = surest(mistaken, 0.5)
    kept_UM = paragraphs.counts_UM[kept]
    units_M = (kept_UM.toarray() > 0).sum(axis=0)
    np.testing.assert_allclose(space.weights_M, np.log(len(kept) / units_M), rtol=1e-5)
    axes_MD = LatentSpace.of(kept_UM, size=10, seed=1).axes_MD
    np.testing.assert_allclose(space.axes_MD, axes_MD, atol=1e-4)

    labels_U, rows_UD = mistaken.labels_U[kept], space.project(kept_UM)
    means_KD = np.stack([rows_UD[labels_U == label].mean(axis=0) for label in range(3)])
    means_KD /= np.linalg.norm(means_KD, axis=1, keepdims=True)
    cosines_UK = np.sort(space.project(paragraphs.counts_UM) @ means_KD.T, axis=1)
    np.testing.assert_allclose(after.margins_U, cosines_UK[:, -1] - cosines_UK[:, -2], atol=1e-5)


@pytest.mark.parametrize("part", ["decomposition", "k-means"])
def test_another_seed_begins_with_other_clusters_by_each_part_that_it_is_of(made_text, finish, monkeypatch, part):
    sentences = finish(count_terms(made_text, "sentence"))
    if part == "decomposition":
        monkeypatch.setattr("hindcast_trainer.domains.kmeans", partial(with_seed_1, kmeans))
    else:
        monkeypatch.setattr(LatentSpace, "of", partial(with_seed_1, LatentSpace.of))
    first, same, other = (first_domains(spec(unit="sentence", seed=seed), sentences).margins_U for seed in (1, 1, 2))
    np.testing.assert_allclose(first, same, atol=1e-4)
    assert not np.allclose(first, other, atol=1e-3)


def with_seed_1(compute, *arguments, **options):
    return compute(*arguments, **{**options, "seed": 1})


def test_another_seed_decomposes_the_text_of_a_round_otherwise(paragraphs, mistaken):
    first, same, other = (adjust(spec(seed=seed), paragraphs, mistaken)[0].axes_MD for seed in (1, 1, 2))
    np.testing.assert_allclose(first, same, atol=1e-4)
    assert not np.allclose(first, other, atol=1e-2)


def test_equal_seeds_give_equal_domains_and_an_interruption_changes_none(made_text, finish, checkpoint_after):
    asked = spec(unit="sentence", rounds=3)
    undisturbed = finish(find_domains(asked, made_text, checkpoint=None))
    saved = checkpoint_after(find_domains(asked, made_text, checkpoint=None), 2)
    resumed = finish(find_domains(asked, made_text, checkpoint=saved.folder), after=saved)
    np.testing.assert_array_equal(resumed.labels_U, undisturbed.labels_U)
    np.testing.assert_array_equal(resumed.margins_U, undisturbed.margins_U)
    assert resumed.facts == undisturbed.facts


@pytest.mark.parametrize(
    ("options", "field"), [({"k": 200}, "k"), ({"k": 3, "initial_clusters": 241}, "initial_clusters")]
)
def test_too_little_text_for_what_is_asked_names_the_field(made_text, finish, options, field):
    with pytest.raises(InvalidInput) as raised:
        finish(find_domains(spec(**options), made_text, checkpoint=None))
    assert [error.field for error in raised.value.errors] == [field]


def test_text_that_is_all_the_same_has_no_domains(finish, tmp_path: Path):
    (tmp_path / "corpus").mkdir()
    with CorpusWriter(tmp_path / "corpus", pipeline="plain") as writer:
        for words in [["alike"], ["."]] * 6:
            writer.add_document([[words]], split="train")
        writer.close()
    text = Text.resolve(CorpusReference(corpora=("same",)), lambda _: Corpus.open(tmp_path / "corpus"))
    with pytest.warns(ConvergenceWarning), pytest.raises(InvalidInput, match="k: must be less"):
        finish(find_domains(spec(), text, checkpoint=None))


def test_a_space_has_no_more_dimensions_than_there_are(made_text, finish):
    found = finish(find_domains(spec(unit="document", lsa_size=1000, confidence=0.9), made_text, checkpoint=None))
    assert found.facts["agreement"]["purity"] == 1.0


@pytest.mark.parametrize("wrong", [{"k": 1}, {"confidence": 1.0}, {"initial_clusters": 2}, {"rounds": 0}, {"stop": 1}])
def test_a_wrong_specification_is_refused(wrong):
    with pytest.raises(ValidationError) as raised:
        spec(**wrong)
    assert [error["loc"] for error in raised.value.errors()] == [tuple(wrong)]


def test_what_is_kept_can_be_read_again(made_text, finish, tmp_path: Path):
    found = finish(find_domains(spec(), made_text, checkpoint=None))
    found.save(tmp_path)
    read = DomainAssignment.open(tmp_path)
    np.testing.assert_array_equal(read.labels_U, found.labels_U)
    assert (read.unit, read.k, read.corpus) == ("paragraph", 3, spec().corpus)
    assert read.facts == found.facts


def test_a_damaged_assignment_is_corrupt(made_text, finish, tmp_path: Path):
    finish(find_domains(spec(), made_text, checkpoint=None)).save(tmp_path)
    (tmp_path / "assignments.i32").write_bytes((tmp_path / "assignments.i32").read_bytes()[:-4])
    with pytest.raises(Corrupt):
        DomainAssignment.open(tmp_path)


def test_terms_are_lower_case_words_without_stop_words():
    words = ["Boats", "the", "n't", "7", "x", ".", "well-known", "Ærø", "B2B", "-tim"]
    assert [term(word) for word in words] == ["boats", None, None, None, None, None, "well-known", "ærø", None, None]


def test_terms_are_counted_where_they_occur(made_text, finish):
    counts = finish(count_terms(made_text, "document"))
    assert counts.counts_UM.shape == (60, len(counts.terms))
    totals = np.asarray(counts.counts_UM.sum(axis=0)).ravel()
    words = made_text.counts()
    assert {name: words[name] for name in counts.terms} == dict(zip(counts.terms, totals.tolist(), strict=True))


def test_a_term_in_more_than_half_of_the_units_is_no_term(made_text, finish):
    assert "worda" not in finish(count_terms(made_text, "document")).terms
    assert "worda" in finish(count_terms(made_text, "sentence")).terms


def test_projected_units_have_unit_length_or_none(made_text, finish):
    counts = finish(count_terms(made_text, "sentence"))
    space = LatentSpace.of(counts.counts_UM, size=5, seed=1)
    lengths = np.linalg.norm(space.project(counts.counts_UM), axis=1)
    np.testing.assert_allclose(lengths[counts.described], 1.0, rtol=1e-5)
    assert not lengths[~counts.described].any()


def test_the_most_dissimilar_clusters_are_picked():
    degrees = np.deg2rad([0, 10, 90, 100, 180])
    circle = np.stack([np.cos(degrees), np.sin(degrees)], axis=1).astype(np.float32)
    assert sorted(most_dissimilar(circle, np.full(5, 20), 3)) == [0, 2, 4]


@pytest.mark.parametrize("odd", [2, 40])
def test_a_handful_of_odd_units_is_no_cluster_to_pick(odd):
    circle = np.array([[1, 0], [0.8, 0.6], [0.6, 0.8], [-1, 0]], dtype=np.float32)
    assert sorted(most_dissimilar(circle, np.array([90, 80, 70, odd]), 2)) == [0, 2]


def test_the_surest_of_each_cluster_are_kept():
    labels = np.array([0, 0, 0, 0, 1, 1, -1], dtype=np.int32)
    margins = np.array([0.1, 0.2, 0.3, 0.4, 0.01, 0.02, 0.0], dtype=np.float32)
    assert surest(Classification(labels, margins), 0.5).tolist() == [2, 3, 5]


def test_agreement_counts_units_with_both_labels_alone():
    found = np.array([0, 0, 1, 1, -1, 0], dtype=np.int32)
    assert agreement(found, np.array([5, 5, 2, 2, 2, -2])) == {"nmi": 1.0, "purity": 1.0}
    assert agreement(found, np.full(6, -1)) is None
