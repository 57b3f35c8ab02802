"""The domain classifier: which labels it learns, from which units, and equation (2)."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from hindcast.errors import InvalidInput
from hindcast.text.corpus import Corpus, CorpusReference, Text
from hindcast.text.corpus_writer import CorpusWriter
from hindcast.text.vocabulary import Vocabulary
from hindcast_trainer.assignment import DomainAssignment
from hindcast_trainer.labels import UnitLabels
from hindcast_trainer.pretrain import Material
from hindcast_trainer.pretraining.bilstm_domain import BilstmDomain, DomainClassifier

OPTIMIZER = {"learning_rate": 0.01, "batch_size": 8}


def spec(**options):
    small = {"size": 16, "input_size": 8, "epochs": 2, "optimizer": OPTIMIZER}
    return BilstmDomain(**{"corpus": "made", "domains": "gold", **small, **options})


def labels_of(spec, material):
    return UnitLabels.of(spec.domains, material.text, spec.unit, corpus=spec.corpus, find=material.domains)


def assignment(labels: Sequence[int], *, unit="paragraph", corpus="made"):
    clusters = [{"label": "sea"}, {"label": "law"}, {"label": "land"}]
    facts = {"corpus": {"corpora": [corpus]}, "unit": unit, "k": 3, "clusters": clusters}
    return DomainAssignment(np.array(labels, dtype=np.int32), np.ones(len(labels), dtype=np.float32), facts)


@pytest.fixture
def written(tmp_path):
    """Four documents of two paragraphs of two sentences: labelled sea, law, both, and not at all."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    with CorpusWriter(folder, pipeline="plain") as writer:
        for labels in (["sea"], ["law"], ["sea", "law"], []):
            writer.add_document([[["a", "b"], ["c"]], [["d"], ["e", "f", "g"]]], split="train", labels=labels)
        writer.close()
    text = Text.resolve(CorpusReference(corpora=("made",)), lambda _: Corpus.open(folder))
    vocabulary = Vocabulary.build(text.counts())

    def material(found=None):
        return Material(text.encoded(vocabulary), vocabulary, domains={"dom_1": found}.__getitem__)

    return material


@pytest.mark.parametrize(
    ("labels", "why"), [([0] * 8, "they have only one label"), ([-1] * 8, "none of them has a label")]
)
def test_labels_that_tell_nothing_apart_are_refused_and_it_says_why(written, labels, why):
    with pytest.raises(InvalidInput, match=rf"domains: must tell the paragraphs of the text apart: {why}"):
        labels_of(spec(domains="dom_1"), written(assignment(labels)))


@pytest.mark.parametrize(("unit", "each"), [("paragraph", 2), ("sentence", 4)])
def test_gold_labels_are_those_of_documents_with_just_one(written, unit, each):
    labels = labels_of(spec(unit=unit), written())
    assert labels.labels_U.tolist() == [0] * each + [1] * each + [-2] * each + [-1] * each
    assert labels.names == ("sea", "law")


def test_a_sentence_has_the_domain_of_its_paragraph(written):
    found = assignment([0, 1, 2, -1, 0, 0, 1, 1])
    labels = labels_of(spec(unit="sentence", domains="dom_1"), written(found))
    assert labels.labels_U.tolist() == [0, 0, 1, 1, 2, 2, -1, -1, 0, 0, 0, 0, 1, 1, 1, 1]
    assert labels.names == ["sea", "law", "land"]


@pytest.mark.parametrize(
    ("found", "field"),
    [
        (assignment([0] * 8, corpus="other"), "domains"),
        (assignment([0] * 7), "domains"),
        (assignment([0, 1] * 8, unit="sentence"), "unit"),
        (assignment([1] * 8), "domains"),
    ],
)
def test_domains_that_do_not_fit_are_refused(written, finish, found, field):
    with pytest.raises(InvalidInput) as raised:
        finish(spec(domains="dom_1").pretrain(written(found), checkpoint=None, threads=1))
    assert [error.field for error in raised.value.errors] == [field]


