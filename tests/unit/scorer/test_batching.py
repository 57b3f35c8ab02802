"""Requests of many threads at once get the answers that they would get alone."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from hindcast.lm.lstm import LstmSpecification
from hindcast.lm.prefix_tree import ReadingPoint, score_sentences
from hindcast.lm.single_precision import SinglePrecisionModel
from hindcast_scorer import batching
from hindcast_scorer.batching import Batching


def quick_model(seed: int) -> SinglePrecisionModel:
    model = LstmSpecification(vocabulary_size=20, input_size=4, hidden_size=6).build(seed=seed)
    model.prepare_for_scoring()
    return SinglePrecisionModel(model)


def test_many_threads_get_what_they_would_get_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    models = [quick_model(seed) for seed in (1, 2)]
    starts = [[ReadingPoint.start(model), ReadingPoint.start(model).after(model, [3, 4])] for model in models]
    random = np.random.default_rng(1)
    asked = [
        (number % 2, number // 2 % 2, number % 3 > 0, random.integers(2, 20, (3, 4)).tolist()) for number in range(40)
    ]
    batches: list[int] = []
    scored = batching._fulfil

    def counted(wishes):
        batches.append(len(wishes))
        scored(wishes)

    monkeypatch.setattr(batching, "_fulfil", counted)
    together = Batching(slots=1, most_sentences=30)
    ready = threading.Barrier(len(asked))

    def ask(which):
        model, start, normalize, sentences = which
        ready.wait()
        return together.score(models[model], sentences, start=starts[model][start], normalize=normalize)

    with ThreadPoolExecutor(len(asked)) as pool:
        answers = list(pool.map(ask, asked))
    for (model, start, normalize, sentences), answer in zip(asked, answers, strict=True):
        alone = score_sentences(models[model], sentences, start=starts[model][start], normalize=normalize)
        assert np.concatenate(answer) == pytest.approx(np.concatenate(alone), abs=1e-6)
    assert sum(batches) == len(asked)
    assert max(batches) <= 10  # of three sentences, for 30 at most


def test_a_failure_is_told_to_those_whose_it_is() -> None:
    model = quick_model(1)
    together = Batching(slots=1)
    with pytest.raises(IndexError):
        together.score(model, [[99]], start=ReadingPoint.start(model))
    assert len(together.score(model, [[3]], start=ReadingPoint.start(model))) == 1


def test_each_slot_takes_its_share_of_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    model = quick_model(1)
    start = ReadingPoint.start(model)
    batches: list[int] = []
    computing, go_on = threading.Semaphore(0), threading.Event()
    scored = batching._fulfil

    def held_up(wishes):
        batches.append(len(wishes))
        computing.release()
        assert go_on.wait(30)
        scored(wishes)

    monkeypatch.setattr(batching, "_fulfil", held_up)
    together = Batching(slots=2)
    with ThreadPoolExecutor(12) as pool:
        first = [pool.submit(together.score, model, [[3]], start=start) for _ in range(2)]
        for _ in first:
            assert computing.acquire(timeout=30)
        waiting = [pool.submit(together.score, model, [[4]], start=start) for _ in range(10)]
        while len(together._waiting) < 10:
            time.sleep(0.01)
        go_on.set()
        answers = [future.result(30) for future in (*first, *waiting)]
    assert len(answers) == 12
    assert batches[:3] == [1, 1, 5], "half of the ten that wait, and not all"
