import gzip
import json
import math
from typing import get_args

import pytest
from written_lists import FILES, golden, read, reversed_order, score, tar, unchanged, untar, write

from hindcast.errors import InvalidInput
from hindcast_scorer.formats import FORMATS, FormatName, chosen
from hindcast_scorer.rescoring.lists import NBestList, RescoredList

ALL: list[FormatName] = list(get_args(FormatName))
TARS: list[FormatName] = ["kaldi", "espnet2", "nemo-tsv"]
BYTELOG = 1024 / 10000.5


def texts(lists: list[NBestList]) -> dict[str, list[str]]:
    return {list.utterance: [h.text for h in list.hypotheses] for list in lists}


def scores(list: NBestList) -> tuple[list[float | None], list[float | None]]:
    return [h.am_score for h in list.hypotheses], [h.lm_score for h in list.hypotheses]


def test_the_list_has_all_names() -> None:
    assert list(FORMATS) == ALL
    assert all(format.name == name for name, format in FORMATS.items())
    assert len({format.media_type for format in FORMATS.values()}) == len(ALL)


@pytest.mark.parametrize("name", [name for name in ALL if name != "jsonl"])
def test_what_was_not_rescored_is_written_with_the_same_characters(name: FormatName) -> None:
    came = golden(FILES[name])
    again = write(name, [unchanged(list) for list in read(name, came)])
    if name in TARS:
        assert untar(again) == untar(came)
    else:
        assert again == came


def test_jsonl_keeps_every_field_and_every_character_of_numbers() -> None:
    came = golden("jsonl.jsonl")
    again = write("jsonl", [unchanged(list) for list in read("jsonl", came)])
    for before, after in zip(came.splitlines(), again.splitlines(), strict=True):
        old, new = json.loads(before), json.loads(after)
        assert {name: new[name] for name in old if name != "hypotheses"} == {
            name: value for name, value in old.items() if name != "hypotheses"
        }
        for one, other in zip(old["hypotheses"], new["hypotheses"], strict=True):
            assert {name: other[name] for name in one} == one
    assert b'"am_score": -120.50, "lm_score": -2.0e1' in again
    assert b'"pron": {"a": [1, 2.50]}' in again
    assert "zoë said “no”".encode() in again


def test_jsonl_gains_what_rescoring_found() -> None:
    lists = [reversed_order(list) for list in read("jsonl", golden("jsonl.jsonl"))]
    first = json.loads(write("jsonl", lists).splitlines()[0])
    assert (first["best"], first["log_base"]) == (1, "e")
    assert first["hypotheses"][1] == {
        "text": "",
        "am_score": -130,
        "ngram_logprob": None,
        "neural_logprob": -0.25,
        "lm_logprob": -0.25,
        "words": 0,
        "oov": 0,
        "total": -0.5,
        "rank_before": 2,
        "rank_after": 1,
    }
    ordered = json.loads(write("jsonl", lists, sort=True).splitlines()[0])
    assert ordered["best"] == 0
    assert ordered["hypotheses"] == first["hypotheses"][::-1]


@pytest.mark.parametrize("name", ALL)
def test_sorted_lists_read_back_best_first(name: FormatName) -> None:
    lists = read(name, golden(FILES[name]))
    again = read(name, write(name, [reversed_order(list) for list in lists], sort=True))
    assert texts(again) == {id: found[::-1] for id, found in texts(lists).items()}


@pytest.mark.parametrize("name", ALL)
def test_new_scores_read_back(name: FormatName) -> None:
    lists = read(name, golden(FILES[name]))
    again = read(name, write(name, [reversed_order(list) for list in lists]))
    assert texts(again) == texts(lists)
    for before, after in zip(lists, again, strict=True):
        acoustic, language = scores(after)
        many = len(acoustic)
        if FORMATS[name].scores == "combined":
            assert acoustic == pytest.approx([place - 0.5 - many for place in range(1, many + 1)], rel=1e-14)
            continue
        assert acoustic == scores(before)[0]
        if name in ("kaldi", "srilm-plain"):
            assert language == pytest.approx([place - 0.25 - many for place in range(1, many + 1)], rel=1e-14)


@pytest.mark.parametrize("name", [name for name in ALL if name in TARS or name.startswith("srilm")])
def test_a_gzipped_archive_is_answered_by_one(name: FormatName) -> None:
    came = golden(FILES[name])
    again = write(name, [unchanged(list) for list in read(name, gzip.compress(came))])
    assert gzip.decompress(again) == write(name, [unchanged(list) for list in read(name, came)])


