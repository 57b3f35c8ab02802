"""What rescoring and ranking cost over HTTP, on a real server on a socket: `python benchmarks/rescoring_http.py`.

One list of 10 hypotheses beside the same call within the process; the rank of a word after 60 words of context, new and
repeated; lists of 10 by 32 clients at once beside one after the other. The server is a process of its own, with its
database in memory, so that no other service has a part in it.
"""

import argparse
import http.client
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
import uvicorn

from hindcast.lm.bundle import Bundle
from hindcast.lm.lstm import LstmSpecification
from hindcast.registry import Resource
from hindcast.testing import MemoryDatabase, now, temporary_artifacts
from hindcast.text.vocabulary import Vocabulary
from hindcast.web.app import make_app, settle
from hindcast_scorer.api import routers
from hindcast_scorer.batching import Batching
from hindcast_scorer.models import Models
from hindcast_scorer.ngram_models import NgramModels
from hindcast_scorer.rescore import Rescoring
from hindcast_scorer.rescoring_schemas import RescoreRequest
from hindcast_scorer.sessions import Sessions

SLOTS = 2
CLIENTS = 32


def make_models(folder: Path, vocabulary: int) -> tuple[Models, NgramModels]:
    """A model that knows nothing, of the size that is asked for, and no n-gram models."""
    words = Vocabulary.from_words([f"word{number}" for number in range(vocabulary - 2)])
    specification = LstmSpecification(vocabulary_size=vocabulary, input_size=256, hidden_size=128)
    bundle = Bundle(specification, specification.build(seed=1), words, "asr", "document", {})
    made = folder / "made"
    made.mkdir(parents=True)
    bundle.save(made)
    artifacts, database = temporary_artifacts(folder), MemoryDatabase()
    size = artifacts.put(made, "models/lm_1/0")
    with database.transaction() as transaction:
        transaction.resources.add(Resource("lm_1", "model", "m", "models/lm_1/0", bundle.facts(), size, None, now()))
    scratch = folder / "scratch"
    return (
        Models(database, artifacts, scratch=scratch, memory_bytes=2 << 30),
        NgramModels(database, artifacts, scratch=scratch, memory_bytes=1 << 30),
    )


def serve(folder: Path, vocabulary: int, port: int) -> None:
    """In this process, until it is killed."""
    routes = routers(*make_models(folder, vocabulary), slots=SLOTS)
    app = make_app(title="scorer", version="0", routers=routes, readiness=lambda: None)
    settle()
    uvicorn.run(app, port=port, log_level="warning")


@contextmanager
def server(vocabulary: int, port: int) -> Iterator[None]:
    """One in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--serve", folder, "--vocabulary", str(vocabulary), "--port", str(port)]
        process = subprocess.Popen(command)
        try:
            for _ in range(600):
                try:
                    Client(port).post("/v1/models/lm_1/rank", context_of(1, vocabulary))
                    break
                except OSError:
                    time.sleep(0.1)
            yield
        finally:
            process.kill()
            process.wait()


class Client:
    """One connection, kept open."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)

    def post(self, path: str, body: Any) -> Any:
        """The answer, which must be good."""
        self._connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(content.decode())
        return json.loads(content)


def list_of(seed: int, vocabulary: int, hypotheses: int = 10, words: int = 20) -> dict[str, Any]:
    """A list whose hypotheses differ in a word or two."""
    random = np.random.default_rng(seed)
    sentence = random.integers(0, vocabulary - 2, words)
    texts = []
    for _ in range(hypotheses):
        changed = sentence.copy()
        changed[random.integers(0, words, 2)] = random.integers(0, vocabulary - 2, 2)
        texts.append(" ".join(f"word{number}" for number in changed))
    scored = [{"text": text, "am_score": float(random.normal(-100, 5))} for text in texts]
    return {"lists": [{"utterance": str(seed), "hypotheses": scored}]}


def context_of(seed: int, vocabulary: int) -> dict[str, Any]:
    """60 words, and one to rank."""
    numbers = np.random.default_rng(seed).integers(0, vocabulary - 2, 60)
    return {"context": " ".join(f"word{number}" for number in numbers), "words": ["word7"]}