def test_text_without_one_label_is_counted_and_not_learned(written, finish):
    table = finish(spec(epochs=1).pretrain(written(), checkpoint=None, threads=1))
    assert table.details["units"] == {"labelled": 4, "skipped": 4}
    assert table.details["labels"] == ["sea", "law"]
    assert set(table.words) == {"</s>", *"abcdefg"}


def test_it_predicts_a_domain_at_every_word_from_both_states_forward_first(material):
    labels = labels_of(spec(), material)
    classifier = spec().build(lambda network: DomainClassifier(network, labels=labels), vocabulary_size=80)
    words_TB = torch.tensor([[5, 6], [7, 8], [9, 1]])
    lengths_B = torch.tensor([3, 2])
    logits_TBK = classifier.logits(words_TB, lengths_B)
    assert logits_TBK.shape == (3, 2, 3)
    with torch.no_grad():
        states = classifier.network(words_TB, lengths_B)
        weight_KS, bias_K = classifier.domain.weight, classifier.domain.bias
        by_hand = states.forward_TBH @ weight_KS[:, :8].T + states.backward_TBH @ weight_KS[:, 8:].T + bias_K
    torch.testing.assert_close(logits_TBK, by_hand)


def test_averaged_directions_are_told_domains_by_side_by_side(material, finish):
    labels = labels_of(spec(), material)
    averaged = spec(combine="average")
    classifier = averaged.build(lambda network: DomainClassifier(network, labels=labels), vocabulary_size=80)
    assert classifier.domain.in_features == 32  # [h g] of equation (2), each of the table's size
    assert finish(averaged.pretrain(material, checkpoint=None, threads=1)).vectors.shape == (80, 16)


@pytest.mark.parametrize("unit", ["paragraph", "sentence"])
def test_it_learns_to_tell_domains_apart(material, finish, unit):
    table = finish(spec(unit=unit, epochs=2).pretrain(material, checkpoint=None, threads=1))
    metrics = table.details["metrics"]
    assert metrics["valid_accuracy"] > 0.9
    assert metrics["train_accuracy"] > 0.6
    assert not any(name.endswith("perplexity") for name in metrics)
    assert table.vectors.shape == (80, 16)


def test_words_of_one_domain_become_neighbours(material, finish):
    table = finish(spec(epochs=4).pretrain(material, checkpoint=None, threads=1))
    vectors = table.vectors / np.linalg.norm(table.vectors, axis=1, keepdims=True)
    nearest = np.argsort(-vectors @ vectors[table.row("farmc")])[1:6]
    assert all(table.words[row].startswith("farm") for row in nearest)


def test_an_interruption_changes_no_bit(little_material, finish, checkpoint_after):
    asked = spec(epochs=3)
    undisturbed = finish(asked.pretrain(little_material, checkpoint=None, threads=1))
    saved = checkpoint_after(asked.pretrain(little_material, checkpoint=None, threads=1), 3)
    resumed = finish(asked.pretrain(little_material, checkpoint=saved.folder, threads=1), after=saved)
    np.testing.assert_array_equal(resumed.vectors, undisturbed.vectors)
    accuracies = [table.details["metrics"]["train_accuracy"] for table in (resumed, undisturbed)]
    assert accuracies[0] == accuracies[1] > 0


def test_what_it_refers_to():
    found = {(each.field, each.types, each.value) for each in spec(domains="dom_1").references()}
    assert found == {("corpus.corpora.0", ("corpus",), "made"), ("domains", ("domains",), "dom_1")}
    assert [each.field for each in spec().references()] == ["corpus.corpora.0"]


@pytest.mark.parametrize("wrong", [{"unit": "document"}, {"domains": ""}, {"domains": None}, {"size": 7}, {"clip": -1}])
def test_a_wrong_specification_is_refused(wrong):
    with pytest.raises(ValidationError) as raised:
        spec(**wrong)
    assert raised.value.errors()[0]["loc"] == tuple(wrong)
