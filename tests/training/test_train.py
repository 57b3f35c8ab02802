import json
import math
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from hindcast.errors import InvalidInput, NotFound
from hindcast.lm.bundle import CHECKSUMS, FILES, Bundle, pack, unpack
from hindcast.lm.evaluation import read, score
from hindcast.nn.embedding_table import EmbeddingTable
from hindcast.text.corpus import Corpus, CorpusReference, Text
from hindcast.text.corpus_writer import CorpusWriter
from hindcast.text.pipeline import END
from hindcast_trainer.assignment import DomainAssignment
from hindcast_trainer.held_out import HeldOutScores
from hindcast_trainer.probe import Probe, ProbeJob
from hindcast_trainer.references import with_ids
from hindcast_trainer.testing import LocalWork, MemoryTables
from hindcast_trainer.topical_probe import TopicalProbeJob
from hindcast_trainer.topical_words import choose
from hindcast_trainer.train import LanguageModelJob

WORDS = ["the", "storm", "rain", "wind", "sun", "Colima", "said", "fell", "rose", "."]
SMALL = {
    "hidden_size": 8,
    "input": {"type": "learned", "size": 6},
    "optimizer": {"epochs": 2, "batch_size": 8, "learning_rate": 0.01},
}


def write_corpus(folder, seed, *, sentences=60, pipeline="plain"):
    random = np.random.default_rng(seed)
    folder.mkdir()
    with CorpusWriter(folder, pipeline=pipeline) as writer:
        for _ in range(sentences // 6):
            paragraph = [random.choice(WORDS, random.integers(2, 9)).tolist() for _ in range(6)]
            writer.add_document([paragraph], split="train")
        writer.close()


@pytest.fixture
def work(tmp_path):
    """Three corpora and two tables that jobs can refer to."""
    (tmp_path / "scratch").mkdir()
    rows = np.random.default_rng(1).normal(size=(6, 5)).astype(np.float32)
    tables = {
        "tab_1": EmbeddingTable(("<unk>", "</s>", "storm", "rain", "the", "Lima"), rows),
        "tab_2": EmbeddingTable(("storm", "rain"), rows[:2]),
    }
    work = LocalWork(tmp_path / "scratch", tables=MemoryTables(tables))
    for seed, role in enumerate(("train", "valid", "test")):
        write_corpus(tmp_path / role, seed)
        work.add(f"cor_{role}", "corpus", tmp_path / role)
    work.add("tab_1", "table", tmp_path, facts={"pipeline": "wikitext"})
    work.add("tab_2", "table", tmp_path)
    return work


def job(**fields):
    texts = {role: f"cor_{role}" for role in ("train", "valid", "test")}
    return LanguageModelJob.model_validate({**texts, **SMALL, **fields})


def train(work, **fields):
    produced = job(**fields).run(work)
    return produced, Bundle.open(produced.folder)


def test_it_makes_a_model_whose_card_says_what_it_was_made_of(work):
    produced, bundle = train(work, history="document", vocabulary={"size": 9})
    card = bundle.card
    assert produced.facts == bundle.facts()
    assert (bundle.pipeline, bundle.history, len(bundle.vocabulary)) == ("plain", "document", 9)
    assert card["data"]["train"]["corpora"] == [{"id": "cor_train", "name": "cor_train by name"}]
    assert card["data"]["train"]["sentences"] == 60
    assert 0.2 < card["data"]["test"]["oov_rate"] < 0.4  # 3 of 10 words
    made_from = {"corpora": ["cor_train", "cor_valid", "cor_test"]}
    assert card["lineage"] == made_from | dict.fromkeys(("table", "vocabulary", "domains", "init_from"))
    assert card["spec"] == job(history="document", vocabulary={"size": 9}).model_dump(mode="json")
    assert produced.metrics["oov_rate"] == card["data"]["test"]["oov_rate"]
    assert produced.metrics["parameters"] == produced.facts["parameters"] == 9 * 6 + 4 * 8 * (6 + 8 + 2) + 9 * 8 + 9
    assert json.loads(json.dumps(card)) == card


def test_its_perplexities_are_those_that_scoring_gives(work, tmp_path):
    produced, bundle = train(work)
    text = Text.resolve(CorpusReference(corpora=("cor_test",)), lambda id: Corpus.open(tmp_path / "test"))
    encoded = text.encoded(bundle.vocabulary)
    (scores,) = score(bundle.model, [encoded.tokens(0, len(encoded))], history="sentence")
    assert produced.metrics["test_perplexity"] == pytest.approx(math.exp(-scores.log_probs_N.mean()), rel=1e-9)
    assert produced.metrics["valid_perplexity"] < 20


def test_its_losses_are_of_the_weights_that_are_kept(work):
    optimizer = {**SMALL["optimizer"], "epochs": 12, "learning_rate": 0.3, "patience": 3}
    metrics = train(work, optimizer=optimizer)[0].metrics
    assert metrics["best_epoch"] < metrics["epochs"]
    for role in ("train", "valid"):
        assert metrics[f"{role}_loss"] == pytest.approx(math.log(metrics[f"{role}_perplexity"]), rel=1e-12)


@pytest.mark.parametrize(("table", "fallback"), [("tab_1", "<unk>"), ("tab_2", "mean")])
@pytest.mark.parametrize("normalization", ["none", "unit", "mean_variance", "standardize"])
def test_words_that_the_table_lacks_get_its_unknown_or_its_mean_row_and_are_counted(
    work, table, fallback, normalization
):
    _, bundle = train(work, input={"type": "table", "table": table, "normalization": normalization})
    asked = work.tables.rows(table, ["<unk>", "storm"], normalization)
    lacking = asked.vectors[0] if fallback == "<unk>" else asked.mean
    weight = bundle.model.tensors()["input.weight"].numpy()
    np.testing.assert_array_equal(weight[bundle.vocabulary.id("storm")], asked.vectors[1])
    np.testing.assert_array_equal(weight[bundle.vocabulary.id("wind")], lacking)
    coverage = bundle.card["table"]
    assert coverage["fallback"] == fallback
    assert coverage["types_lacking"] == (7 if table == "tab_1" else 10)
    assert coverage["types"] == len(bundle.vocabulary)
    assert coverage["tokens"] == bundle.card["data"]["train"]["tokens"]
    assert 0.4 < coverage["tokens_lacking"] / coverage["tokens"] < 0.95
    assert "wind" in coverage["most_frequent_lacking"]


def test_a_trainable_table_moves_and_is_counted_among_the_parameters(work):
    frozen, _ = train(work, input={"type": "table", "table": "tab_1", "compression": 3})
    (work.scratch / "model").rename(work.scratch / "frozen")
    free, bundle = train(work, input={"type": "table", "table": "tab_1", "compression": 3, "trainable": True})
    assert free.metrics["parameters"] - frozen.metrics["parameters"] == len(bundle.vocabulary) * 5
    row = work.tables.rows("tab_1", ["storm"], "none").vectors[0]
    assert not np.allclose(bundle.model.tensors()["input.weight"][bundle.vocabulary.id("storm")].numpy(), row)
    assert bundle.specification.compression == 3


def test_a_table_made_from_text_of_another_pipeline_is_warned_of(work):
    _, bundle = train(work, input={"type": "table", "table": "tab_1"})
    (warning,) = bundle.card["warnings"]
    assert "wikitext" in warning
    assert "plain" in warning


def test_words_that_no_text_can_have_are_warned_of(work):
    _, bundle = train(work, vocabulary={"words": ["the", "<unk>", "rain-coat", "storm", "(uh)"]})
    (warning,) = bundle.card["warnings"]
    assert warning.startswith("2 of the vocabulary's 5 words")
    assert "rain-coat is read as rain - coat" in warning


@pytest.mark.parametrize("role", ["test", "valid"])
@pytest.mark.parametrize("history", ["sentence", "document"])
def test_what_each_held_out_sentence_scored_lies_beside_the_bundle(work, role, history):
    produced, _ = train(work, **({} if role == "test" else {"test": None}), history=history)
    kept = HeldOutScores.open(produced.folder)
    assert (kept.role, kept.reference.corpora) == (role, (f"cor_{role}",))
    assert kept.scores.perplexity == produced.metrics[f"{role}_perplexity"]
    assert len(kept.scores.nats_S) == 60


def test_without_held_out_text_nothing_is_kept_and_bundles_leave_the_scores_behind(work, tmp_path):
    produced, _ = train(work, valid=None, test=None)
    assert {file.name for file in produced.folder.iterdir()} == {*FILES, CHECKSUMS}
    produced.folder.rename(work.scratch / "first")
    produced, bundle = train(work)
    pack(produced.folder, tmp_path / "packed")
    (tmp_path / "unpacked").mkdir()
    assert unpack(tmp_path / "packed", tmp_path / "unpacked").card == bundle.card
    with pytest.raises(NotFound):
        HeldOutScores.open(tmp_path / "unpacked")


def test_test_text_that_was_trained_on_is_counted_and_warned_of(work):
    _, bundle = train(work, test="cor_train")
    assert bundle.card["data"]["test"]["overlap"] == {"n": 8, "share": 1.0}
    assert "100.0%" in bundle.card["warnings"][0]
    (work.scratch / "model").rename(work.scratch / "first")
    _, bundle = train(work)
    assert bundle.card["data"]["test"]["overlap"]["share"] < 0.01
    assert bundle.card["warnings"] == []


def test_topical_words_are_ranked_given_the_document_and_the_sentence(work):
    produced, bundle = train(work, history="document")
    work.add("lm_1", "model", produced.folder)
    metrics = TopicalProbeJob(model="lm_1", text="cor_test", probes={"auto": 12}).run(work).metrics
    text = Text.resolve(CorpusReference(corpora=("cor_test",)), lambda id: Corpus.open(work.folder(id)))
    encoded = text.encoded(bundle.vocabulary)
    words = choose(encoded, bundle.vocabulary, count=12)
    assert metrics["words"] == len(words) == 12
    for context, starts in (("document", words.document_starts_P), ("sentence", words.sentence_starts_P)):
        ranks = []
        for position, start in zip(words.positions_P, starts, strict=True):
            log_probs_V = bundle.model.log_probs(read(bundle.model, encoded.tokens(start, position)))[0].numpy()
            ranks.append(1 + (log_probs_V > log_probs_V[encoded.take(position)]).sum())
        assert metrics[f"{context}_median"] == np.median(ranks)
        assert metrics[f"{context}_mrr"] == pytest.approx(sum(1 / rank for rank in ranks) / 12)
        assert metrics[f"{context}_hits_at_10"] == sum(rank <= 10 for rank in ranks) / 12
        assert metrics[f"{context}_hits_at_100"] == 1
    assert "12 topical words" in work.logged[-1]


def test_the_vocabulary_of_another_model_can_be_taken_over(work):
    produced, first = train(work, vocabulary={"size": 6})
    produced.folder.rename(work.scratch / "first")
    work.add("lm_1", "model", work.scratch / "first")
    _, second = train(work, train="cor_valid", vocabulary={"same_as": "lm_1"})
    assert second.vocabulary == first.vocabulary


def test_an_attempt_that_dies_is_gone_on_with_to_the_same_model(work, tmp_path):
    produced, _ = train(work, dropout=0.2)
    expected = {file.name: file.read_bytes() for file in produced.folder.iterdir()}
    produced.folder.rename(work.scratch / "undisturbed")

    before, after = [], []

    def die(progress):
        before.append(progress)
        if progress.message == "epoch 1 of 2 done":
            (tmp_path / "checkpoint").mkdir()
            progress.save(tmp_path / "checkpoint")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        job(dropout=0.2).run(replace(work, heard=die))
    resumed = job(dropout=0.2).run(replace(work, heard=after.append, checkpoint=tmp_path / "checkpoint"))
    assert after[0].done > before[-1].done  # beginning anew makes the same model, too
    assert (resumed.folder / "weights.safetensors").read_bytes() == expected["weights.safetensors"]


def test_texts_of_different_pipelines_are_refused(work, tmp_path):
    write_corpus(tmp_path / "other", 5, pipeline="asr")
    work.add("cor_other", "corpus", tmp_path / "other")
    with pytest.raises(InvalidInput, match="asr") as caught:
        job(test="cor_other").run(work)
    assert caught.value.errors[0].field == "test"


def test_a_text_that_cannot_fill_a_batch_is_refused(work):
    with pytest.raises(InvalidInput, match="too small") as caught:
        job(optimizer={"batch_size": 61}).run(work)
    assert caught.value.errors[0].field == "train"


def test_a_table_with_vectors_too_long_for_a_network_is_refused(work):
    work.tables = MemoryTables({"tab_1": EmbeddingTable(("storm",), np.ones((1, 5000), dtype=np.float32))})
    with pytest.raises(InvalidInput, match="5000") as caught:
        job(input={"type": "table", "table": "tab_1"}).run(work)
    assert caught.value.errors[0].field == "input.table"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hidden_size", 0),
        ("hidden_size", 10**9),
        ("layers", 0),
        ("dropout", 1.0),
        ("dropout", float("nan")),
        ("history", "paragraph"),
        ("tied", "twice"),
        ("objective", {"type": "hierarchical_softmax"}),
        ("objective", {"type": "sampled_softmax", "samples": 0}),
        ("objective", {"type": "softmax", "samples": 8}),
        ("objective", {"type": "self_normalized", "penalty": 0}),
        ("auxiliary", {"weight": 0.1}),
        ("auxiliary", {"domains": "gold", "weight": -1}),
        ("auxiliary", {"domains": "gold", "schedule": "cosine"}),
        ("init_from", ""),
        ("input", {"type": "learned", "size": 0}),
        ("input", {"type": "learned", "compression": 3}),
        ("input", {"type": "table"}),
        ("input", {"type": "table", "table": "t", "normalization": "length"}),
        ("input", {"type": "table", "table": "t", "compression": 10**9}),
        ("optimizer", {"learning_rate": 0}),
        ("optimizer", {"learning_rate": float("inf")}),
        ("optimizer", {"epochs": 1001}),
        ("optimizer", {"bptt": 0}),
        ("optimizer", {"momentum": 0.9}),
        ("vocabulary", {"size": 10, "min_count": 2}),
        ("seed", -1),
    ],
)
def test_what_cannot_be_is_refused_and_named(field, value):
    with pytest.raises(ValidationError) as caught:
        LanguageModelJob.model_validate({"train": "cor_1", field: value})
    assert all(error["loc"][0] == field for error in caught.value.errors())


