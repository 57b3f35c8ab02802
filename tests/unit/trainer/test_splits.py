"""Splits come near their shares, stay where they are, and are never empty."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hindcast.errors import InvalidInput
from hindcast_trainer.splits import ByBlocks, ByDocument, Survey, parse_splits

shares = st.sampled_from(["90,5,5", "98,1,1", "50,50", "34,33,33", "1,1,98"]).map(parse_splits)


def surveyed(ids: list[str], paragraphs: int = 1) -> Survey:
    survey = Survey()
    for id in ids:
        survey.add(id, paragraphs)
    return survey


def test_shares_are_read_in_the_order_train_valid_test() -> None:
    assert parse_splits("90,5,5") == {"train": 90, "valid": 5, "test": 5}
    assert parse_splits("80, 20") == {"train": 80, "valid": 20}
    assert parse_splits("100") == {"train": 100}


@pytest.mark.parametrize("written", ["", "90,5", "90,5,5,0", "100,0,0", "110,-10", "90,5,a", "33.3,33.3,33.4", "²"])
def test_shares_that_are_none_are_refused(written: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_splits(written)
    assert caught.value.errors[0].field == "splits"


@given(ids=st.lists(st.text("a0é \n𝒜", max_size=5), min_size=20, max_size=60), shares=shares)
def test_no_split_of_twenty_documents_is_empty(ids: list[str], shares: dict[str, int]) -> None:
    placement = surveyed(ids).place(shares)  # type: ignore[arg-type]
    assert isinstance(placement, ByDocument)
    assert {placement.split(number, 0) for number in range(len(ids))} == set(shares)


def test_many_documents_come_near_the_shares() -> None:
    placement = surveyed([f"doc-{number}" for number in range(4000)]).place(parse_splits("80,15,5"))
    counts = Counter(placement.split(number, 0) for number in range(4000))
    assert abs(counts["train"] - 3200) < 100
    assert abs(counts["valid"] - 600) < 100


def test_a_document_stays_in_its_split_whatever_comes_with_it() -> None:
    ids = [f"doc-{number}" for number in range(300)]
    shares = parse_splits("70,20,10")
    whole, half = surveyed(ids).place(shares), surveyed(ids[150:]).place(shares)
    assert [whole.split(n, 0) for n in range(150, 300)] == [half.split(n, 0) for n in range(150)]


@given(documents=st.integers(1, 19), paragraphs=st.integers(1, 40), shares=shares)
def test_few_documents_are_split_by_blocks(documents: int, paragraphs: int, shares: dict[str, int]) -> None:
    total = documents * paragraphs
    survey = surveyed(["id"] * documents, paragraphs)
    if total < len(shares):
        told = f"{len(shares)} splits, {total} paragraph{'' if total == 1 else 's'}$"
        with pytest.raises(InvalidInput, match=rf"^splits: must be as many as the text's paragraphs at most: {told}"):
            survey.place(shares)  # type: ignore[arg-type]
        return
    placement = survey.place(shares)  # type: ignore[arg-type]
    counts = Counter(placement.split(0, number) for number in range(total))
    assert isinstance(placement, ByBlocks)
    assert set(counts) == set(shares)
    slack = 2 * placement.size + 1
    assert all(abs(counts[name] - total * share / 100) <= slack for name, share in shares.items())  # type: ignore[index]


def test_a_split_gets_blocks_from_all_over_the_text() -> None:
    placement = surveyed(["book"], 10_000).place(parse_splits("90,10"))
    valid = [number for number in range(10_000) if placement.split(0, number) == "valid"]
    assert len(valid) == 1000
    assert min(valid) < 1500
    assert max(valid) > 8500


def test_one_split_takes_all() -> None:
    placement = surveyed(["a", "b"]).place(parse_splits("100"))
    assert placement.split(1, 7) == "train"
