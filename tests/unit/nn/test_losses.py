import math

import pytest
import torch
from dense_gradient import with_dense_gradient
from torch.nn.functional import cross_entropy, linear

from hindcast.nn import losses
from hindcast.nn.losses import (
    Samples,
    draw_samples,
    sampled_softmax_cross_entropy,
    self_normalized_cross_entropy,
    softmax_cross_entropy,
    target_log_probs,
)


def problem(*, tokens=37, hidden=8, words=50, scale=1.0, dtype=torch.float32):
    torch.manual_seed(5)
    hidden_NH = (torch.randn(tokens, hidden, dtype=dtype) * scale).requires_grad_()
    weight_VH = (torch.randn(words, hidden, dtype=dtype) * scale).requires_grad_()
    bias_V = torch.randn(words, dtype=dtype).requires_grad_()
    targets_N = torch.randint(-1, words, (tokens,))
    targets_N[0], targets_N[1] = -1, 3
    return hidden_NH, weight_VH, bias_V, targets_N


def textbook(hidden_NH, weight_VH, bias_V, targets_N):
    return cross_entropy(linear(hidden_NH, weight_VH, bias_V), targets_N, ignore_index=-1, reduction="sum")


@pytest.fixture(params=["turned", "many weights"])
def either_way_of_the_weights_gradient(request, monkeypatch):
    monkeypatch.setattr(losses, "_TURNED_WEIGHTS", 0 if request.param == "many weights" else 1 << 20)


@pytest.mark.usefixtures("either_way_of_the_weights_gradient")
@pytest.mark.parametrize("chunk", [1, 8, 37, 1000])
@pytest.mark.parametrize("scale", [1.0, 6.0])
def test_loss_and_gradients_are_the_textbooks(chunk, scale):
    *inputs, targets_N = problem(scale=scale)
    expected = textbook(*inputs, targets_N)
    gradients = torch.autograd.grad(expected, inputs)
    loss = softmax_cross_entropy(*inputs, targets_N, chunk=chunk)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    for ours, theirs in zip(torch.autograd.grad(loss * 2.5, inputs), gradients, strict=True):
        torch.testing.assert_close(ours, theirs * 2.5, rtol=1e-4, atol=1e-4)


def test_gradients_hold_against_finite_differences():
    *inputs, targets_N = problem(tokens=9, hidden=3, words=7, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda *of: softmax_cross_entropy(*of, targets_N, chunk=4), inputs)


def test_words_that_are_all_but_impossible_have_a_finite_exact_loss():
    hidden_NH, weight_VH = torch.full((1, 1), 1.0), torch.tensor([[0.0], [300.0]])
    loss = softmax_cross_entropy(hidden_NH, weight_VH, torch.zeros(2), torch.tensor([0]))
    assert loss.item() == pytest.approx(300.0)


def test_without_gradients_the_loss_is_the_same():
    *inputs, targets_N = problem()
    with torch.no_grad():
        expected = textbook(*inputs, targets_N).item()
        assert softmax_cross_entropy(*inputs, targets_N).item() == pytest.approx(expected, rel=1e-6)


def test_log_probs_of_targets_are_those_of_a_full_softmax():
    *inputs, targets_N = problem()
    targets_N = targets_N.clamp(min=0)
    with torch.no_grad():
        expected = linear(*inputs).log_softmax(dim=1).gather(1, targets_N[:, None])[:, 0]
        torch.testing.assert_close(target_log_probs(*inputs, targets_N, chunk=5), expected)
        assert target_log_probs(inputs[0][:0], *inputs[1:], targets_N[:0]).shape == (0,)


@pytest.mark.usefixtures("either_way_of_the_weights_gradient")
def test_its_gradients_are_handed_over_not_copied():
    hidden_NH, weight_VH, bias_V, targets_N = problem()
    loss = softmax_cross_entropy(hidden_NH, weight_VH, bias_V, targets_N)
    made = loss.grad_fn.saved_tensors[1].data_ptr()
    loss.backward()
    assert weight_VH.grad.data_ptr() == made


@pytest.mark.usefixtures("either_way_of_the_weights_gradient")
def test_padding_alone_costs_nothing():
    *inputs, targets_N = problem()
    loss = softmax_cross_entropy(*inputs, torch.full_like(targets_N, -1))
    assert loss.item() == 0.0
    assert all(not gradient.any() for gradient in torch.autograd.grad(loss, inputs))


def penalized(hidden_NH, weight_VH, bias_V, targets_N, penalty):
    """The textbook's way: over all logits at once."""
    told = targets_N >= 0
    log_z_N = linear(hidden_NH, weight_VH, bias_V).logsumexp(dim=1)[told]
    return textbook(hidden_NH, weight_VH, bias_V, targets_N) + penalty * log_z_N.square().sum()