def test_everything_it_refers_to_is_named_and_can_be_replaced_by_ids():
    spec = job(
        train={"corpora": ["news", "talk"], "split": "train"},
        input={"type": "table", "table": "vectors"},
        vocabulary={"same_as": "old"},
    )
    references = {reference.field: (reference.types, reference.value) for reference in spec.references()}
    assert references == {
        "train.corpora.0": (("corpus",), "news"),
        "train.corpora.1": (("corpus",), "talk"),
        "valid.corpora.0": (("corpus",), "cor_valid"),
        "test.corpora.0": (("corpus",), "cor_test"),
        "input.table": (("table",), "vectors"),
        "vocabulary.same_as": (("model", "table"), "old"),
    }
    resolved = with_ids(spec, {"train.corpora.1": "cor_9", "input.table": "tab_9", "vocabulary.same_as": "lm_9"})
    assert resolved.train.corpora == ("news", "cor_9")
    assert (resolved.input.table, resolved.vocabulary.same_as) == ("tab_9", "lm_9")


@pytest.mark.parametrize("history", ["sentence", "document"])
def test_probes_give_the_rank_that_a_full_sort_gives(work, history):
    produced, bundle = train(work)
    work.add("lm_1", "model", produced.folder)
    context = "The storm rose. rain fell the"
    probes = [Probe(context=context, target="storm"), Probe(context=context, target="absent")]
    metrics = ProbeJob(model="lm_1", probes=probes, history=history).run(work).metrics
    before = ["The", "storm", "rose", ".", END, "rain", "fell", "the"]
    prefix = before if history == "document" else before[5:]
    log_probs_V = bundle.model.log_probs(read(bundle.model, bundle.vocabulary.encode(prefix)))[0].numpy()
    storm = log_probs_V[bundle.vocabulary.id("storm")]
    assert metrics == {
        "probe_0_rank": 1 + (log_probs_V > storm).sum(),
        "probe_0_probability": pytest.approx(math.exp(storm)),
    }


