import gzip
import json
import math
import random
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from written_lists import FILES, golden, read, tar, untar, write

from hindcast.errors import InvalidInput
from hindcast_scorer.formats import FORMATS, FormatName
from hindcast_scorer.rescoring.lists import Hypothesis, NBestList, RescoredList, Score

ALL: list[FormatName] = list(get_args(FormatName))
GOLDEN = {name: golden(FILES[name]) for name in ALL}
MEMBERS = {name: untar(GOLDEN[name]) for name in ALL if FILES[name] in ("kaldi", "espnet2", "nemo")}

LETTERS = st.characters(exclude_categories=("C", "Z"), exclude_characters="()<>")
WORDS = st.text(LETTERS, min_size=1, max_size=8)
NUMBERS = st.floats(-1e9, 1e9, allow_nan=False).filter(lambda value: value == 0 or abs(value) > 1e-200)
IDS = st.from_regex(r"[a-zé][a-zé0-9.-]{0,10}[a-z0-9]", fullmatch=True).filter(lambda id: "nbest" not in id)


@st.composite
def rescored(draw: st.DrawFn) -> list[RescoredList]:
    beam = draw(st.integers(1, 4))
    lists = []
    for utterance in draw(st.lists(IDS, min_size=1, max_size=4, unique=True)):
        hypotheses = [
            Hypothesis(" ".join(draw(st.lists(WORDS, max_size=4))), draw(NUMBERS), draw(NUMBERS)) for _ in range(beam)
        ]
        ranks = draw(st.permutations(range(1, beam + 1)))
        scores = [
            Score(hypothesis.am_score, None, draw(NUMBERS), draw(NUMBERS), 0, 0, draw(NUMBERS), place, rank)
            for place, (hypothesis, rank) in enumerate(zip(hypotheses, ranks, strict=True), 1)
        ]
        lists.append(RescoredList(NBestList(utterance, hypotheses), scores))
    return lists


