"""From states in context to one vector a word: section 3.1 of the paper.

Shapes: T time, B batch, N words of a batch, V vocabulary, S size of both directions.
"""

import time
from collections.abc import Generator

import numpy as np
import torch
from torch import Tensor

from hindcast.nn.bilstm import BidirectionalLSTM
from hindcast.nn.embedding_table import EmbeddingTable
from hindcast.progress import Progress
from hindcast.text.batches import unit_batches
from hindcast.text.corpus import Unit
from hindcast_trainer.pretrain import Material

BATCH_TOKENS = 16_384
REPORT_SECONDS = 1.0


@torch.no_grad()
def average_cells(
    network: BidirectionalLSTM, material: Material, *, unit: Unit, max_length: int
) -> Generator[Progress, None, EmbeddingTable]:
    """Run the network over a text, in units as it was trained on, and average the cell states of each word over all of
    its occurrences, forward and backward side by side, forward first. A word that never occurs has no row."""
    text, vocabulary = material.text, material.vocabulary
    sums_VS = torch.zeros(len(vocabulary), 2 * network.forward_lstm.hidden_size, dtype=torch.float64)
    counts_V = torch.zeros(len(vocabulary), dtype=torch.int64)
    done, reported = 0, time.monotonic()
    # The seed sorts units by length; in which order states are summed changes nothing.
    for batch in unit_batches(text, unit=unit, tokens_per_batch=BATCH_TOKENS, max_length=max_length, seed=0, epoch=0):
        words_TB, lengths_B = torch.from_numpy(batch.words_TB), torch.from_numpy(batch.lengths_B)
        within_TB = torch.arange(len(words_TB))[:, None] < lengths_B
        words_N = words_TB[within_TB]
        sums_VS.index_add_(0, words_N, network.cells(words_TB, lengths_B)[within_TB].double())
        counts_V += torch.bincount(words_N, minlength=len(vocabulary))
        done += len(words_N)
        if time.monotonic() - reported >= REPORT_SECONDS:
            yield Progress(done=done, total=len(text), unit="tokens", message="averaging cell states")
            reported = time.monotonic()
    return _table(vocabulary.words, sums_VS, counts_V)


def _table(words: tuple[str, ...], sums_VS: Tensor, counts_V: Tensor) -> EmbeddingTable:
    occurring = torch.nonzero(counts_V).squeeze(1)
    vectors = (sums_VS[occurring] / counts_V[occurring, None]).numpy().astype(np.float32)
    return EmbeddingTable(tuple(words[id] for id in occurring.tolist()), vectors)
