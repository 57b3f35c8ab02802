import numpy as np
import pytest
import torch
from dense_gradient import with_dense_gradient
from drive import finish
from little_language_models import VOCABULARY, domains, random_text, same, second_task, trainee

from hindcast.lm.evaluation import normalization, score_corpus
from hindcast.lm.lstm import LstmSpecification
from hindcast.lm.objectives import SampledSoftmax, SelfNormalized, Softmax
from hindcast.lm.trainee import LanguageModelTrainee, read_batch
from hindcast.nn.fitting import Plan, fit
from hindcast.text.corpus import EncodedText

PLAN = Plan(learning_rate=0.02, epochs=5, patience=2, clip_norm=1.0, seed=1)


def test_equal_seeds_give_equal_models_bit_by_bit_and_other_seeds_others():
    models = []
    for seed in (1, 1, 2):
        each = trainee(seed=seed, dropout=0.3)
        finish(fit(each, Plan(learning_rate=0.02, epochs=2, seed=seed)))
        models.append(each.module)
    assert same(models[0], models[1])
    assert not same(models[0], models[2])


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


@pytest.mark.parametrize("objective", [Softmax(), SampledSoftmax(samples=30), SelfNormalized()])
@pytest.mark.parametrize("tied", [False, True])
def test_every_objective_learns_and_its_validation_is_the_exact_softmax(objective, tied):
    each = trainee(objective=objective, tied=tied)
    result = finish(fit(each, Plan(learning_rate=0.02, epochs=4)))
    each.model.prepare_for_scoring()
    scored = [scores.log_probs_N for _, scores in score_corpus(each.model, each.valid, history="document")]
    assert result.valid_perplexity == pytest.approx(np.exp(-np.concatenate(scored).mean()), rel=1e-5)
    assert result.valid_perplexity < 49


def test_self_normalised_models_have_a_log_z_near_nothing_and_others_have_not():
    strays = {}
    for objective in (Softmax(), SelfNormalized(penalty=1.0)):
        each = trainee(objective=objective, self_normalized=objective.type == "self_normalized")
        finish(fit(each, Plan(learning_rate=0.02, epochs=6)))
        each.model.prepare_for_scoring()
        strays[objective.type] = normalization(each.model, each.valid, history="document")
    assert abs(strays["self_normalized"]["mean_log_z"]) < 0.5 < 2 < strays["softmax"]["mean_log_z"]
    assert strays["self_normalized"]["deviation_log_z"] < 0.3
    assert strays["self_normalized"]["tokens"] == len(each.valid)


def test_log_z_is_what_the_logits_sum_to():
    each = trainee(history="sentence")
    batch = next(each.batches(epoch=0, skip=0))
    with torch.no_grad():
        hidden_TBH, _ = read_batch(each.model, batch, ())
        logits_NV = hidden_TBH.flatten(0, 1) @ each.model.output.weight.t() + each.model.output.bias
    torch.testing.assert_close(
        each.model.log_normalizers(hidden_TBH.flatten(0, 1)).float(), logits_NV.logsumexp(dim=1), rtol=1e-5, atol=1e-5
    )


def test_a_sampled_batch_moves_the_output_weights_of_its_words_alone():
    each = trainee(objective=SampledSoftmax(samples=3))
    before = each.model.output.weight.detach().clone()
    steps = fit(each, Plan(learning_rate=0.02, epochs=1), report_seconds=0.0)
    next(steps)
    batch = next(each.batches(epoch=0, skip=0))
    moved = set(torch.nonzero((each.model.output.weight != before).any(dim=1)).flatten().tolist())
    targets = set(batch.targets_TB[batch.targets_TB >= 0].tolist())
    assert targets <= moved
    assert len(moved - targets) <= 3


@pytest.mark.parametrize("input_size", [6, 8])
def test_tied_vectors_are_one_weight_that_reads_and_predicts(input_size):
    specification = LstmSpecification(vocabulary_size=50, input_size=input_size, hidden_size=8, tied=True)
    model = specification.build(seed=1)
    names = {"input.weight", "output.bias"} | ({"to_input_size.weight"} if input_size != 8 else set())
    assert names <= set(model.tensors())
    assert "output.weight" not in model.tensors()
    again = specification.restore(model.tensors())
    assert again.output.weight is again.input.weight
    again.prepare_for_scoring()
    hidden_1H, _ = again.step(torch.tensor([5]), again.start_state(1))
    by_hand = hidden_1H @ model.input.weight.double().t() + model.output.bias.double()
    torch.testing.assert_close(again.log_probs(hidden_1H), by_hand.log_softmax(dim=1), rtol=1e-5, atol=1e-5)


