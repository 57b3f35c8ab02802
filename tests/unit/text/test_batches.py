"""Every token is predicted exactly once an epoch, from nothing but what its own sequence has said before."""

from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hindcast.text.batches import PADDING, Batch, UnitBatch, language_model_batches, unit_batches
from hindcast.text.corpus import EncodedText
from hindcast.text.vocabulary import END_ID, Vocabulary

History = Literal["sentence", "document"]
WORDS = [f"w{number}" for number in range(3000)]
VOCABULARY = Vocabulary.from_words(WORDS)

lengths_of_documents = st.lists(st.lists(st.integers(0, 13), min_size=1, max_size=5), min_size=1, max_size=12)


def encoded(documents: list[list[int]]) -> EncodedText:
    """Sentences of these lengths whose words are all different, so that a token tells where it comes from."""
    words = iter(WORDS)
    return EncodedText.of([[[next(words) for _ in range(n)] for n in document] for document in documents], VOCABULARY)


def read_by_lane(batches: list[Batch]) -> list[list[tuple[int, int]]]:
    """The (input, target) pairs of each sequence, put together from what the lanes carried on."""
    lanes: dict[int, list[tuple[int, int]]] = {}
    sequences: list[list[tuple[int, int]]] = []
    for batch in batches:
        for lane, length in enumerate(batch.lengths_B.tolist()):
            assert (batch.targets_TB[length:, lane] == PADDING).all()
            if length and not batch.carry_B[lane]:
                sequences.append(lanes.setdefault(lane, []))
                lanes[lane] = sequences[-1] = []
            pairs = zip(batch.inputs_TB[:length, lane].tolist(), batch.targets_TB[:length, lane].tolist(), strict=True)
            lanes.setdefault(lane, []).extend(pairs)
    return sequences


def expected(text: EncodedText, history: History) -> list[list[tuple[int, int]]]:
    starts, ends = text.unit_bounds(history)
    tokens = [text.tokens(start, end).tolist() for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
    return [list(zip([END_ID, *sequence[:-1]], sequence, strict=True)) for sequence in tokens]


@pytest.mark.parametrize("history", ["sentence", "document"])
@pytest.mark.parametrize("seed", [None, 3])
@given(documents=lengths_of_documents, lanes=st.integers(1, 6), bptt=st.integers(1, 9))
@settings(max_examples=40)
def test_each_sequence_is_read_once_from_its_start_to_its_end(
    documents: list[list[int]], lanes: int, bptt: int, history: History, seed: int | None
) -> None:
    text = encoded(documents)
    batches = list(language_model_batches(text, history=history, batch_size=lanes, bptt=bptt, seed=seed, epoch=0))
    assert sorted(read_by_lane(batches)) == sorted(expected(text, history))
    assert all(batch.inputs_TB.shape[0] <= bptt and batch.lengths_B.max() > 0 for batch in batches)


def same(first: Batch | UnitBatch, second: Batch | UnitBatch) -> bool:
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in vars(first))


@pytest.mark.parametrize("history", ["sentence", "document"])
@given(documents=lengths_of_documents, skip=st.integers(0, 40), seed=st.none() | st.integers(0, 9))
@settings(max_examples=40)
def test_skipping_equals_dropping(documents: list[list[int]], skip: int, seed: int | None, history: History) -> None:
    def batches(skip: int = 0) -> list[Batch]:
        text = encoded(documents)
        return list(language_model_batches(text, history=history, batch_size=3, bptt=4, seed=seed, epoch=2, skip=skip))

    kept = batches()[skip:]
    skipped = batches(skip)
    assert len(kept) == len(skipped)
    assert all(map(same, kept, skipped))


@pytest.mark.parametrize("history", ["sentence", "document"])
def test_epochs_and_seeds_have_orders_of_their_own(history: History) -> None:
    text = encoded([[5] * 4] * 40)

    def order(seed: int | None, epoch: int) -> list[int]:
        batches = language_model_batches(text, history=history, batch_size=4, bptt=50, seed=seed, epoch=epoch)
        return [token for batch in batches for token in batch.targets_TB.T.ravel().tolist()]

    assert order(1, 0) == order(1, 0)
    assert len({tuple(order(seed, epoch)) for seed in (1, 2) for epoch in (0, 1)}) == 4
    assert order(None, 0) == order(None, 1)


