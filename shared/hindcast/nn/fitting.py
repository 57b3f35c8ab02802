"""How networks are fitted: one training loop for language models and for bidirectional LSTMs.

What `fit` computes depends on the trainee, the plan and the seed alone: not on when it yields, nor on having been
interrupted and resumed from a checkpoint.
"""

import json
import math
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from hindcast.errors import InvalidInput
from hindcast.nn.adam import Adam, Moments
from hindcast.progress import Progress

State = tuple[Tensor, ...]
"""What one batch hands on to the next; () where nothing is carried."""

BatchT = TypeVar("BatchT")

_MOMENTS = [field.name for field in fields(Moments)]

LEAST_GAIN = 0.002
"""Nats per token (0.2 % of a perplexity) by which an epoch must better the validation to count as better. Halving the
learning rate brings ever smaller gains: without it, a network that has long converged would go on to its last epoch."""


@dataclass(frozen=True)
class Loss:
    """What a batch costs."""

    total: Tensor
    """Scalar, whose gradients are followed: the SUM over its tokens of -log p, in nats, and whatever else is to be
    small."""
    tokens: int
    """Predictions that were summed, 1 or more."""
    state: State = ()
    """Handed on to the next batch, which detaches it where the trainee wants it detached."""
    nats: Tensor | None = None
    """Scalar: the sum of -log p alone, where `total` has more in it. Perplexities and early stopping go by it."""

    @property
    def reported(self) -> float:
        """The sum of -log p. InvalidInput where the loss is no number any more."""
        total = _finite(self.total.item())
        return total if self.nats is None else _finite(self.nats.item())


class Trainee(Protocol[BatchT]):
    """A network and the text it is to learn."""

    @property
    def module(self) -> nn.Module:
        """Its parameters that require gradients are fitted. The `weight` of a layer that is `sparse` (an embedding
        made so, an output of which samples are taken) is moved by the rows that a batch touched."""
        ...

    @property
    def tokens_per_epoch(self) -> int:
        """Predictions in one epoch."""
        ...

    @property
    def tokens_per_batch(self) -> int:
        """Predictions in a usual batch. Gradients of every batch are divided by it, so that each prediction weighs the
        same: a batch of a few short sentences moves the weights less than one of many long ones."""
        ...

    def batches(self, *, epoch: int, skip: int) -> Iterator[BatchT]:
        """The batches of an epoch (from 0), in an order that depends on the epoch alone, without the first `skip`."""
        ...

    def loss(self, batch: BatchT, state: State) -> Loss:
        """The loss of one batch; `state` is what the batch before handed on, () at the start of an epoch."""
        ...

    def validation(self) -> Iterator[Loss] | None:
        """The loss on text that isn't learned, batch by batch (called in eval mode, without gradients); None if there
        is no such text."""
        ...


@dataclass(frozen=True)
class Plan:
    """How to fit."""

    learning_rate: float
    """Adam's, at the start."""
    epochs: int
    """At most."""
    patience: int | None = None
    """Stop after so many epochs in a row that bettered the validation by less than LEAST_GAIN; None: never."""
    clip_norm: float | None = None
    """Longest gradient of a usual batch's mean loss, over all parameters together; None: any length."""
    seed: int = 0
    """Of dropout; each step's random numbers depend on the seed and the step's position alone."""


@dataclass(frozen=True)
class FitResult:
    """How it went. The module holds the best weights: of the best validation, or the last where there was none."""

    epochs: int
    best_epoch: int
    """Counted from 1."""
    train_perplexity: float
    """Of the best epoch, while its weights were moving."""
    valid_perplexity: float | None
    tokens_per_second: float


def losses_of(figures: Mapping[str, float]) -> dict[str, float]:
    """`train_loss` and `valid_loss` of the weights that are kept, in nats a prediction, as far as their perplexities
    are among the figures: while a fit goes on, losses are told of each epoch."""
    perplexities = {role: figures.get(f"{role}_perplexity") for role in ("train", "valid")}
    return {f"{role}_loss": math.log(figure) for role, figure in perplexities.items() if figure is not None}


@dataclass
class _Position:
    """Everything of a fit that isn't a tensor."""

    epoch: int = 0
    batch: int = 0
    learning_rate: float = 0.0
    nats: float = 0.0
    tokens: int = 0
    worse: int = 0
    """Epochs in a row that bettered the validation by less than LEAST_GAIN."""
    best_epoch: int = 0
    best_train_loss: float = 0.0
    best_valid_loss: float | None = None
    train_loss: float | None = None
    """Nats per token of the latest epoch, while its weights were moving."""
    valid_loss: float | None = None
    seen: int = 0
    """Tokens of all epochs."""
    seconds: float = 0.0
    """Spent in steps."""
    stopped: bool = False


