"""word2vec [11], by gensim's own compiled training of a batch. Batches and learning rates are those of its `train()`:
one worker computes what one undivided call would, bit by bit. But the loop around them is ours: it can be shown, saved
and resumed between batches, and spends no time on queues (benchmarks/word2vec_speed.py).

Shapes: V words that occur, D the vectors' size.
"""

import json
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field
from safetensors.numpy import load_file, save_file

from hindcast.nn.embedding_table import EmbeddingTable
from hindcast.progress import Progress
from hindcast.text.corpus import EncodedText
from hindcast_trainer.pretrain import Material, pretrain
from hindcast_trainer.pretraining.base import LARGEST_SIZE, Epochs, LearnedTableSpec, occurrences
from hindcast_trainer.work import Produced, Work

# gensim brings scipy.stats, more than a second to import, and every process that does a job knows this module: those
# that train word2vec pay.
if TYPE_CHECKING:
    from gensim.models import Word2Vec as GensimWord2Vec

BATCH_WORDS = 10_000
"""What gensim hands to a worker at a time, at one learning rate; it also drops what a sentence has beyond it."""
BATCHES_PER_SLICE = 20
"""For each worker, between two moments that are shown and can be saved: a second or two, most often. The last batch of
a slice measures the loss; the others, as all do in `train()` by default, only learn."""
START_ALPHA, END_ALPHA = 0.025, 0.0001
"""gensim's learning rates, between which it falls evenly with the sentences that were read."""