def test_without_a_seed_one_lane_reads_the_text_as_it_stands() -> None:
    text = encoded([[3, 0, 12], [1], [7, 7]])
    batches = language_model_batches(text, history="sentence", batch_size=1, bptt=5, seed=None, epoch=0)
    read = [token for batch in batches for token in batch.targets_TB[:, 0].tolist()]
    assert read == text.tokens(0, len(text)).tolist()


def test_no_lane_starts_from_a_state_of_another_sequence() -> None:
    text = encoded([[9], [30], [2], [4, 4], [17]])
    for batch in language_model_batches(text, history="document", batch_size=2, bptt=6, seed=0, epoch=0):
        starts = (batch.lengths_B > 0) & ~batch.carry_B
        assert (batch.inputs_TB[0, starts] == END_ID).all()


def of_real_lengths(sentences: int) -> EncodedText:
    lengths = np.random.default_rng(0).gamma(2.2, 10.0, sentences).astype(int)
    ends = np.cumsum(lengths + 1)
    return EncodedText.of(
        [[["w0"] * n for n in lengths[i : i + 50].tolist()] for i in range(0, len(ends), 50)], VOCABULARY
    )


@pytest.mark.parametrize("sentences", [3000, 20_000])
def test_sentences_have_little_padding(sentences: int) -> None:
    text = of_real_lengths(sentences)
    batches = language_model_batches(text, history="sentence", batch_size=32, bptt=200, seed=1, epoch=0)
    cells = sum(batch.targets_TB.size for batch in batches)
    assert (cells - len(text)) / cells < 0.15


def test_documents_keep_all_lanes_busy() -> None:
    lengths = np.random.default_rng(1).gamma(2.0, 1500.0, 300).astype(int).tolist()
    text = EncodedText.of([[["w0"] * n] for n in lengths], VOCABULARY)
    batches = list(language_model_batches(text, history="document", batch_size=16, bptt=50, seed=1, epoch=0))
    empty = sum(int((batch.lengths_B == 0).sum()) for batch in batches)
    assert empty < 0.01 * 16 * len(batches)


@given(
    documents=lengths_of_documents, budget=st.integers(1, 60), longest=st.integers(1, 9), seed=st.none() | st.just(1)
)
@settings(max_examples=60)
def test_units_are_whole_unless_too_long(
    documents: list[list[int]], budget: int, longest: int, seed: int | None
) -> None:
    text = encoded(documents)
    starts, ends = text.unit_bounds("document")
    found: dict[int, list[list[int]]] = {}
    for batch in unit_batches(text, unit="document", tokens_per_batch=budget, max_length=longest, seed=seed, epoch=0):
        assert batch.words_TB.size <= budget or batch.words_TB.shape[1] == 1
        for lane, (length, unit) in enumerate(zip(batch.lengths_B.tolist(), batch.unit_index_B.tolist(), strict=True)):
            assert 1 <= length <= longest
            found.setdefault(unit, []).append(batch.words_TB[:length, lane].tolist())
    for unit, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        whole = text.tokens(start, end).tolist()
        assert sorted(word for piece in found[unit] for word in piece) == sorted(whole)
        assert len(found[unit]) == -(-len(whole) // longest)


def test_chosen_units_alone_are_read() -> None:
    text = encoded([[3, 4], [5], [6, 7], [8]])
    chosen = np.array([1, 3])
    (batch,) = unit_batches(
        text, unit="document", tokens_per_batch=99, max_length=99, seed=None, epoch=0, chosen=chosen
    )
    assert batch.unit_index_B.tolist() == [1, 3]
    assert batch.lengths_B.tolist() == [6, 9]


def test_units_have_little_padding_and_can_be_skipped() -> None:
    text = of_real_lengths(5000)

    def batches(skip: int = 0) -> list[UnitBatch]:
        return list(
            unit_batches(text, unit="sentence", tokens_per_batch=2000, max_length=400, seed=5, epoch=1, skip=skip)
        )

    cells = sum(batch.words_TB.size for batch in batches())
    assert (cells - len(text)) / cells < 0.15
    assert all(map(same, batches()[7:], batches(7)))
    assert len(batches(7)) == len(batches()) - 7