@pytest.mark.parametrize("source", ALL)
@pytest.mark.parametrize("target", ALL)
def test_lists_of_one_format_can_be_written_in_another(source: FormatName, target: FormatName) -> None:
    lists = read(source, golden(FILES[source]))[:1]
    again = read(target, write(target, [unchanged(list) for list in lists]), name=lists[0].utterance)
    assert [h.text for h in again[0].hypotheses] == [" ".join(h.text.split()) for h in lists[0].hypotheses]
    if target != "nemo-tsv":
        assert again[0].utterance == lists[0].utterance


def test_bytelogs_are_converted() -> None:
    [found] = read("srilm-nbest1", golden("srilm-nbest1.nbest"), name="sw1")
    assert found.utterance == "sw1"
    # -10000.5 · 1024 / 10000.5; and -2248.7 bytelogs are 100 times the 22.487 of one log10
    assert found.hypotheses[0].am_score == -1024
    assert found.hypotheses[1].am_score == pytest.approx(-100 * math.log(10), rel=2e-5)
    assert FORMATS["srilm-nbest1"].scores == "combined"
    assert [h.text for h in found.hypotheses] == ["i've got a bad feeling", "1 got a bad feeling", ""]


def test_marks_of_words_are_summed_and_phones_left_out() -> None:
    [found] = read("srilm-nbest2", golden("srilm-nbest2.nbest"))
    assert [h.text for h in found.hypotheses] == ["i've got", "i got", "", "got"]
    acoustic, language = scores(found)
    assert acoustic[:2] == pytest.approx([-10000 * BYTELOG, -10080 * BYTELOG])
    assert language[:2] == pytest.approx([-220.5 * BYTELOG, -30 * BYTELOG])
    assert acoustic[2:] == [None, pytest.approx(-9200 * BYTELOG)]  # the combined score isn't taken for an acoustic one
    assert language[2:] == [None, None]


def test_logs_to_the_base_ten_are_converted() -> None:
    [found] = read("srilm-plain", golden("srilm-plain.nbest"))
    assert [h.text for h in found.hypotheses] == ["i've got a bad feeling", "got a -pau- feeling", ""]
    acoustic, language = scores(found)
    assert acoustic == pytest.approx([-277.4615029, -278.6127953, -299.3360621])
    assert language == pytest.approx([-46.6273481, -46.0517019, -2.3025851])


def test_a_file_in_an_archive_is_an_utterance() -> None:
    came = golden("srilm-tar")
    lists = read("srilm-plain", came)
    assert texts(lists) == {"sw1.A.2": ["yes"], "sw1-A-0001": ["hello there", "hello"]}
    assert untar(write("srilm-plain", [unchanged(list) for list in lists])) == untar(came)
    zipped = tar({"a/sw1.nbest.gz": gzip.compress(b"-1 -2 1 yes\n")}, "w:gz")
    lists = read("srilm-plain", zipped)
    assert texts(lists) == {"sw1": ["yes"]}
    again = untar(write("srilm-plain", [unchanged(list) for list in lists]))
    assert gzip.decompress(again["a/sw1.nbest.gz"]) == b"-1 -2 1 yes\n"


def test_costs_change_their_sign_and_the_last_number_is_the_hypothesis() -> None:
    lists = read("kaldi", golden("kaldi"))
    assert texts(lists) == {"sw1-A": ["i've got a bad feeling", "24 got"], "sw1-B": ["yes", ""]}
    assert scores(lists[0]) == ([-120.5, -121.0], [-20.5, -21.0])
    again = untar(write("kaldi", [reversed_order(list) for list in lists], sort=True))
    assert again["lmwt"].splitlines() == [b"sw1-A-2 0.25", b"sw1-A-1 1.25", b"sw1-B-10 0.25", b"sw1-B-1 1.25"]
    assert again["ali"].splitlines() == [b"sw1-A-1 4 1 1 1 16 15", b"sw1-B-1 4 1 "]


def test_words_alone_are_answered_by_a_score_file() -> None:
    lists = read("kaldi", golden("kaldi-words.txt"))
    assert texts(lists) == {"sw1-A": ["i've got a bad feeling", "24 got"], "sw1-B": ["yes", ""]}
    assert scores(lists[0]) == ([None, None], [None, None])
    answer = write("kaldi", [reversed_order(list) for list in lists])
    assert answer == b"sw1-A-1 1.25\nsw1-A-2 0.25\nsw1-B-1 1.25\nsw1-B-2 0.25\n"


def test_an_archive_without_costs_gains_the_language_models() -> None:
    again = untar(write("kaldi", [unchanged(list) for list in read("kaldi", tar({"n/words": b"a-1 yes\n"}))]))
    assert again == {"n/words": b"a-1 yes\n", "n/lmwt": b"a-1 1.5\n"}


KALDI_COSTS = {"lmwt.withlm": b"a-1 9.5\n", "lmwt.nolm.txt": b"a-1 3.25\n", "lmwt_lmonly": b"a-1 6.25\n"}