@pytest.mark.parametrize("chunk", [1, 8, 1000])
@pytest.mark.parametrize("penalty", [0.1, 3.0])
def test_the_self_normalised_loss_and_its_gradients_are_the_textbooks(chunk, penalty):
    *inputs, targets_N = problem()
    expected = penalized(*inputs, targets_N, penalty)
    total, nats = self_normalized_cross_entropy(*inputs, targets_N, penalty=penalty, chunk=chunk)
    assert total.item() == pytest.approx(expected.item(), rel=1e-6)
    assert nats.item() == pytest.approx(textbook(*inputs, targets_N).item(), rel=1e-6)
    gradients = torch.autograd.grad(expected, inputs)
    for ours, theirs in zip(torch.autograd.grad(total, inputs), gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_the_self_normalised_gradients_hold_against_finite_differences():
    *inputs, targets_N = problem(tokens=9, hidden=3, words=7, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda *of: self_normalized_cross_entropy(*of, targets_N, penalty=0.3, chunk=4).total, inputs
    )


def test_text_that_is_not_learned_has_no_penalty():
    *inputs, targets_N = problem()
    with torch.no_grad():
        total, nats = self_normalized_cross_entropy(*inputs, targets_N, penalty=5.0)
    assert total.item() == nats.item() == pytest.approx(textbook(*inputs, targets_N).item(), rel=1e-6)


def sampled_by_hand(hidden_NH, weight_VH, bias_V, targets_N, samples):
    """Token by token: the target, and the other samples, each divided by the probability that it is sampled."""
    total = torch.zeros((), dtype=hidden_NH.dtype)
    for hidden_H, target in zip(hidden_NH, targets_N.tolist(), strict=True):
        if target >= 0:
            others = [id for id in samples.ids_S.tolist() if id != target]
            logits_V = weight_VH @ hidden_H + bias_V
            of_one_draw = [math.log((id + 2) / (id + 1)) / math.log(len(weight_VH) + 1) for id in others]
            shares = [1 - (1 - probability) ** samples.draws for probability in of_one_draw]
            rest = sum(logits_V[id].exp() / share for id, share in zip(others, shares, strict=True))
            total = total - logits_V[target] + (logits_V[target].exp() + rest).log()
    return total


def test_the_sampled_loss_and_its_gradients_are_those_taken_word_by_word():
    *inputs, targets_N = problem(dtype=torch.float64)
    samples = Samples(torch.tensor([0, 3, 7, 20, 49]), 6)
    assert bool(torch.isin(targets_N, samples.ids_S).any())
    expected = sampled_by_hand(*inputs, targets_N, samples)
    loss = sampled_softmax_cross_entropy(*inputs, targets_N, samples)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-9)
    gradients = torch.autograd.grad(expected, inputs)
    ours = torch.autograd.grad(loss, inputs)
    assert ours[1].is_sparse
    for mine, theirs in zip((ours[0], ours[1].to_dense(), ours[2]), gradients, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_the_sampled_gradients_hold_against_finite_differences():
    *inputs, targets_N = problem(tokens=9, hidden=3, words=7, dtype=torch.float64)
    samples = Samples(torch.tensor([0, 3, 5]), 4)

    def loss(hidden_NH, weight_VH, bias_V):
        return sampled_softmax_cross_entropy(hidden_NH, with_dense_gradient(weight_VH), bias_V, targets_N, samples)

    assert torch.autograd.gradcheck(loss, inputs)


def test_with_all_words_among_many_samples_the_sampled_loss_is_the_exact_one():
    *inputs, targets_N = problem(dtype=torch.float64)
    everything = Samples(torch.arange(50), 10**7)  # so many draws that every word is certain to come
    loss = sampled_softmax_cross_entropy(*inputs, targets_N, everything)
    assert loss.item() == pytest.approx(textbook(*inputs, targets_N).item(), rel=1e-6)


def test_on_average_over_many_draws_the_sampled_gradient_is_nearly_the_exact_one():
    *inputs, targets_N = problem(scale=0.3, dtype=torch.float64)
    exact, *_ = torch.autograd.grad(textbook(*inputs, targets_N), inputs)

    def mean_error(draws):
        torch.manual_seed(1)
        mean = torch.zeros_like(exact)
        for _ in range(300):
            loss = sampled_softmax_cross_entropy(*inputs, targets_N, draws(draw_samples(40, 50)))
            mean += torch.autograd.grad(loss, inputs)[0] / 300
        return float((mean - exact).norm() / exact.norm())

    assert mean_error(lambda samples: samples) < 0.05
    assert mean_error(lambda samples: samples._replace(draws=10**7)) > 0.1  # not corrected: as if all were certain


def test_samples_come_as_often_as_their_probability_says():
    torch.manual_seed(1)
    seen = torch.zeros(30)
    for _ in range(3000):
        seen[draw_samples(10, 30).ids_S] += 1 / 3000
    expected = Samples(torch.arange(30), 10).log_probabilities(30).exp().float()
    torch.testing.assert_close(seen, expected, atol=0.04, rtol=0)