OBJECTIVES = [{"type": "sampled_softmax", "samples": 6}, {"type": "self_normalized", "penalty": 0.5}]


@pytest.mark.parametrize("changes", [*({"objective": objective} for objective in OBJECTIVES), {"tied": True}])
def test_each_objective_and_tying_make_other_models_that_score_as_they_say(work, tmp_path, changes):
    produced, bundle = train(work, **changes)
    text = Text.resolve(CorpusReference(corpora=("cor_test",)), lambda id: Corpus.open(tmp_path / "test"))
    encoded = text.encoded(bundle.vocabulary)
    (scores,) = score(bundle.model, [encoded.tokens(0, len(encoded))], history="sentence")
    assert produced.metrics["test_perplexity"] == pytest.approx(math.exp(-scores.log_probs_N.mean()), rel=1e-9)
    assert produced.metrics["test_perplexity"] < 13
    plain, _ = train(replace(work, scratch=fresh(tmp_path)))
    assert produced.metrics["test_perplexity"] != plain.metrics["test_perplexity"]


def fresh(folder):
    scratch = folder / "another"
    scratch.mkdir()
    return scratch


def test_a_self_normalised_model_says_so_and_how_far_log_z_strays(work):
    _, bundle = train(work, objective=OBJECTIVES[1])
    assert bundle.specification.self_normalized
    strays = bundle.card["normalization"]
    assert set(strays) == {"mean_log_z", "deviation_log_z", "largest_log_z", "tokens"}
    assert abs(strays["mean_log_z"]) < 0.5
    assert strays["tokens"] == bundle.card["data"]["valid"]["tokens"]