@pytest.mark.parametrize(
    ("names", "language", "graph", "written"),
    [
        # The new model's cost is 1.5; what isn't the old model's, 3.25, stays with it.
        (["lmwt.withlm", "lmwt.nolm.txt"], -6.25, -3.25, 4.75),
        (["lmwt.withlm", "lmwt_lmonly"], -6.25, -3.25, 4.75),
        (["lmwt.nolm.txt", "lmwt_lmonly"], -6.25, -3.25, 4.75),
        (list(KALDI_COSTS), -6.25, -3.25, 4.75),
        (["lmwt.nolm.txt"], None, -3.25, 4.75),
        (["lmwt_lmonly"], -6.25, None, 1.5),
        (["lmwt.withlm"], -9.5, None, 1.5),  # nothing tells what of it is of pronunciations
        ([], None, None, 1.5),
    ],
)
def test_what_is_not_the_old_models_stays_in_kaldis_graph_costs(
    names: list[str], language: float | None, graph: float | None, written: float
) -> None:
    files = {"n/words_text": b"a-1 yes\n", **{f"n/{name}": KALDI_COSTS[name] for name in names}}
    [found] = read("kaldi", tar(files))
    [hypothesis] = found.hypotheses
    assert (hypothesis.lm_score, hypothesis.graph_score) == (language, graph)
    again = untar(write("kaldi", [RescoredList(found, [score(hypothesis, 1, language=-1.5)])]))
    name = "n/lmwt.withlm" if "lmwt.withlm" in names else "n/lmwt"
    assert again == {**files, name: f"a-1 {written}\n".encode()}


def test_the_end_of_a_sentence_is_no_word_of_espnets() -> None:
    lists = read("espnet1", golden("espnet1.json"))
    assert texts(lists) == {"sw1-A-1": ["i've got a bad feeling", ""], "zoë": ["yes"]}
    assert scores(lists[0])[0] == [-9.8, -10.0]
    assert [list.reference for list in lists] == ["i've got a bad feeling", None]
    assert [list.place for list in lists] == ["line 3", "line 31"]


def test_espnet1_keeps_other_fields_of_the_file() -> None:
    came = b'{"version": 1.0, "utts": {"a": {"output": [{"rec_text": "yes", "score": -1}]}}, "x": []}'
    again = json.loads(write("espnet1", [unchanged(list) for list in read("espnet1", came)]))
    assert again == json.loads(came)


def test_tensors_are_numbers_and_ranks_are_folders() -> None:
    lists = read("espnet2", golden("espnet2"))
    assert texts(lists) == {
        "sw1-A-1": ["i've got a bad feeling", "got a bad feeling", ""],
        "sw1-B-1": ["yes", "yeah"],
    }
    assert [scores(list)[0] for list in lists] == [[-3.4, -4.0, -5.0], [-1.0, -2.0]]
    again = untar(write("espnet2", [reversed_order(list) for list in lists], sort=True))
    assert again["1best_recog/text"] == b"sw1-A-1\nsw1-B-1 yeah\n"
    assert again["1best_recog/score"] == b"sw1-A-1 -0.5\nsw1-B-1 -0.5\n"
    assert again["3best_recog/token"] == b"sw1-A-1 t o k 1\nsw1-B-1 y 1\n"


def test_numbers_rank_the_hypotheses_of_hyp_json() -> None:
    lists = read("hyp-json", golden("hyp-json.json"))
    assert texts(lists) == {"sw1-A-1": ["i've got a bad feeling", "got a bad feeling", ""], "sw1-A-2": ["zoë"]}
    assert scores(lists[0])[0] == [-1.234, -2.0, -3.0]
    assert lists[0].reference == "i've got a bad feeling"


def test_nemos_manifest_names_the_utterances() -> None:
    lists = read("nemo-tsv", golden("nemo"))
    assert texts(lists) == {
        "a.wav@0.0": ["i've got a bad feeling", "got a bad feeling"],
        "a.wav@1.50": ["yes", ""],
        "line 3": ["24 no", "no"],
    }
    assert [list.reference for list in lists] == ["i've got a bad feeling", None, None]


def test_a_format_is_chosen_by_name_or_content_type() -> None:
    assert chosen("kaldi", "application/x-ndjson").name == "kaldi"
    assert chosen(None, "Application/X-NDJSON; charset=utf-8").name == "jsonl"
    for name, media_type in [("cobol", None), (None, "text/plain"), (None, None)]:
        with pytest.raises(InvalidInput) as caught:
            chosen(name, media_type)
        assert caught.value.errors[0].field == "format"
        assert "srilm-plain" in caught.value.detail
