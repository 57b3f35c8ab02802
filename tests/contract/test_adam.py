import pytest
import torch
from torch import nn

from hindcast.nn.adam import Adam


def layers():
    """Two dense parameters, and two whose rows alone have gradients, one of them never."""
    generator = torch.Generator().manual_seed(1)
    shapes = [(7, 5), (7,), (30, 5), (30, 5)]
    return [nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]


def give_gradients(parameters, seed):
    """One batch's. Rows may occur more than once; the batch of seed 3 touches none."""
    generator = torch.Generator().manual_seed(seed)
    weight, bias, rows, untouched = parameters
    for parameter in (weight, bias):
        parameter.grad = torch.randn(parameter.shape, generator=generator)
    touched = torch.randint(30, (0 if seed == 3 else 9,), generator=generator)
    values = torch.randn(len(touched), 5, generator=generator)
    rows.grad = torch.sparse_coo_tensor(touched[None], values, rows.shape, check_invariants=True).coalesce()
    untouched.grad = None


@pytest.mark.parametrize("learning_rates", [[0.1] * 6, [0.1, 0.1, 0.1, 0.05, 0.025, 0.025]])
def test_steps_are_those_of_torchs_own_optimizers_bit_by_bit(learning_rates):
    mine, theirs = layers(), layers()
    adam = Adam(mine, learning_rate=learning_rates[0])
    references = [torch.optim.Adam(theirs[:2], fused=True), torch.optim.SparseAdam(theirs[2:])]
    for seed, learning_rate in enumerate(learning_rates):
        for parameters in (mine, theirs):
            give_gradients(parameters, seed)
        adam.learning_rate = learning_rate
        adam.step()
        for reference in references:
            reference.param_groups[0]["lr"] = learning_rate
            reference.step()
        for parameter, expected in zip(mine, theirs, strict=True):
            assert torch.equal(parameter, expected)
    for parameter, expected in zip(mine[:3], theirs[:3], strict=True):
        state = next(reference.state[expected] for reference in references if expected in reference.state)
        moments = adam.moments[parameter]
        assert float(moments.step) == float(state["step"])
        assert torch.equal(moments.exp_avg, state["exp_avg"])
        assert torch.equal(moments.exp_avg_sq, state["exp_avg_sq"])
    assert mine[3] not in adam.moments