def milliseconds(run: Callable[[int], Any], count: int) -> float:
    """The median of so many calls, after a few that don't count."""
    times = []
    for number in range(count + 5):
        started = time.perf_counter()
        run(number)
        times.append(1000 * (time.perf_counter() - started))
    return median(times[5:])


def overhead(port: int, vocabulary: int, count: int) -> dict[str, float]:
    """p50 over HTTP, and of the same call in this process."""
    client = Client(port)
    with tempfile.TemporaryDirectory() as folder:
        models, ngrams = make_models(Path(folder), vocabulary)
        rescoring = Rescoring(models, Sessions(), Batching(slots=SLOTS), ngrams)
        asked = [RescoreRequest.model_validate(list_of(number, vocabulary)) for number in range(count + 5)]
        called = milliseconds(lambda number: rescoring.answer("lm_1", asked[number]), count)
    over_http = milliseconds(lambda number: client.post("/v1/models/lm_1/rescore", list_of(number, vocabulary)), count)
    making = milliseconds(lambda number: list_of(number, vocabulary), count)
    return {"called": called, "over HTTP": over_http - making}


def ranks(port: int, vocabulary: int, count: int) -> dict[str, float]:
    """p50 of a rank after contexts that are new, and of the same one again."""
    client = Client(port)
    new = milliseconds(lambda number: client.post("/v1/models/lm_1/rank", context_of(100 + number, vocabulary)), count)
    again = milliseconds(lambda number: client.post("/v1/models/lm_1/rank", context_of(100, vocabulary)), count)
    return {"new context": new, "again": again}


def throughput(port: int, vocabulary: int, lists: int) -> dict[str, float]:
    """Lists per second, one after the other and by 32 clients at once, in turns; and how far answers differ."""
    clients = [Client(port) for _ in range(CLIENTS)]
    asked = [list_of(number, vocabulary) for number in range(lists)]

    def ask(number: int) -> list[float]:
        answer = clients[number % CLIENTS].post("/v1/models/lm_1/rescore", asked[number])
        return [hypothesis["neural_logprob"] for hypothesis in answer["lists"][0]["hypotheses"]]

    def share(first: int) -> list[tuple[int, list[float]]]:
        return [(number, ask(number)) for number in range(first, lists, CLIENTS)]

    ratios, alone, together, difference = [], [], [], 0.0
    with ThreadPoolExecutor(CLIENTS) as pool:
        for _ in range(5):
            started = time.perf_counter()
            expected = [ask(number) for number in range(lists)]
            one_by_one = time.perf_counter() - started
            started = time.perf_counter()
            found = dict(pair for part in pool.map(share, range(CLIENTS)) for pair in part)
            at_once = time.perf_counter() - started
            ratios.append(one_by_one / at_once)
            alone.append(lists / one_by_one)
            together.append(lists / at_once)
            difference = max(
                difference, max(float(np.abs(np.subtract(found[n], expected[n])).max()) for n in range(lists))
            )
    return {
        "one by one": median(alone),
        "32 clients": median(together),
        "ratio": median(ratios),
        "differ by": difference,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--vocabulary", type=int, default=25_000)
    parser.add_argument("--rank-vocabulary", type=int, default=33_000)
    parser.add_argument("--port", type=int, default=18_123)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--lists", type=int, default=320)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.serve:
        serve(asked.serve, asked.vocabulary, asked.port)
        return
    found: dict[str, dict[str, float]] = {}
    with server(asked.vocabulary, asked.port):
        found["one list of 10, V = 25,000, ms"] = overhead(asked.port, asked.vocabulary, asked.count)
        found["lists of 10 a second"] = throughput(asked.port, asked.vocabulary, asked.lists)
    with server(asked.rank_vocabulary, asked.port + 1):
        found["rank after 60 words, V = 33,000, ms"] = ranks(asked.port + 1, asked.rank_vocabulary, asked.count)
    for name, figures in found.items():
        print(name)
        for what, figure in figures.items():
            print(f"  {what:16}{figure:12.5g}")
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
