"""What is remembered of texts changes how long reading takes, and nothing else."""

import threading
from typing import Any

import numpy as np
import pytest
import torch

from hindcast.lm import reading
from hindcast.lm.lstm import LstmSpecification
from hindcast.lm.reading import Reader
from hindcast.text.vocabulary import END_ID


class Counting:
    """A model that counts the words it reads."""

    def __init__(self) -> None:
        self._model = LstmSpecification(vocabulary_size=20, input_size=4, hidden_size=6, layers=2).build(seed=1)
        self._model.prepare_for_scoring()
        self.words = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def run(self, words_TB: torch.Tensor, state: Any) -> Any:
        self.words += words_TB.numel()
        return self._model.run(words_TB, state)


def read(model: Any, text: np.ndarray) -> torch.Tensor:
    """Word by word, from the beginning."""
    state = model.start_state(1)
    for word in (END_ID, *text.tolist()):
        hidden_1H, state = model.step(torch.tensor([word]), state)
    return hidden_1H


def test_only_what_is_new_is_read() -> None:
    model = Counting()
    reader = Reader(model)  # type: ignore[arg-type]
    text = np.array([4, 5, 6, 7, 1, 8])
    for length, read_on in ((4, 5), (4, 0), (6, 2), (2, 3), (0, 1), (5, 1), (6, 0)):
        before = model.words
        found = reader.read(text[:length])
        assert model.words - before == read_on, length
        assert torch.allclose(found, read(model, text[:length]), atol=1e-12)
        model.words = 0


def test_texts_that_differ_are_told_apart_even_if_their_hashes_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_hashes", lambda tokens: [0, *(len(tokens) % 2 for _ in tokens)])
    model = Counting()
    reader = Reader(model)  # type: ignore[arg-type]
    for text in ([3, 4], [5, 6], [3, 4, 5], [3], [3, 4]):
        assert torch.allclose(reader.read(np.array(text)), read(model, np.array(text)), atol=1e-12)


def test_it_forgets_the_text_used_longest_ago_and_remembers_no_long_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LONGEST", 5)
    model = Counting()
    reader = Reader(model, remembered=2)  # type: ignore[arg-type]
    one, two, three, long = np.array([3]), np.array([4]), np.array([5]), np.arange(2, 9)
    for text in (one, two, one, three):
        reader.read(text)
    model.words = 0
    reader.read(one)
    assert model.words == 0
    reader.read(two)
    assert model.words == 2
    for _ in range(2):
        model.words = 0
        assert torch.allclose(reader.read(long), read(model, long), atol=1e-12)
    assert model.words == 8


def test_threads_share_it() -> None:
    model = Counting()
    reader = Reader(model, remembered=3)  # type: ignore[arg-type]
    random = np.random.default_rng(1)
    texts = [random.integers(2, 5, random.integers(0, 6)) for _ in range(200)]
    expected = [read(model, text) for text in texts]
    wrong = []

    def ask(first: int) -> None:
        for text, hidden in list(zip(texts, expected, strict=True))[first:]:
            if not torch.allclose(reader.read(text), hidden, atol=1e-12):
                wrong.append(text)

    threads = [threading.Thread(target=ask, args=[first]) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
