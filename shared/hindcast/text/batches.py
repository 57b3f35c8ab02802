"""Batches of a text for networks. Every token is predicted exactly once an epoch, and nothing crosses a reset.

Shapes: T time, B lanes. Orders depend on (seed, epoch) alone; without a seed they are the text's own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heapify, heapreplace
from typing import Literal

import numpy as np
import numpy.typing as npt

from hindcast.text.corpus import Bounds, EncodedText, Ids, Unit
from hindcast.text.vocabulary import END_ID

PADDING = -1
"""The target where there is nothing to predict."""

_POOL = 64
"""Batches whose sequences are sorted by length together: many make little padding, few make a random order."""


@dataclass(frozen=True)
class Batch:
    """A stretch of time for some lanes, each of which reads one sequence (a sentence or a document) after another."""

    inputs_TB: Ids
    """What is read; `</s>` at the start of a sequence."""
    targets_TB: Ids
    """What follows; PADDING beyond a lane's length."""
    lengths_B: npt.NDArray[np.int64]
    """Steps that count, 0 for a lane that has nothing (left) to read."""
    carry_B: npt.NDArray[np.bool_]
    """Whether the lane goes on from the state of the batch before; else it starts from the zero state."""
    starts_B: npt.NDArray[np.int64]
    """Where each lane's first target stands in the text."""
    epoch: int
    """Of which it is a part, from 0."""


@dataclass(frozen=True)
class UnitBatch:
    """Whole units (or pieces of long ones), for networks that read in both directions."""

    words_TB: Ids
    """Filled up with `</s>` beyond a unit's length."""
    lengths_B: npt.NDArray[np.int64]
    """At least 1."""
    unit_index_B: npt.NDArray[np.int64]
    """Which unit of the text each is, or is a piece of."""


@dataclass(frozen=True)
class _Segments:
    """What each lane reads in one batch."""

    starts_B: npt.NDArray[np.int64]
    lengths_B: npt.NDArray[np.int64]
    carry_B: npt.NDArray[np.bool_]


def language_model_batches(
    text: EncodedText,
    *,
    history: Literal["sentence", "document"],
    batch_size: int,
    bptt: int,
    seed: int | None,
    epoch: int,
    skip: int = 0,
) -> Iterator[Batch]:
    """One epoch: sequences side by side in at most `batch_size` lanes, at most `bptt` steps at a time.

    A sequence's first input is `</s>`, its targets are all its tokens, each `</s>` among them. Sentences of like length
    are read side by side; a document's lane goes on with its next document where one ends. `skip` leaves out the first
    batches without reading them.
    """
    starts, ends = text.unit_bounds(history)
    lanes = min(batch_size, len(starts))
    random = None if seed is None else np.random.default_rng([seed, epoch])
    if history == "sentence":
        segments = _sentence_segments(starts, ends - starts, lanes, bptt, random, skip)
    else:
        segments = _document_segments(starts, ends - starts, lanes, bptt, random, skip)
    for segment in segments:
        yield _batch(text, segment, epoch)


