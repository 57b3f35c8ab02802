import math
from dataclasses import dataclass

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from hindcast.errors import InvalidInput
from hindcast.nn.fitting import Loss, Plan, fit
from hindcast.nn.losses import softmax_cross_entropy


class Bigrams(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.embedding = nn.Embedding(12, 4, sparse=True)
        self.output = nn.Linear(4, 12)


@dataclass
class BigramTrainee:
    """Predicts each next word of a fixed text from the word before it."""

    module: Bigrams
    words: Tensor
    valid: Tensor | None = None
    tokens_per_epoch: int = 56
    tokens_per_batch: int = 14

    def batches(self, *, epoch, skip):
        return iter(self.words.split(15)[skip:])

    def loss(self, batch, state):
        hidden = self.module.embedding(batch[:-1])
        total = softmax_cross_entropy(hidden, self.module.output.weight, self.module.output.bias, batch[1:])
        return Loss(total, len(batch) - 1)

    def validation(self):
        return None if self.valid is None else iter([self.loss(self.valid, ())])


def text(seed, words=12):
    return torch.randint(words, (60,), generator=torch.Generator().manual_seed(seed))


def run(trainee, plan, **options):
    """Drive fit to its end: all that it yielded, and its result."""
    steps, seen = fit(trainee, plan, report_seconds=0.0, **options), []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            return seen, end.value


def mean_loss(trainee, words):
    with torch.no_grad():
        loss = trainee.loss(words, ())
    return loss.total.item() / loss.tokens


def test_fitting_lowers_the_loss_and_reports_on_the_way():
    trainee = BigramTrainee(Bigrams(), text(1, words=3))
    before = mean_loss(trainee, trainee.words)
    seen, result = run(trainee, Plan(learning_rate=0.1, epochs=8))
    assert mean_loss(trainee, trainee.words) < before / 2
    assert (result.epochs, result.best_epoch, result.valid_perplexity) == (8, 8, None)
    assert [progress.done for progress in seen] == sorted(progress.done for progress in seen)
    assert seen[-1].milestone
    assert seen[3].metrics["train_perplexity"] == pytest.approx(math.exp(seen[3].metrics["train_loss"]))


def test_the_first_step_is_adams_step_of_the_mean_loss():
    trainee = BigramTrainee(Bigrams(), text(2)[:15])
    reference = Bigrams()
    hidden = nn.functional.embedding(trainee.words[:-1], reference.embedding.weight)
    nn.functional.cross_entropy(reference.output(hidden), trainee.words[1:]).backward()
    with torch.no_grad():
        for parameter in reference.parameters():  # the first step's moments are the gradient itself and its square
            parameter -= 0.01 * parameter.grad / (parameter.grad.abs() + 1e-8)
    run(trainee, Plan(learning_rate=0.01, epochs=1))
    torch.testing.assert_close(trainee.module.state_dict(), reference.state_dict())


def test_rows_that_a_step_does_not_touch_stay_as_they_are():
    trainee = BigramTrainee(Bigrams(), text(3, words=3))
    before = trainee.module.embedding.weight.detach().clone()
    run(trainee, Plan(learning_rate=0.1, epochs=2))
    moved = (trainee.module.embedding.weight != before).any(dim=1)
    assert moved.tolist() == [True] * 3 + [False] * 9


def norm_after_one_step(tmp_path, clip_norm, tokens_per_batch=14):
    """Length of the gradient that Adam saw: its first moment is a tenth of it."""
    trainee = BigramTrainee(Bigrams(), text(4)[:15], tokens_per_batch=tokens_per_batch)
    seen, _ = run(trainee, Plan(learning_rate=1e-9, epochs=1, clip_norm=clip_norm))
    folder = tmp_path / f"{clip_norm} {tokens_per_batch}"
    folder.mkdir()
    seen[-1].save(folder)
    stored = load_file(folder / "fit.safetensors")
    return 10 * math.sqrt(sum(float(stored[name].square().sum()) for name in stored if "exp_avg." in name))


def test_gradients_are_cut_to_their_norm_over_sparse_and_dense_together(tmp_path):
    whole = norm_after_one_step(tmp_path, None)
    assert norm_after_one_step(tmp_path, 1e3) == pytest.approx(whole)
    assert norm_after_one_step(tmp_path, whole / 3) == pytest.approx(whole / 3, rel=1e-5)


def test_a_batch_that_is_not_full_moves_the_weights_less(tmp_path):
    full = norm_after_one_step(tmp_path, None)
    assert norm_after_one_step(tmp_path, None, tokens_per_batch=28) == pytest.approx(full / 2)


@pytest.mark.parametrize("patience", [1, 3])
def test_it_stops_after_so_many_epochs_without_a_better_validation_and_keeps_the_best(patience):
    trainee = BigramTrainee(Bigrams(), text(5), valid=text(6))  # chance: what is learned helps nothing
    _, result = run(trainee, Plan(learning_rate=0.3, epochs=50, patience=patience))
    assert result.epochs == result.best_epoch + patience < 50
    assert mean_loss(trainee, trainee.valid) == pytest.approx(math.log(result.valid_perplexity), rel=1e-6)


def test_gains_too_small_to_count_end_it_and_the_best_of_them_is_kept():
    class Scripted(BigramTrainee):
        def validation(self):
            return iter([Loss(torch.tensor(56 * next(losses)), 56)])

    losses = iter([3.0, 2.9, 2.8995, 2.8990, 2.0])
    seen, result = run(Scripted(Bigrams(), text(5)), Plan(learning_rate=0.01, epochs=5, patience=2))
    assert (result.epochs, result.best_epoch) == (4, 4)
    assert seen[-1].metrics["learning_rate"] == pytest.approx(0.01 / 4)
    assert math.log(result.valid_perplexity) == pytest.approx(2.899, abs=1e-6)


def test_without_patience_all_epochs_are_run_and_the_best_weights_kept():
    trainee = BigramTrainee(Bigrams(), text(5), valid=text(6))
    _, result = run(trainee, Plan(learning_rate=0.3, epochs=9))
    assert result.epochs == 9 > result.best_epoch
    assert mean_loss(trainee, trainee.valid) == pytest.approx(math.log(result.valid_perplexity), rel=1e-6)


def test_a_loss_that_is_no_number_ends_it_with_advice():
    trainee = BigramTrainee(Bigrams(), text(7))
    with pytest.raises(InvalidInput, match="lower") as caught:
        run(trainee, Plan(learning_rate=1e38, epochs=5))
    assert caught.value.errors[0].field == "optimizer.learning_rate"


@pytest.mark.parametrize("patience", [None, 2])
def test_every_checkpoint_leads_to_the_same_end(tmp_path, patience):
    plan = Plan(learning_rate=0.2, epochs=4, patience=patience, clip_norm=0.5, seed=3)
    steps, saved = fit(BigramTrainee(Bigrams(), text(8), valid=text(9)), plan, report_seconds=0.0), []
    for number, progress in enumerate(steps):
        if progress.save:
            (tmp_path / str(number)).mkdir()
            progress.save(tmp_path / str(number))
            saved.append((tmp_path / str(number), progress.done))
    whole = BigramTrainee(Bigrams(), text(8), valid=text(9))
    _, expected = run(whole, plan)
    for checkpoint, done in saved:
        resumed = BigramTrainee(Bigrams(), text(8), valid=text(9))
        seen, result = run(resumed, plan, checkpoint=checkpoint)
        assert all(progress.done >= done for progress in seen), "beginning anew leads to the same end, too"
        assert result.valid_perplexity == expected.valid_perplexity
        for name, weight in whole.module.state_dict().items():
            assert torch.equal(resumed.module.state_dict()[name], weight), (checkpoint, name)


def test_checkpoints_of_torchs_own_optimizers_lead_there_too(tmp_path):
    """Earlier versions saved what torch's SparseAdam has, which counts steps in whole numbers."""
    plan = Plan(learning_rate=0.2, epochs=3, clip_norm=0.5, seed=3)
    steps = fit(BigramTrainee(Bigrams(), text(8)), plan, report_seconds=0.0)
    for _ in range(5):
        progress = next(steps)
    progress.save(tmp_path)
    stored = load_file(tmp_path / "fit.safetensors")
    stored["adam.step.embedding.weight"] = stored["adam.step.embedding.weight"].long()
    save_file({name: tensor.clone() for name, tensor in stored.items()}, tmp_path / "fit.safetensors")
    whole, resumed = (BigramTrainee(Bigrams(), text(8)) for _ in range(2))
    run(whole, plan)
    run(resumed, plan, checkpoint=tmp_path)
    for name, weight in whole.module.state_dict().items():
        assert torch.equal(resumed.module.state_dict()[name], weight), name