def close(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and math.isclose(one, other, rel_tol=1e-12)


@pytest.mark.parametrize("name", ALL)
@given(lists=rescored(), sort=st.booleans())
@settings(max_examples=30)
def test_what_is_written_reads_back(name: FormatName, lists: list[RescoredList], sort: bool) -> None:
    found = read(name, write(name, lists, sort=sort), name=lists[0].list.utterance)
    assert [list.utterance for list in found] == [given.list.utterance for given in lists]
    for again, given_ in zip(found, lists, strict=True):
        order = given_.order if sort else range(len(given_.scores))
        assert [h.text for h in again.hypotheses] == [given_.list.hypotheses[index].text for index in order]
        for hypothesis, index in zip(again.hypotheses, order, strict=True):
            before, score = given_.list.hypotheses[index], given_.scores[index]
            if FORMATS[name].scores == "combined":
                assert close(hypothesis.am_score, score.total)
            elif name != "srilm-nbest2":
                language = before.lm_score if name == "jsonl" else score.lm_logprob
                assert close(hypothesis.am_score, before.am_score)
                assert close(hypothesis.lm_score, language)


@pytest.mark.parametrize("name", ALL)
@given(lists=rescored(), sort=st.booleans())
@settings(max_examples=20)
def test_reading_and_writing_again_changes_nothing(name: FormatName, lists: list[RescoredList], sort: bool) -> None:
    once = write(name, lists, sort=sort)
    found = read(name, once, name=lists[0].list.utterance)
    pairs = [
        RescoredList(
            again,
            [
                Score(
                    h.am_score,
                    None,
                    0.0,
                    h.lm_score if h.lm_score is not None else 0.0,
                    0,
                    0,
                    h.source.get("combined score", h.am_score),
                    place,
                    place,
                )
                for place, h in enumerate(again.hypotheses, 1)
            ],
        )
        for again in found
    ]
    if name == "jsonl":
        assert read(name, write(name, pairs)) == found
    else:
        assert write(name, pairs) == once


def lists_or_refusal(name: FormatName, body: bytes) -> list[NBestList] | InvalidInput:
    try:
        return read(name, body)
    except InvalidInput as error:
        return error


def assert_lists_or_refused(name: FormatName, body: bytes) -> None:
    """A refusal says where and what; lists are sound, and can be written."""
    found = lists_or_refusal(name, body)
    if isinstance(found, InvalidInput):
        assert found.errors
        assert all(each.field and each.message for each in found.errors)
        return
    assert found
    assert len({each.utterance for each in found}) == len(found)
    for each in found:
        assert each.hypotheses
        scores = [score for h in each.hypotheses for score in (h.am_score, h.lm_score) if score is not None]
        assert all(map(math.isfinite, scores))
    rescored = [
        RescoredList(
            again, [Score(h.am_score, None, -1.0, -1.0, 0, 0, -2.0, i, i) for i, h in enumerate(again.hypotheses, 1)]
        )
        for again in found
    ]
    assert write(name, rescored)


@pytest.mark.parametrize("name", ALL)
@given(body=st.binary(max_size=200), zipped=st.booleans())
@settings(max_examples=50)
def test_any_bytes_are_lists_or_refused(name: FormatName, body: bytes, zipped: bool) -> None:
    assert_lists_or_refused(name, gzip.compress(body) if zipped else body)


@pytest.mark.parametrize("name", ["srilm-nbest1", "srilm-nbest2", "srilm-plain", "kaldi"])
@given(text=st.text(st.sampled_from("NBestList1.02\n()- \tse:ga0\r\x0b\u2028é"), max_size=80), header=st.booleans())
def test_any_lines_are_lists_or_refused(name: FormatName, text: str, header: bool) -> None:
    lead = {"srilm-nbest1": "NBestList1.0\n(-1) ", "srilm-nbest2": "NBestList2.0\n(-1) a ( "}.get(name, "a-1 ")
    assert_lists_or_refused(name, ((lead if header else "") + text).encode())


COSTS = st.sampled_from([b"3", b"0", b"-2.5", b"1e30", b"-1e30", b"1e31", b"inf", b"x", b""])
COST_FILES = st.sampled_from(["lmwt", "lmwt.nolm", "lmwt.lmonly", "lmwt_nolm.txt", "acwt", "ali", "lmwt.nolm.gz"])


@given(files=st.dictionaries(COST_FILES, st.lists(COSTS, min_size=1, max_size=3), max_size=4))
def test_any_files_of_costs_are_lists_or_refused(files: dict[str, list[bytes]]) -> None:
    costs = {
        name: b"".join(b"a-%d %s\n" % (number, cost) for number, cost in enumerate(lines, 1))
        for name, lines in files.items()
    }
    body = tar({"words": b"a-1 yes\na-2 no\n", **costs})
    assert_lists_or_refused("kaldi", body)
    found = lists_or_refusal("kaldi", body)
    if not isinstance(found, InvalidInput):
        for hypothesis in found[0].hypotheses:
            known = [hypothesis.am_score, hypothesis.lm_score, hypothesis.graph_score]
            assert all(math.isfinite(score) for score in known if score is not None)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["utts", "output", "rec_text", "score", "text", "hyp_1", "utterance", "hypotheses", "ref"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("name", ["jsonl", "espnet1", "hyp-json"])
@given(value=JSON)
@settings(max_examples=30)
def test_any_json_is_lists_or_refused(name: FormatName, value: object) -> None:
    assert_lists_or_refused(name, json.dumps(value).encode())


@pytest.mark.parametrize("name", ALL)
@given(seed=st.integers(0, 1 << 32))
@settings(max_examples=80)
def test_damaged_files_are_lists_or_refused(name: FormatName, seed: int) -> None:
    chance = random.Random(seed)

    def damaged(content: bytes) -> bytes:
        changed = bytearray(content)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(min(len(changed), 1024) if chance.random() < 0.5 else len(changed))
            kind = chance.randrange(3)
            if kind == 0:
                changed[at] = chance.randrange(256)
            elif kind == 1:
                del changed[at : at + chance.randint(1, 20)]
            else:
                changed[at:at] = bytes(chance.choices(b'{}[]"-:,0 \n\t\xff\0', k=chance.randint(1, 5)))
            if not changed:
                break
        return bytes(changed)

    if name in MEMBERS and chance.random() < 0.6:
        files = dict(MEMBERS[name])
        victim = chance.choice(sorted(files))
        assert_lists_or_refused(name, tar({**files, victim: damaged(files[victim])}))
    else:
        assert_lists_or_refused(name, damaged(GOLDEN[name]))