def test_other_models_say_nothing_of_log_z(work):
    assert train(work)[1].card["normalization"] is None


@pytest.fixture
def labelled(work, tmp_path):
    """A corpus whose documents have domains of their own words, and domains that were found in it."""
    folder = tmp_path / "labelled"
    folder.mkdir()
    random = np.random.default_rng(4)
    with CorpusWriter(folder, pipeline="plain") as writer:
        for number in range(24):
            words = WORDS[:5] if number % 2 else WORDS[5:]
            paragraph = [random.choice(words, random.integers(2, 9)).tolist() for _ in range(5)]
            labels = [] if number % 6 == 5 else ["dry" if number % 2 else "wet"]
            writer.add_document([paragraph], split="train", labels=labels)
        writer.close()
    work.add("cor_labelled", "corpus", folder)
    for id, corpus in (("dom_1", "cor_labelled"), ("dom_2", "cor_train")):
        found = tmp_path / id
        found.mkdir()
        clusters = [{"label": "sun"}, {"label": "rain"}]
        facts = {"corpus": {"corpora": [corpus]}, "unit": "document", "k": 2, "clusters": clusters}
        DomainAssignment((np.arange(24) % 2).astype(np.int32), np.ones(24, dtype=np.float32), facts).save(found)
        work.add(id, "domains", found)
    return work


