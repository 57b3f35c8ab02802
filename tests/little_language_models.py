"""Language models of about a thousand weights, and text for them to learn."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import nn

from hindcast.lm.auxiliary import DomainTask, Schedule, TextDomains
from hindcast.lm.base import History
from hindcast.lm.bundle import Bundle, pack
from hindcast.lm.lstm import LstmSpecification
from hindcast.lm.objectives import Objective, Softmax
from hindcast.lm.trainee import LanguageModelTrainee
from hindcast.text.corpus import EncodedText, Unit
from hindcast.text.vocabulary import Vocabulary

VOCABULARY = Vocabulary.from_words([f"word{number}" for number in range(48)])


def packed_model() -> bytes:
    """A whole model as one file."""
    specification = LstmSpecification(vocabulary_size=len(VOCABULARY), input_size=6, hidden_size=8)
    with TemporaryDirectory() as folder:
        saved = Path(folder, "bundle")
        saved.mkdir()
        Bundle(specification, specification.build(seed=1), VOCABULARY, "asr", "sentence", {}).save(saved)
        pack(saved, Path(folder, "packed"))
        return Path(folder, "packed").read_bytes()


def random_text(seed: int, documents: int = 12) -> EncodedText:
    """Documents of up to seven sentences of up to fourteen words."""
    random = np.random.default_rng(seed)
    words = np.array(VOCABULARY.words[2:])
    lengths = [random.integers(1, 15, random.integers(1, 8)) for _ in range(documents)]
    return EncodedText.of([[random.choice(words, n).tolist() for n in sentences] for sentences in lengths], VOCABULARY)


def domains(text: EncodedText, unit: Unit = "document") -> TextDomains:
    """One of three domains, or none, for each unit of a text."""
    _, ends_U = text.unit_bounds(unit)
    return TextDomains(ends_U, np.arange(len(ends_U)) % 4 - 1, ["sea", "law", "land"])


def second_task(size: int, *, weight: float = 0.5, schedule: Schedule = "linear", epochs: int = 5) -> DomainTask:
    """Telling the domains of the text that a `trainee` learns."""
    return DomainTask(domains(random_text(1)), size=size, weight=weight, schedule=schedule, epochs=epochs, seed=3)


def trainee(
    *,
    history: History = "document",
    seed: int = 1,
    table: bool = False,
    objective: Objective | None = None,
    auxiliary: bool = False,
    **sizes: Any,
) -> LanguageModelTrainee:
    """A model with learned inputs, or on a frozen table, and its text."""
    specification = LstmSpecification(
        vocabulary_size=len(VOCABULARY), input_size=6, hidden_size=8, input_trainable=not table, **sizes
    )
    rows = torch.randn(len(VOCABULARY), 6, generator=torch.Generator().manual_seed(2)) if table else None
    model = specification.build(seed=seed, input_VD=rows)
    return LanguageModelTrainee(
        model,
        random_text(1),
        random_text(2),
        history,
        batch_size=4,
        bptt=5,
        seed=seed,
        objective=objective or Softmax(),
        auxiliary=second_task(model.predicting_size) if auxiliary else None,
    )


def same(model: nn.Module, other: nn.Module) -> bool:
    """Whether all weights are, to the bit."""
    mine, theirs = model.state_dict(), other.state_dict()
    return all(torch.equal(mine[name], theirs[name]) for name in mine)