class Word2Vec(LearnedTableSpec):
    """Pre-train word2vec embeddings, with gensim's defaults but for the size, which is the paper's."""

    kind: Literal["word2vec"] = "word2vec"
    objective: ClassVar[str] = "word2vec"

    unit: Literal["sentence", "paragraph"] = "sentence"
    """Beyond which no context reaches. A unit of more than 10,000 words is several."""
    size: int = Field(default=256, ge=1, le=LARGEST_SIZE)
    """Of a word's vector."""
    window: int = Field(default=5, ge=1, le=1000)
    """Words on either side that a word is related to, at most."""
    negative: int = Field(default=5, ge=1, le=1000)
    """Words drawn by chance that each is told from."""
    epochs: Epochs = 5
    skip_gram: bool = False
    """Predict the context from the word, instead of the word from its context (CBOW)."""
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Threads that train at the same time, but no more than a job has (HINDCAST_JOB_THREADS). With more than one, not
    even equal seeds give equal tables."""

    def run(self, work: Work) -> Produced:
        """Pre-train."""
        return pretrain(self, work)

    def pretrain(
        self, material: Material, *, checkpoint: Path | None, threads: int
    ) -> Generator[Progress, None, EmbeddingTable]:
        """See TableSpec."""
        return train_word2vec(self, material, checkpoint=checkpoint, threads=threads)


def train_word2vec(
    spec: Word2Vec,
    material: Material,
    *,
    checkpoint: Path | None,
    threads: int,
    batch_words: int = BATCH_WORDS,
    batches_per_slice: int = BATCHES_PER_SLICE,
) -> Generator[Progress, None, EmbeddingTable]:
    """Train slice by slice, the batches of each by as many threads as there are workers, as far as there are so many.
    Slices go by the workers alone: a checkpoint counts them, and may be gone on from with fewer threads."""
    sentences = _Sentences.of(material, spec.unit, longest=batch_words)
    slices = sentences.slices(batch_words=batch_words, batches=batches_per_slice * spec.workers)
    model = _model(spec, material, batch_words)
    first, loss = (0, 0.0) if checkpoint is None else _load(model, checkpoint)
    tokens, trained, seconds = len(material.text), 0, 0.0
    with ThreadPoolExecutor(min(spec.workers, threads)) as pool:
        for number in range(first, spec.epochs * len(slices)):
            epoch, batches = number // len(slices), slices[number % len(slices)]
            started = time.monotonic()
            loss = _train_slice(model, sentences, batches, epochs=spec.epochs, epoch=epoch, pool=pool)
            seconds += time.monotonic() - started
            begin, end = batches[0].begin, batches[-1].end
            trained += sentences.words(begin, end)
            yield Progress(
                done=epoch * tokens + sentences.words(0, end),
                total=spec.epochs * tokens,
                unit="tokens",
                message=f"epoch {epoch + 1} of {spec.epochs}",
                metrics={"epoch": epoch + 1.0, "train_loss": loss, "tokens_per_second": trained / max(seconds, 1e-9)},
                save=partial(_save, model, number + 1, loss),
                milestone=end == len(sentences),
            )
    metrics = {"train_loss": loss, "tokens_per_second": trained / max(seconds, 1e-9)}
    details: dict[str, Any] = {"repeatable": spec.workers == 1, "metrics": metrics}
    return EmbeddingTable(tuple(model.wv.index_to_key), model.wv.vectors, details)


@dataclass(frozen=True)
class _Batch:
    """The sentences from `begin` to before `end`, which are trained at one learning rate."""

    begin: int
    end: int


@dataclass(frozen=True)
class _Sentences:
    """Units of a text as gensim reads them."""

    text: EncodedText
    words_V: npt.NDArray[np.object_]
    """The word of each id."""
    ends: npt.NDArray[np.int64]
    """Where each sentence ends, in tokens."""

    @classmethod
    def of(cls, material: Material, unit: Literal["sentence", "paragraph"], *, longest: int) -> "_Sentences":
        starts, ends = material.text.unit_bounds(unit)
        cuts = [np.arange(start + longest, end, longest) for start, end in _longer(starts, ends, longest)]
        words_V = np.empty(len(material.vocabulary), dtype=object)
        words_V[:] = material.vocabulary.words
        return cls(material.text, words_V, np.sort(np.concatenate([ends, *cuts])))

    def __len__(self) -> int:
        return len(self.ends)

    def words(self, begin: int, end: int) -> int:
        """How many words, and `</s>`, some sentences have."""
        return int(self.ends[end - 1]) - self._start(begin)

    def read(self, begin: int, end: int) -> list[list[str]]:
        """The sentences from `begin` to before `end`."""
        start = self._start(begin)
        words = self.words_V[self.text.tokens(start, int(self.ends[end - 1]))].tolist()
        bounds = [0, *(self.ends[begin:end] - start).tolist()]
        return [words[first:last] for first, last in pairwise(bounds)]

    def slices(self, *, batch_words: int, batches: int) -> list[list[_Batch]]:
        """The batches into which gensim gathers whole sentences, so many at a time."""
        starts = [*self._batch_starts(batch_words), len(self)]
        all_batches = [_Batch(begin, end) for begin, end in pairwise(starts)]
        return [all_batches[first : first + batches] for first in range(0, len(all_batches), batches)]

    def _batch_starts(self, batch_words: int) -> Iterator[int]:
        begin = 0
        while begin < len(self):
            yield begin
            begin = int(np.searchsorted(self.ends, self._start(begin) + batch_words, side="right"))

    def _start(self, index: int) -> int:
        return int(self.ends[index - 1]) if index else 0


def _longer(starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], longest: int) -> Iterator[tuple[int, int]]:
    long = np.flatnonzero(ends - starts > longest)
    return zip(starts[long].tolist(), ends[long].tolist(), strict=True)


def _model(spec: Word2Vec, material: Material, batch_words: int) -> "GensimWord2Vec":
    """An untrained model with a row for each word that occurs, in the order of the vocabulary."""
    from gensim.models import Word2Vec as GensimWord2Vec

    counts_V = occurrences(material.text, len(material.vocabulary)).tolist()
    model = GensimWord2Vec(
        vector_size=spec.size,
        window=spec.window,
        negative=spec.negative,
        sg=int(spec.skip_gram),
        workers=spec.workers,
        seed=spec.seed,
        alpha=START_ALPHA,
        min_alpha=END_ALPHA,
        min_count=1,
        sorted_vocab=0,
        batch_words=batch_words,
    )
    model.build_vocab_from_freq(dict(zip(material.vocabulary.words, counts_V, strict=True)))
    return model


def _train_slice(
    model: "GensimWord2Vec",
    sentences: _Sentences,
    batches: Sequence[_Batch],
    *,
    epochs: int,
    epoch: int,
    pool: ThreadPoolExecutor,
) -> float:
    """Train these batches of an epoch. The loss of the last one, per word."""

    def train(batch: _Batch, read: list[list[str]] | None) -> float:
        progress = (epoch + batch.begin / len(sentences)) / epochs
        alpha = max(END_ALPHA, START_ALPHA - (START_ALPHA - END_ALPHA) * progress)
        return _train_batch(model, read or sentences.read(batch.begin, batch.end), alpha, measure=batch is batches[-1])

    # A single worker trains while the next batches are read (4 % of it); several would wait for Python's lock.
    ahead = (sentences.read(batch.begin, batch.end) for batch in batches) if model.workers == 1 else repeat(None)
    loss = list(pool.map(train, batches, ahead))[-1]
    return loss / sentences.words(batches[-1].begin, batches[-1].end)


def _train_batch(model: "GensimWord2Vec", sentences: list[list[str]], alpha: float, *, measure: bool) -> float:
    """Train some sentences at one learning rate. Their loss, if it is to be measured."""
    from gensim.matutils import zeros_aligned
    from gensim.models.word2vec import train_batch_cbow, train_batch_sg

    own = copy(model)  # its weights are the model's, but not the sum of losses, which workers would overwrite
    own.running_training_loss = 0.0
    work_D, mean_D = (zeros_aligned(model.vector_size, dtype=np.float32) for _ in range(2))
    if model.sg:
        train_batch_sg(own, sentences, alpha, work_D, measure)
    else:
        train_batch_cbow(own, sentences, alpha, work_D, mean_D, measure)
    return float(own.running_training_loss)


def _save(model: "GensimWord2Vec", position: int, loss: float, folder: Path) -> None:
    state = model.random.get_state(legacy=False)["state"]
    tensors = {"vectors": model.wv.vectors, "outputs": model.syn1neg, "random_key": state["key"]}
    save_file(tensors, folder / "word2vec.safetensors")
    place = {"position": position, "loss": loss, "random_position": int(state["pos"])}
    (folder / "word2vec.json").write_text(json.dumps(place), encoding="utf-8")


def _load(model: "GensimWord2Vec", folder: Path) -> tuple[int, float]:
    """Go back to a saved moment: how many slices, of all epochs, were trained before it, and the loss of the last."""
    tensors = load_file(folder / "word2vec.safetensors")
    place = json.loads((folder / "word2vec.json").read_text(encoding="utf-8"))
    model.wv.vectors[:] = tensors["vectors"]
    model.syn1neg[:] = tensors["outputs"]
    model.random.set_state(("MT19937", tensors["random_key"], place["random_position"]))
    return int(place["position"]), float(place["loss"])
