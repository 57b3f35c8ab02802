"""word2vec in slices: resumable to the bit, and still gensim's own."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from gensim.models import Word2Vec as GensimWord2Vec
from pydantic import ValidationError

from hindcast.text.corpus import EncodedText
from hindcast.text.vocabulary import Vocabulary
from hindcast_trainer.pretrain import Material
from hindcast_trainer.pretraining import word2vec
from hindcast_trainer.pretraining.word2vec import Word2Vec, train_word2vec

in_small_slices = partial(train_word2vec, threads=1, batch_words=500, batches_per_slice=3)


def spec(**options):
    return Word2Vec(**{"corpus": "made", "size": 16, "epochs": 2, **options})


def nearest(table, word, count):
    unit = table.vectors / np.linalg.norm(table.vectors, axis=1, keepdims=True)
    order = np.argsort(-unit @ unit[table.row(word)])
    return [table.words[row] for row in order[1 : count + 1]]


def test_every_word_that_occurs_has_a_row(material, finish):
    table = finish(spec().pretrain(material, checkpoint=None, threads=1))
    assert table.words == material.vocabulary.words
    assert table.vectors.shape == (80, 16)
    assert table.vectors.dtype == np.float32
    assert table.details["repeatable"]


def test_a_word_that_never_occurs_has_none(made_text, finish):
    vocabulary = Vocabulary.from_words(["boata", "absent", "farmb"])
    material = Material(made_text.encoded(vocabulary), vocabulary, domains={}.__getitem__)
    assert finish(spec().pretrain(material, checkpoint=None, threads=1)).words == ("<unk>", "</s>", "boata", "farmb")


def test_words_of_one_topic_become_neighbours(material, finish):
    table = finish(spec(epochs=30, seed=3).pretrain(material, checkpoint=None, threads=1))
    assert all(word.startswith("court") for word in nearest(table, "courtc", 5))


@pytest.mark.parametrize(
    "options",
    [{}, {"skip_gram": True, "unit": "paragraph"}, {"window": 2, "negative": 3, "skip_gram": True}, {"window": 2}],
)
def test_slices_compute_what_one_call_of_gensim_does(material, finish, options):
    sliced = finish(in_small_slices(spec(**options), material, checkpoint=None))
    words, (starts, ends) = material.vocabulary.words, material.text.unit_bounds(options.get("unit", "sentence"))
    sentences = [[words[id] for id in material.text.tokens(*bounds)] for bounds in zip(starts, ends, strict=True)]
    counts = dict.fromkeys(words, 0)
    for word in (word for sentence in sentences for word in sentence):
        counts[word] += 1
    same = {"sg": int(options.get("skip_gram", False))} | {
        name: options[name] for name in ("window", "negative") if name in options
    }
    gensim = GensimWord2Vec(vector_size=16, workers=1, min_count=1, sorted_vocab=0, batch_words=500, **same)
    gensim.build_vocab_from_freq(counts)
    gensim.train(sentences, total_examples=len(sentences), epochs=2)
    np.testing.assert_array_equal(sliced.vectors, gensim.wv.vectors)


@pytest.mark.parametrize("moments", [2, 4, 10])
def test_an_interruption_changes_no_bit(material, finish, checkpoint_after, moments):
    undisturbed = finish(in_small_slices(spec(), material, checkpoint=None))
    saved = checkpoint_after(in_small_slices(spec(), material, checkpoint=None), moments)
    resumed = finish(in_small_slices(spec(), material, checkpoint=saved.folder), after=saved)
    np.testing.assert_array_equal(resumed.vectors, undisturbed.vectors)
    assert resumed.details["metrics"]["train_loss"] == undisturbed.details["metrics"]["train_loss"]


@pytest.mark.parametrize("skip_gram", [False, True])
def test_the_loss_is_what_gensim_says_of_the_last_batch(material, finish, skip_gram):
    table = finish(in_small_slices(spec(skip_gram=skip_gram, epochs=1), material, checkpoint=None))
    loss = 0.0

    class Listening(GensimWord2Vec):
        def _do_train_job(self, sentences, alpha, inits):
            nonlocal loss
            self.running_training_loss = 0.0
            told = super()._do_train_job(sentences, alpha, inits)
            loss = self.running_training_loss / told[1]
            return told

    words, (starts, ends) = material.vocabulary.words, material.text.unit_bounds("sentence")
    sentences = [[words[id] for id in material.text.tokens(*bounds)] for bounds in zip(starts, ends, strict=True)]
    counts = np.bincount(material.text.tokens(0, len(material.text)), minlength=len(words)).tolist()
    model = Listening(vector_size=16, workers=1, min_count=1, sorted_vocab=0, batch_words=500, sg=int(skip_gram))
    model.build_vocab_from_freq(dict(zip(words, counts, strict=True)))
    model.train(sentences, total_examples=len(sentences), epochs=1, compute_loss=True)
    assert table.details["metrics"]["train_loss"] == loss > 0


def test_the_seed_decides(material, finish):
    first, same, other = (
        finish(spec(seed=seed).pretrain(material, checkpoint=None, threads=1)).vectors for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


def test_progress_reaches_its_end_and_marks_the_epochs(material):
    steps = list(in_small_slices(spec(epochs=3), material, checkpoint=None))
    assert [step.done for step in steps] == sorted({step.done for step in steps})
    assert steps[-1].done == steps[-1].total == 3 * len(material.text)
    assert sum(step.milestone for step in steps) == 3
    assert steps[-1].metrics["train_loss"] < steps[0].metrics["train_loss"]


def test_a_paragraph_longer_than_gensim_reads_is_several(finish):
    vocabulary = Vocabulary.from_words(["early", "late"])
    text = EncodedText.of([[["early"] * 11_000 + ["late"]]], vocabulary)
    material = Material(text, vocabulary, domains={}.__getitem__)
    once, twice = (
        finish(spec(unit="paragraph", epochs=epochs).pretrain(material, checkpoint=None, threads=1))
        for epochs in (1, 2)
    )
    # A row that isn't read stays at its random start.
    assert not np.array_equal(once.vectors[once.row("late")], twice.vectors[twice.row("late")])


def test_more_workers_are_said_to_be_unrepeatable(material, finish):
    table = finish(spec(workers=2).pretrain(material, checkpoint=None, threads=2))
    assert not table.details["repeatable"]
    assert np.isfinite(table.vectors).all()


@pytest.mark.parametrize(("workers", "threads", "together"), [(1, 4, 1), (2, 4, 2), (4, 2, 2)])
def test_as_many_threads_train_as_are_asked_for_and_a_job_has(
    material, finish, monkeypatch, workers, threads, together
):
    pools = []

    class Pool(ThreadPoolExecutor):
        def __init__(self, max_workers):
            pools.append(max_workers)
            super().__init__(max_workers)

    monkeypatch.setattr(word2vec, "ThreadPoolExecutor", Pool)
    finish(spec(workers=workers).pretrain(material, checkpoint=None, threads=threads))
    assert pools == [together]


def test_workers_beyond_the_threads_of_a_job_change_no_vector(material, finish):
    one, four = (finish(in_small_slices(spec(workers=workers), material, checkpoint=None)) for workers in (1, 4))
    np.testing.assert_array_equal(one.vectors, four.vectors)


@pytest.mark.parametrize(
    "wrong",
    [{"size": 0}, {"size": 10**9}, {"window": 0}, {"negative": 0}, {"epochs": 0}, {"unit": "document"}, {"hs": 1}],
)
def test_a_wrong_specification_is_refused(wrong):
    with pytest.raises(ValidationError) as raised:
        spec(**wrong)
    assert raised.value.errors()[0]["loc"] == tuple(wrong)
