"""An interrupted fit of a language model goes on to the very weights that it would have come to."""

import numpy as np
import pytest
import torch
from drive import finish
from little_language_models import same, trainee

from hindcast.lm.objectives import SampledSoftmax, SelfNormalized
from hindcast.nn.fitting import Plan, fit

PLAN = Plan(learning_rate=0.02, epochs=5, patience=2, clip_norm=1.0, seed=1)


@pytest.mark.parametrize(
    "options",
    [
        {"history": "sentence"},
        {"history": "document"},
        {"history": "sentence", "table": True, "compression": 5},
        {"history": "document", "table": True, "compression": 5},
        {"objective": SampledSoftmax(samples=9)},
        {"objective": SampledSoftmax(samples=9), "tied": True},
        {"objective": SelfNormalized()},
        {"tied": True},
        {"auxiliary": True},
    ],
)
def test_cut_off_and_resumed_at_random_moments_it_ends_with_the_same_weights(tmp_path, options):
    """Time and again: go on from the last checkpoint, save at a random moment, die some random steps later."""
    options = {"dropout": 0.4, "layers": 2, **options}
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
    if "auxiliary" in options:
        assert resumed.auxiliary.accuracy == whole.auxiliary.accuracy
    assert (result.valid_perplexity, result.epochs) == (expected.valid_perplexity, expected.epochs)