def test_the_tied_gradient_is_the_sum_of_what_reading_and_predicting_ask_for():
    each = trainee(tied=True)
    batch = next(each.batches(epoch=0, skip=0))
    each.loss(batch, ()).total.backward()
    tied = each.model.input.weight.grad.clone()
    plain = LstmSpecification(vocabulary_size=50, input_size=6, hidden_size=8).build(seed=1)
    projection = each.model.to_input_size.weight.detach().requires_grad_()
    weight = each.model.input.weight.detach().clone().requires_grad_()
    reading = weight.detach().clone().requires_grad_()
    plain.load_state_dict({**plain.state_dict(), **{k: v for k, v in each.model.state_dict().items() if "lstm" in k}})
    hidden_TBH, _ = plain.lstm(torch.nn.functional.embedding(torch.from_numpy(batch.inputs_TB), reading))
    logits_TBV = hidden_TBH @ projection.t() @ weight.t() + each.model.output.bias
    loss = torch.nn.functional.cross_entropy(
        logits_TBV.flatten(0, 1), torch.from_numpy(batch.targets_TB).flatten(), ignore_index=-1, reduction="sum"
    )
    both = torch.autograd.grad(loss, [reading, weight])
    torch.testing.assert_close(tied, both[0] + both[1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("objective", [Softmax(), SampledSoftmax(samples=5)])
def test_tied_gradients_hold_against_finite_differences(objective):
    each = trainee(tied=True, objective=objective)
    model = each.model.double()
    batch = next(each.batches(epoch=0, skip=0))
    parameters = [model.input.weight, model.to_input_size.weight, model.output.bias]
    del model.input.weight

    def loss(weight_VD, *_):  # the others are nudged where they are
        model.input.weight = with_dense_gradient(weight_VD)
        torch.manual_seed(4)  # the same samples each time
        return each.loss(batch, ()).total

    assert torch.autograd.gradcheck(loss, parameters, fast_mode=True)


@pytest.mark.parametrize("history", ["sentence", "document"])
def test_each_target_has_the_domain_of_the_text_that_it_is_in(history):
    text, by_sentence = random_text(1), domains(random_text(1), "sentence")
    _, ends = text.unit_bounds("sentence")
    expected = {
        position: int(by_sentence.labels_U[np.searchsorted(ends, position, "right")]) for position in range(len(text))
    }
    seen = {}
    for batch in trainee(history=history).batches(epoch=0, skip=0):
        labels_TB = by_sentence.of(batch)
        for lane, length in enumerate(batch.lengths_B.tolist()):
            seen |= {int(batch.starts_B[lane]) + step: int(labels_TB[step, lane]) for step in range(length)}
            assert (labels_TB[length:, lane] == -1).all()
    assert seen == expected
    assert by_sentence.labelled_tokens == sum(label >= 0 for label in expected.values())


def test_the_second_task_adds_its_weighted_loss_and_none_for_text_without_a_domain():
    each = trainee(auxiliary=True)
    batch = next(iter(each.batches(epoch=2, skip=0)))
    loss = each.loss(batch, ())
    hidden_TBH, _ = read_batch(each.model, batch, ())
    labels_TB = each.auxiliary.domains.of(batch)
    assert (labels_TB < 0).any()
    assert (labels_TB >= 0).any()
    plain = torch.nn.functional.cross_entropy(
        each.auxiliary.head(hidden_TBH).flatten(0, 1), labels_TB.flatten(), ignore_index=-1, reduction="sum"
    )
    assert loss.total.item() == pytest.approx(loss.nats.item() + 0.5 * (1 - 2 / 5) * plain.item(), rel=1e-5)
    with torch.no_grad():
        assert each.loss(batch, ()).total.item() == pytest.approx(loss.nats.item(), rel=1e-5)


def test_the_second_task_is_learned_through_the_state_and_is_no_part_of_the_model():
    each = trainee(auxiliary=True)
    before = each.auxiliary.head.weight.detach().clone()
    result = finish(fit(each, Plan(learning_rate=0.02, epochs=5)))
    assert not torch.equal(each.auxiliary.head.weight, before)
    assert each.auxiliary.accuracy > 0.4
    assert not any("auxiliary" in name or "head" in name for name in each.model.tensors())
    each.model.prepare_for_scoring()
    scored = [scores.log_probs_N for _, scores in score_corpus(each.model, each.valid, history="document")]
    assert result.valid_perplexity == pytest.approx(np.exp(-np.concatenate(scored).mean()), rel=1e-5)


def test_a_constant_weight_stays_and_a_linear_one_falls_to_nothing_after_the_last_epoch():
    constant, linear = second_task(8, schedule="constant"), second_task(8, schedule="linear")
    assert [constant.weight_in(epoch) for epoch in (0, 4)] == [0.5, 0.5]
    assert [linear.weight_in(epoch) for epoch in (0, 1, 4)] == pytest.approx([0.5, 0.4, 0.1])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"table": True, "compression": 5},
        {"tied": True},
        {"auxiliary": True},
        {"objective": SampledSoftmax(samples=9)},
    ],
)
def test_on_a_cuda_device_it_learns_as_on_a_processor_and_goes_on_from_a_checkpoint(tmp_path, options):
    each, there = trainee(**options), trainee(**options)
    there.module.to("cuda")
    batch = next(each.batches(epoch=0, skip=0))
    if not each.objective.sparse:  # whose words are drawn by the device's own random numbers
        assert there.loss(batch, ()).total.item() == pytest.approx(each.loss(batch, ()).total.item(), rel=1e-3)
    steps = fit(there, PLAN, report_seconds=0.0)
    next(steps).save(tmp_path)
    finish(steps)
    again = trainee(**options)
    again.module.to("cuda")
    finish(fit(again, PLAN, checkpoint=tmp_path))
    for name, weight in there.module.state_dict().items():
        torch.testing.assert_close(again.module.state_dict()[name], weight, rtol=1e-3, atol=1e-3)
