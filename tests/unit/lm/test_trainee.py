import numpy as np
import pytest
import torch

from hindcast.lm.evaluation import score_corpus
from hindcast.lm.lstm import LstmSpecification
from hindcast.lm.trainee import LanguageModelTrainee
from hindcast.nn.fitting import Plan, fit
from hindcast.text.corpus import EncodedText
from hindcast.text.vocabulary import Vocabulary

VOCABULARY = Vocabulary.from_words([f"word{number}" for number in range(48)])


def random_text(seed, documents=12):
    random = np.random.default_rng(seed)
    words = np.array(VOCABULARY.words[2:])
    lengths = [random.integers(1, 15, random.integers(1, 8)) for _ in range(documents)]
    return EncodedText.of([[random.choice(words, n).tolist() for n in sentences] for sentences in lengths], VOCABULARY)


def trainee(*, history="document", seed=1, table=False, **sizes):
    specification = LstmSpecification(
        vocabulary_size=len(VOCABULARY), input_size=6, hidden_size=8, input_trainable=not table, **sizes
    )
    rows = torch.randn(len(VOCABULARY), 6, generator=torch.Generator().manual_seed(2)) if table else None
    model = specification.build(seed=seed, input_VD=rows)
    return LanguageModelTrainee(model, random_text(1), random_text(2), history, batch_size=4, bptt=5, seed=seed)


def finish(steps):
    """Drive fit to its end."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def same(model, other):
    mine, theirs = model.state_dict(), other.state_dict()
    return all(torch.equal(mine[name], theirs[name]) for name in mine)


PLAN = Plan(learning_rate=0.02, epochs=5, patience=2, clip_norm=1.0, seed=1)


def test_equal_seeds_give_equal_models_bit_by_bit_and_other_seeds_others():
    models = []
    for seed in (1, 1, 2):
        each = trainee(seed=seed, dropout=0.3)
        finish(fit(each, Plan(learning_rate=0.02, epochs=2, seed=seed)))
        models.append(each.module)
    assert same(models[0], models[1])
    assert not same(models[0], models[2])


@pytest.mark.parametrize("history", ["sentence", "document"])
@pytest.mark.parametrize("table", [False, True])
def test_cut_off_and_resumed_at_random_moments_it_ends_with_the_same_weights(tmp_path, history, table):
    """Time and again: go on from the last checkpoint, save at a random moment, die some random steps later."""
    options = {"history": history, "table": table, "dropout": 0.4, "layers": 2, "compression": 5 if table else None}
    whole = trainee(**options)
    expected = finish(fit(whole, PLAN, report_seconds=0.0))
    random, checkpoint, attempts = np.random.default_rng(7), None, 0
    while True:
        attempts += 1
        torch.manual_seed(attempts)  # whatever else drew random numbers meanwhile plays no part
        resumed = trainee(**options)
        steps = fit(resumed, PLAN, checkpoint=checkpoint, report_seconds=0.0)
        try:
            for number in range(random.integers(2, 25)):
                progress = next(steps)
                if progress.save and random.random() < 0.2:
                    checkpoint = tmp_path / f"{attempts}-{number}"
                    checkpoint.mkdir()
                    progress.save(checkpoint)
        except StopIteration as end:
            result = end.value
            break
    assert attempts > 3
    assert same(resumed.module, whole.module)
    assert (result.valid_perplexity, result.epochs) == (expected.valid_perplexity, expected.epochs)


def test_a_frozen_table_stays_as_it_was_given_and_is_no_part_of_checkpoints(tmp_path):
    each = trainee(table=True)
    before = each.module.input.weight.clone()
    steps = fit(each, Plan(learning_rate=0.02, epochs=1), report_seconds=0.0)
    next(steps).save(tmp_path)
    finish(steps)
    assert torch.equal(each.module.input.weight, before)
    assert b"input.weight" not in (tmp_path / "fit.safetensors").read_bytes()


def test_the_validation_is_what_scoring_says_of_the_text():
    each = trainee()
    result = finish(fit(each, Plan(learning_rate=0.01, epochs=2)))
    each.module.prepare_for_scoring()
    scored = [scores.log_probs_N for _, scores in score_corpus(each.module, each.valid, history="document")]
    assert result.valid_perplexity == pytest.approx(np.exp(-np.concatenate(scored).mean()), rel=1e-5)


def test_a_lane_that_begins_a_document_knows_nothing_of_the_one_before():
    each = trainee()
    batches = list(each.batches(epoch=0, skip=0))
    batch = next(batch for batch in batches[1:] if not batch.carry_B.all() and batch.carry_B.any())
    state = tuple(torch.randn_like(tensor) for tensor in each.module.start_state(len(batch.carry_B)))
    kept = tuple(tensor * torch.from_numpy(batch.carry_B)[:, None] for tensor in state)
    with torch.no_grad():
        assert each.loss(batch, state).total.item() == each.loss(batch, kept).total.item()
        assert each.loss(batch, state).total.item() != each.loss(batch, ()).total.item()


def test_it_learns_a_text_that_can_be_learned():
    sentences = [[f"word{(start + step) % 48}" for step in range(8)] for start in range(48)]
    text = EncodedText.of([sentences] * 3, VOCABULARY)
    model = LstmSpecification(vocabulary_size=len(VOCABULARY), input_size=16, hidden_size=16).build(seed=1)
    each = LanguageModelTrainee(model, text, text, "sentence", batch_size=8, bptt=10, seed=1)
    result = finish(fit(each, Plan(learning_rate=0.02, epochs=12)))
    assert result.valid_perplexity < 3  # one of 48 to begin with, then always the next: 48 ** (1 / 9) = 1.54