@pytest.mark.parametrize(
    ("domains", "names", "share"), [("gold", ["wet", "dry"], 20 / 24), ("dom_1", ["sun", "rain"], 1)]
)
def test_a_second_task_is_learned_and_told_of_in_the_card(labelled, domains, names, share):
    auxiliary = {"domains": domains, "weight": 1.0}
    optimizer = {**SMALL["optimizer"], "epochs": 6}
    produced, bundle = train(labelled, train="cor_labelled", auxiliary=auxiliary, optimizer=optimizer)
    told = bundle.card["auxiliary"]
    assert sorted(told["domains"]) == sorted(names)
    assert told["labelled_tokens"] == pytest.approx(share * bundle.card["data"]["train"]["tokens"], rel=0.1)
    assert produced.metrics["domain_accuracy"] > 0.6
    assert bundle.card["lineage"]["domains"] == domains
    assert [each.field for each in job(auxiliary=auxiliary).references() if "auxiliary" in each.field] == (
        [] if domains == "gold" else ["auxiliary.domains"]
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"auxiliary": {"domains": "dom_2"}}, "auxiliary.domains"),
        ({"auxiliary": {"domains": "gold"}, "train": "cor_train"}, "auxiliary.domains"),
    ],
)
def test_domains_that_do_not_suit_the_text_are_refused(labelled, changes, field):
    with pytest.raises(InvalidInput) as raised:
        job(**{"train": "cor_labelled", **changes}).run(labelled)
    assert [error.field for error in raised.value.errors] == [field]