def unit_batches(
    text: EncodedText,
    *,
    unit: Unit,
    tokens_per_batch: int,
    max_length: int,
    seed: int | None,
    epoch: int,
    skip: int = 0,
    chosen: npt.NDArray[np.int64] | None = None,
) -> Iterator[UnitBatch]:
    """One epoch of whole units, those of like length side by side, of at most `tokens_per_batch` words and padding.

    `chosen` are the indices of the units to read, where it isn't all of them. A unit longer than `max_length` is cut
    into equal pieces; one longer than `tokens_per_batch` is a batch of its own.
    """
    starts, ends = text.unit_bounds(unit)
    read = np.arange(len(starts)) if chosen is None else chosen
    starts, lengths, pieces_of = _pieces(starts[read], ends[read], max_length)
    units = read[pieces_of]
    if seed is not None:
        random = np.random.default_rng([seed, epoch])
        pool = _POOL * max(1, tokens_per_batch * len(lengths) // int(lengths.sum()))
        order = _sorted_in_pools(lengths, pool, random)
        starts, lengths, units = starts[order], lengths[order], units[order]
    bounds = _filled(lengths, tokens_per_batch)
    if seed is not None:
        bounds = bounds[random.permutation(len(bounds))]
    for first, last in bounds[skip:].tolist():
        here = slice(first, last)
        steps_T1 = np.arange(lengths[here].max())[:, None]
        within_TB = steps_T1 < lengths[here]
        words_TB = text.take(np.where(within_TB, starts[here] + steps_T1, starts[here]))
        yield UnitBatch(np.where(within_TB, words_TB, END_ID), lengths[here], units[here])


def _batch(text: EncodedText, segments: _Segments, epoch: int) -> Batch:
    starts_B, lengths_B, carry_B = segments.starts_B, segments.lengths_B, segments.carry_B
    steps_T1 = np.arange(lengths_B.max())[:, None]
    within_TB = steps_T1 < lengths_B
    # One row more than the targets: the token before each segment, which is its first input where the lane goes on.
    before_B = np.where(carry_B & (lengths_B > 0), starts_B - 1, 0)
    tokens_TB = text.take(np.vstack([before_B, np.where(within_TB, starts_B + steps_T1, before_B)]))
    tokens_TB[0, ~carry_B] = END_ID
    return Batch(
        inputs_TB=np.where(within_TB, tokens_TB[:-1], END_ID),
        targets_TB=np.where(within_TB, tokens_TB[1:], PADDING),
        lengths_B=lengths_B,
        carry_B=carry_B,
        starts_B=starts_B,
        epoch=epoch,
    )


def _sentence_segments(
    starts: Bounds, lengths: Bounds, lanes: int, bptt: int, random: np.random.Generator | None, skip: int
) -> Iterator[_Segments]:
    """Groups of `lanes` sentences, each read to its end before the next group begins."""
    order = np.arange(len(starts)) if random is None else _sorted_in_pools(lengths, _POOL * lanes, random)
    firsts = np.arange(0, len(order), lanes)
    batches = -(-np.maximum.reduceat(lengths[order], firsts) // bptt)
    if random is not None:
        shuffled = random.permutation(len(firsts))
        firsts, batches = firsts[shuffled], batches[shuffled]
    ends = np.cumsum(batches)
    for group in range(int(np.searchsorted(ends, skip, side="right")), len(firsts)):
        sentences = order[firsts[group] : firsts[group] + lanes]
        starts_B = _widened(starts[sentences], lanes)
        lengths_B = _widened(lengths[sentences], lanes)
        done = max(0, skip - int(ends[group] - batches[group]))
        for offset in range(done * bptt, int(batches[group]) * bptt, bptt):
            yield _Segments(starts_B + offset, np.clip(lengths_B - offset, 0, bptt), np.full(lanes, offset > 0))


def _document_segments(
    starts: Bounds, lengths: Bounds, lanes: int, bptt: int, random: np.random.Generator | None, skip: int
) -> Iterator[_Segments]:
    """Each lane reads its documents one after the other, whatever the others do."""
    segments = -(-lengths // bptt)
    lane = _in_turn(segments, lanes) if random is None else _balanced(segments, lanes, random)
    order = np.argsort(lane, kind="stable") if random is None else _grouped_at_random(lane, random)
    # For every segment of every document, lane after lane: where it starts, how long it is, whether it goes on.
    document = np.repeat(order, segments[order])
    number = np.arange(len(document)) - np.repeat(np.cumsum(segments[order]) - segments[order], segments[order])
    offsets = number * bptt
    segment_starts = starts[document] + offsets
    segment_lengths = np.minimum(lengths[document] - offsets, bptt)
    counts_B = np.bincount(lane, weights=segments, minlength=lanes).astype(np.int64)
    firsts_B = np.cumsum(counts_B) - counts_B
    for step in range(skip, int(counts_B.max())):
        reading_B = step < counts_B
        here_B = np.where(reading_B, firsts_B + step, 0)
        yield _Segments(
            segment_starts[here_B], np.where(reading_B, segment_lengths[here_B], 0), reading_B & (number[here_B] > 0)
        )


def _in_turn(segments: Bounds, lanes: int) -> npt.NDArray[np.int64]:
    """The lane of each document, where in the text's order each goes to the lane that is free first."""
    free = [(0, lane) for lane in range(lanes)]
    heapify(free)
    chosen = np.empty(len(segments), dtype=np.int64)
    for document, length in enumerate(segments.tolist()):
        load, lane = free[0]
        chosen[document] = lane
        heapreplace(free, (load + length, lane))
    return chosen


def _balanced(segments: Bounds, lanes: int, random: np.random.Generator) -> npt.NDArray[np.int64]:
    """The lane of each document, longest first, so that all lanes end at about the same time."""
    shuffled = random.permutation(len(segments))
    longest_first = shuffled[np.argsort(-segments[shuffled], kind="stable")]
    chosen = np.empty(len(segments), dtype=np.int64)
    chosen[longest_first] = _in_turn(segments[longest_first], lanes)
    return chosen


def _grouped_at_random(lane: npt.NDArray[np.int64], random: np.random.Generator) -> npt.NDArray[np.int64]:
    """All documents, those of lane 0 first, in a random order within each lane."""
    shuffled = random.permutation(len(lane))
    return shuffled[np.argsort(lane[shuffled], kind="stable")]


def _sorted_in_pools(lengths: Bounds, pool: int, random: np.random.Generator) -> npt.NDArray[np.int64]:
    """A random order, in which every `pool` neighbours are sorted by length."""
    shuffled = random.permutation(len(lengths))
    return shuffled[np.lexsort((lengths[shuffled], np.arange(len(lengths)) // pool))]


def _widened(numbers: npt.NDArray[np.int64], lanes: int) -> npt.NDArray[np.int64]:
    """Zeros for the lanes that a last group leaves empty."""
    return np.concatenate([numbers, np.zeros(lanes - len(numbers), dtype=np.int64)])


def _pieces(starts: Bounds, ends: Bounds, max_length: int) -> tuple[Bounds, Bounds, Bounds]:
    """Starts, lengths and units of pieces, none longer than `max_length`, and those of one unit about equal."""
    lengths = ends - starts
    pieces = -(-lengths // max_length)
    units = np.repeat(np.arange(len(lengths)), pieces)
    number = np.arange(len(units)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    first = number * lengths[units] // pieces[units]
    last = (number + 1) * lengths[units] // pieces[units]
    return starts[units] + first, last - first, units


def _filled(lengths: Bounds, tokens_per_batch: int) -> npt.NDArray[np.int64]:
    """Where batches begin and end, each as full as it may be: [batches, 2]."""
    bounds = []
    first = 0
    while first < len(lengths):
        ahead = lengths[first : first + tokens_per_batch // int(lengths[first]) + 1]
        sizes = np.arange(1, len(ahead) + 1) * np.maximum.accumulate(ahead)
        last = first + max(1, int(np.searchsorted(sizes, tokens_per_batch, side="right")))
        bounds.append((first, last))
        first = last
    return np.array(bounds, dtype=np.int64).reshape(-1, 2)
