import pytest
import torch
from torch.nn.functional import cross_entropy, linear

from hindcast.nn.losses import softmax_cross_entropy, target_log_probs


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


def test_its_gradients_are_handed_over_not_copied():
    hidden_NH, weight_VH, bias_V, targets_N = problem()
    loss = softmax_cross_entropy(hidden_NH, weight_VH, bias_V, targets_N)
    made = loss.grad_fn.saved_tensors[1].data_ptr()
    loss.backward()
    assert weight_VH.grad.data_ptr() == made


def test_padding_alone_costs_nothing():
    *inputs, targets_N = problem()
    loss = softmax_cross_entropy(*inputs, torch.full_like(targets_N, -1))
    assert loss.item() == 0.0
    assert all(not gradient.any() for gradient in torch.autograd.grad(loss, inputs))