@pytest.fixture
def trained(work, tmp_path):
    """A model of that text, which others can go on from, and the work to do so."""
    produced, bundle = train(work, input={"type": "table", "table": "tab_1", "compression": 4})
    again = replace(work, scratch=fresh(tmp_path))
    again.add("lm_1", "model", produced.folder)
    return again, produced, bundle


def test_training_goes_on_from_a_models_weights_network_and_words(trained):
    work, produced, bundle = trained
    still = {**SMALL["optimizer"], "epochs": 1, "learning_rate": 1e-12}
    fields = {"train": "cor_valid", "valid": "cor_valid", "test": "cor_test", "optimizer": still, "init_from": "lm_1"}
    adapted = LanguageModelJob.model_validate(fields).run(work)
    after = Bundle.open(adapted.folder)
    assert after.vocabulary == bundle.vocabulary
    assert after.specification == bundle.specification
    assert adapted.metrics["test_perplexity"] == pytest.approx(produced.metrics["test_perplexity"], rel=1e-5)
    assert after.card["lineage"]["init_from"] == "lm_1"
    assert not {"vocabulary", "input", "hidden_size", "layers", "tied"} & after.card["spec"].keys(), (
        "defaults, not its own"
    )
    assert LanguageModelJob.model_validate(after.card["spec"]) == LanguageModelJob.model_validate(fields)
    frozen = after.model.tensors()["input.weight"].numpy()
    np.testing.assert_array_equal(frozen, bundle.model.tensors()["input.weight"].numpy())


def test_more_training_moves_it_towards_its_new_text(trained):
    work, produced, _ = trained
    more = {"optimizer": {**SMALL["optimizer"], "epochs": 8}, "init_from": "lm_1"}
    adapted = LanguageModelJob.model_validate({"train": "cor_valid", "valid": "cor_valid", **more}).run(work)
    assert adapted.metrics["valid_perplexity"] < produced.metrics["valid_perplexity"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("hidden_size", 8), ("input", {"type": "learned", "size": 6}), ("vocabulary", {"size": 9}), ("tied", True)],
)
def test_what_a_model_brings_along_is_refused_beside_it(field, value):
    with pytest.raises(ValidationError, match="must be left out beside init_from") as caught:
        LanguageModelJob.model_validate({"train": "cor_train", "init_from": "lm_1", field: value})
    assert [error["loc"] for error in caught.value.errors()] == [(field,)]


def test_a_model_of_another_pipeline_is_refused(trained, tmp_path):
    work, _, _ = trained
    write_corpus(tmp_path / "spoken", 9, pipeline="asr")
    work.add("cor_spoken", "corpus", tmp_path / "spoken")
    with pytest.raises(InvalidInput) as raised:
        LanguageModelJob.model_validate({"train": "cor_spoken", "init_from": "lm_1"}).run(work)
    assert [error.field for error in raised.value.errors] == ["init_from"]