def fit(
    trainee: Trainee[BatchT], plan: Plan, *, checkpoint: Path | None = None, report_seconds: float = 1.0
) -> Generator[Progress, None, FitResult]:
    """Fit the trainee's module with Adam, early stopping and the best weights kept.

    Yields about every `report_seconds`; `Progress.save` writes a checkpoint from which another call, with `checkpoint`
    and an equally built trainee, goes on to the very same weights. The best weights so far are kept in a temporary
    file.
    """
    with tempfile.TemporaryDirectory(prefix="fit-") as folder:
        fitting = _Fitting(trainee, plan, _BestWeights(Path(folder)))
        if checkpoint is not None:
            fitting.load(checkpoint)
        position = fitting.position
        while position.epoch < plan.epochs and not position.stopped:
            yield from fitting.learn(report_seconds)
            yield fitting.progress("checking on valid text", milestone=True)
            yield from fitting.validate(report_seconds)
            yield fitting.progress(f"epoch {position.epoch} of {plan.epochs} done", milestone=True)
        return fitting.finish()


class _BestWeights:
    """The weights of the best validation so far. In memory they would be one more copy of all that is learned."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "best.safetensors"

    def keep(self, weights: Mapping[str, Tensor]) -> None:
        """Forget what was best before."""
        self._file.unlink(missing_ok=True)  # rather than written over, for whoever still reads it
        if weights:
            save_file({name: weight.contiguous() for name, weight in weights.items()}, self._file)

    def read(self) -> Mapping[str, Tensor]:
        """Mapped from the file; empty where nothing was validated yet."""
        return load_file(self._file) if self._file.exists() else {}


class _Fitting:
    def __init__(self, trainee: Trainee[Any], plan: Plan, best: _BestWeights) -> None:
        self.trainee = trainee
        self.plan = plan
        self.best = best
        self.position = _Position(learning_rate=plan.learning_rate)
        self.state: State = ()
        self.buffers = dict(trainee.module.named_buffers())
        self.parameters = {name: p for name, p in trainee.module.named_parameters() if p.requires_grad}
        sparse_ids = {id(layer.weight) for layer in trainee.module.modules() if getattr(layer, "sparse", False)}
        self.sparse = [p for p in self.parameters.values() if id(p) in sparse_ids]
        self.optimizer = Adam(self.parameters.values(), learning_rate=plan.learning_rate)

    def learn(self, report_seconds: float) -> Generator[Progress, None, None]:
        """The rest of an epoch."""
        position, reported = self.position, time.monotonic()
        self.trainee.module.train()
        for batch in self.trainee.batches(epoch=position.epoch, skip=position.batch):
            started = time.monotonic()
            self.step(batch)
            position.seconds += time.monotonic() - started
            if time.monotonic() - reported >= report_seconds:
                yield self.progress(f"epoch {position.epoch + 1} of {self.plan.epochs}")
                reported = time.monotonic()

    def step(self, batch: Any) -> None:
        """One step of Adam."""
        position = self.position
        _seed_everything(self.plan.seed, position.epoch, position.batch)
        loss = self.trainee.loss(batch, self.state)
        loss.total.backward()
        self.scale_gradients()
        self.optimizer.step()
        self.trainee.module.zero_grad(set_to_none=True)

        self.state = tuple(tensor.detach() for tensor in loss.state)
        position.batch += 1
        position.nats += loss.reported
        position.tokens += loss.tokens
        position.seen += loss.tokens

    def scale_gradients(self) -> None:
        """From the sum's gradients to the mean's, no longer than the plan allows."""
        tokens = self.trainee.tokens_per_batch
        for parameter in self.sparse:
            if parameter.grad is not None:  # a word's occurrences add up before the length is taken
                parameter.grad = parameter.grad.coalesce()
        gradients = [p.grad for p in self.parameters.values() if p.grad is not None]
        values = [gradient._values() if gradient.is_sparse else gradient for gradient in gradients]
        scale = 1.0 / tokens
        if self.plan.clip_norm is not None:
            length = float(nn.utils.get_total_norm(values)) / tokens
            scale *= min(1.0, self.plan.clip_norm / max(length, 1e-12))
        torch._foreach_mul_(values, scale)

    @torch.no_grad()
    def validate(self, report_seconds: float) -> Generator[Progress, None, None]:
        """End an epoch: keep the weights if they are the best, decide whether to go on."""
        position = self.position
        train_loss = position.train_loss = position.nats / position.tokens
        valid_loss = position.valid_loss = yield from self.valid_loss(report_seconds)
        gain = math.inf
        if valid_loss is not None and position.best_valid_loss is not None:
            gain = position.best_valid_loss - valid_loss
        if gain > 0:
            position.best_epoch = position.epoch + 1
            position.best_train_loss, position.best_valid_loss = train_loss, valid_loss
            if valid_loss is not None:
                self.best.keep({name: p.detach() for name, p in self.parameters.items()})
        if gain >= LEAST_GAIN:
            position.worse = 0
        else:
            position.worse += 1
            position.stopped = self.plan.patience is not None and position.worse >= self.plan.patience
            self.set_learning_rate(position.learning_rate / 2)
        position.epoch, position.batch, position.nats, position.tokens = position.epoch + 1, 0, 0.0, 0
        self.state = ()

    def valid_loss(self, report_seconds: float) -> Generator[Progress, None, float | None]:
        """Mean nats per token of the text that isn't learned."""
        self.trainee.module.eval()
        losses = self.trainee.validation()
        if losses is None:
            return None
        nats, tokens, reported = 0.0, 0, time.monotonic()
        for loss in losses:
            nats, tokens = nats + loss.reported, tokens + loss.tokens
            if time.monotonic() - reported >= report_seconds:
                yield self.progress("checking on valid text", saving=False)
                reported = time.monotonic()
        return nats / tokens

    def set_learning_rate(self, learning_rate: float) -> None:
        """Of all parameters."""
        self.position.learning_rate = self.optimizer.learning_rate = learning_rate

    def progress(self, message: str, *, milestone: bool = False, saving: bool = True) -> Progress:
        """This moment."""
        position = self.position
        within_epoch = position.tokens > 0
        losses = {
            "train": position.nats / position.tokens if within_epoch else position.train_loss,
            "valid": position.valid_loss,
        }
        metrics = {
            "epoch": float(position.epoch + within_epoch),
            "learning_rate": position.learning_rate,
            "tokens_per_second": position.seen / position.seconds if position.seconds else 0.0,
        }
        for text, loss in losses.items():
            if loss is not None:
                metrics |= {f"{text}_loss": loss, f"{text}_perplexity": _perplexity(loss)}
        total = self.plan.epochs * self.trainee.tokens_per_epoch
        return Progress(
            done=min(position.seen, total),
            total=total,
            unit="tokens",
            message=message,
            metrics=metrics,
            save=self.save if saving else None,
            milestone=milestone,
        )

    def finish(self) -> FitResult:
        """Put the best weights into the module."""
        with torch.no_grad():
            for name, weight in self.best.read().items():
                self.parameters[name].copy_(weight)
        self.trainee.module.eval()
        position = self.position
        return FitResult(
            epochs=position.epoch,
            best_epoch=position.best_epoch,
            train_perplexity=_perplexity(position.best_train_loss),
            valid_perplexity=None if position.best_valid_loss is None else _perplexity(position.best_valid_loss),
            tokens_per_second=position.seen / position.seconds if position.seconds else 0.0,
        )

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor of this moment, by name."""
        named = {f"weight.{name}": p.detach() for name, p in self.parameters.items()}
        named |= {f"buffer.{name}": buffer for name, buffer in self.buffers.items()}
        named |= {f"best.{name}": tensor for name, tensor in self.best.read().items()}
        named |= {f"state.{index}": tensor for index, tensor in enumerate(self.state)}
        for name, parameter in self.parameters.items():
            if moments := self.optimizer.moments.get(parameter):
                named |= {f"adam.{moment}.{name}": getattr(moments, moment) for moment in _MOMENTS}
        return named

    def save(self, folder: Path) -> None:
        """Write all of this moment into an empty folder."""
        save_file({name: tensor.contiguous() for name, tensor in self.tensors().items()}, folder / "fit.safetensors")
        (folder / "fit.json").write_text(json.dumps(asdict(self.position)), encoding="utf-8")

    @torch.no_grad()
    def load(self, folder: Path) -> None:
        """Go back to the moment that was saved."""
        self.position = _Position(**json.loads((folder / "fit.json").read_text(encoding="utf-8")))
        stored = load_file(folder / "fit.safetensors")  # mapped, from a file that won't outlive the next checkpoint
        self.best.keep({name.removeprefix("best."): stored[name] for name in stored if name.startswith("best.")})
        device = next(iter(self.parameters.values())).device
        states = sum(name.startswith("state.") for name in stored)
        self.state = tuple(stored[f"state.{index}"].to(device, copy=True) for index in range(states))
        for name, buffer in self.buffers.items():
            buffer.copy_(stored.get(f"buffer.{name}", buffer))  # checkpoints of an earlier version have none
        for name, parameter in self.parameters.items():
            parameter.copy_(stored[f"weight.{name}"])
            if f"adam.step.{name}" in stored:
                moments = {
                    moment: stored[f"adam.{moment}.{name}"].to(device, torch.float32, copy=True) for moment in _MOMENTS
                }
                self.optimizer.moments[parameter] = Moments(**moments)
        self.set_learning_rate(self.position.learning_rate)


def _seed_everything(seed: int, epoch: int, batch: int) -> None:
    """Random numbers of a step that depend on nothing that happened before it."""
    (mixed,) = np.random.SeedSequence((seed, epoch, batch)).generate_state(1, np.uint64)
    torch.default_generator.manual_seed(int(mixed))
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed(int(mixed))


def _finite(nats: float) -> float:
    if not math.isfinite(nats):
        raise InvalidInput.field(
            "optimizer.learning_rate", "training diverged, the loss is not finite: try a lower one"
        )
    return nats


def _perplexity(loss: float) -> float:
    """exp of nats per token; where even a float can't hold it, infinity."""
    return math.exp(loss) if loss < 700 else math.inf
