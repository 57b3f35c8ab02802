"""From a specification to a table in a folder, with what its readers are told."""

import json
from dataclasses import replace

import numpy as np
import pytest

from hindcast.errors import InvalidInput, Stopped
from hindcast.lm.bundle import Bundle
from hindcast.lm.lstm import LstmSpecification
from hindcast.nn.embedding_table import EmbeddingTable
from hindcast.text.vocabulary import Vocabulary
from hindcast_trainer.assignment import DomainAssignment
from hindcast_trainer.domains import DomainsJob
from hindcast_trainer.pretraining import BilstmDomain, BilstmLm, Lsa, Word2Vec
from hindcast_trainer.testing import LocalWork

SMALL = {"size": 8, "epochs": 1}
KINDS = [
    (Word2Vec, {"epochs": 1}, "word2vec", "sentence"),
    (Lsa, {}, "LSA", "paragraph"),
    (BilstmLm, {"input_size": 4, "epochs": 1}, "language model", "sentence"),
    (BilstmDomain, {"input_size": 4, "domains": "dom_1", "epochs": 1}, "domain classifier", "sentence"),
]


@pytest.fixture
def work(tmp_path, made_corpus):
    (tmp_path / "scratch").mkdir()
    work = LocalWork(tmp_path / "scratch")
    work.add("cor_1", "corpus", made_corpus.folder)
    return work


@pytest.fixture
def domains(work, made_corpus, tmp_path):
    """Domains of the paragraphs of the corpus, which a job has found."""
    (tmp_path / "earlier").mkdir()
    earlier = LocalWork(tmp_path / "earlier")
    earlier.add("cor_1", "corpus", made_corpus.folder)
    produced = DomainsJob(corpus="cor_1", k=3, lsa_size=10, rounds=1).run(earlier)
    work.add("dom_1", "domains", produced.folder, facts=produced.facts)
    return produced


def test_domains_are_kept_as_they_are_told(domains):
    kept = DomainAssignment.open(domains.folder)
    assert kept.facts == domains.facts
    assert domains.metrics == domains.facts["agreement"]
    assert json.loads(json.dumps(domains.facts)) == domains.facts


@pytest.mark.parametrize(("kind", "options", "objective", "unit"), KINDS)
def test_each_kind_makes_a_table_that_says_what_it_is(work, domains, kind, options, objective, unit):
    spec = kind(corpus="cor_1", unit=unit, vocabulary={"size": 50}, size=8, **options)
    produced = spec.run(work)
    table = EmbeddingTable.open(produced.folder)
    facts = produced.facts
    assert facts == table.facts
    assert json.loads(json.dumps(facts)) == facts
    assert (facts["words"], facts["size"], facts["dtype"]) == (50, 8, "float32")
    assert (facts["kind"], facts["objective"], facts["unit"], facts["pipeline"]) == (
        spec.kind,
        objective,
        unit,
        "plain",
    )
    assert facts["vocabulary"] == {"size": 50, "sha256": Vocabulary(table.words).sha256}
    assert facts["lineage"]["corpora"] == ["cor_1"]
    assert facts["lineage"].get("domains") == options.get("domains")
    assert facts["spec"] == spec.model_dump(mode="json")
    assert facts["metrics"] == produced.metrics
    assert np.isfinite(table.vectors).all()


@pytest.mark.parametrize(
    ("spec", "read"),
    [
        (Word2Vec(corpus="cor_1", size=8, epochs=3), lambda folder: EmbeddingTable.open(folder).vectors),
        (DomainsJob(corpus="cor_1", k=3, rounds=3), lambda folder: DomainAssignment.open(folder).margins_U),
    ],
)
def test_a_job_goes_on_from_its_checkpoint(work, tmp_path, spec, read):
    undisturbed = read(spec.run(work).folder)
    before, after = [], []

    def die(progress):
        before.append(progress)
        if sum(each.save is not None for each in before) == 2:
            (tmp_path / "checkpoint").mkdir()
            progress.save(tmp_path / "checkpoint")
            raise Stopped

    again = LocalWork(tmp_path / "again", heard=die)
    again.scratch.mkdir()
    again.add("cor_1", "corpus", work.folder("cor_1"))
    with pytest.raises(Stopped):
        spec.run(again)
    resumed = spec.run(replace(again, heard=after.append, checkpoint=tmp_path / "checkpoint"))
    np.testing.assert_array_equal(read(resumed.folder), undisturbed)
    # Beginning anew leads to the same, too.
    assert min(progress.done for progress in after if progress.save is not None) >= before[-1].done


def words_of(produced):
    return EmbeddingTable.open(produced.folder).words


def test_the_vocabulary_can_be_that_of_a_table(work, tmp_path):
    (tmp_path / "table").mkdir()
    EmbeddingTable(("boata", "absent", "<unk>"), np.zeros((3, 2), np.float32)).save(tmp_path / "table")
    work.add("tab_1", "table", tmp_path / "table")
    spec = Word2Vec(corpus="cor_1", vocabulary={"same_as": "tab_1"}, **SMALL)
    assert words_of(spec.run(work)) == ("<unk>", "</s>", "boata")
    assert [(each.field, each.types) for each in spec.references()] == [
        ("corpus.corpora.0", ("corpus",)),
        ("vocabulary.same_as", ("model", "table")),
    ]


def test_the_vocabulary_can_be_that_of_a_model(work, tmp_path):
    vocabulary = Vocabulary.from_words(["farmb", "courta"])
    network = LstmSpecification(vocabulary_size=4, input_size=2, hidden_size=2)
    (tmp_path / "model").mkdir()
    Bundle(network, network.build(seed=1), vocabulary, "plain", "sentence", {}).save(tmp_path / "model")
    work.add("lm_1", "model", tmp_path / "model")
    spec = Word2Vec(corpus="cor_1", vocabulary={"same_as": "lm_1"}, **SMALL)
    assert words_of(spec.run(work)) == ("<unk>", "</s>", "farmb", "courta")


@pytest.mark.parametrize("vocabulary", [{"words": ["nowhere"]}, {"min_count": 10**6}])
def test_a_vocabulary_without_a_word_of_the_text_is_refused(work, vocabulary):
    with pytest.raises(InvalidInput, match="vocabulary"):
        Word2Vec(corpus="cor_1", vocabulary=vocabulary, **SMALL).run(work)


def test_a_split_that_the_corpus_lacks_is_refused(work):
    with pytest.raises(InvalidInput, match=r"corpus\.split"):
        Word2Vec(corpus={"corpus": "cor_1", "split": "valid"}, **SMALL).run(work)
