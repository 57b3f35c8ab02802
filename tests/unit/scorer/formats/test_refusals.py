import gzip
import io
import tarfile

import pytest
from written_lists import read, tar

from hindcast.errors import InvalidInput
from hindcast_scorer.formats import FORMATS, FormatName
from hindcast_scorer.formats.archives import Member, members, packed
from hindcast_scorer.formats.hindcast_jsonl import HindcastJsonl

WORDS = b"a-1 yes\na-2 no\n"
TEXT = b"a yes\n"


def espnet2(score: bytes) -> bytes:
    return tar({"1best_recog/text": TEXT, "1best_recog/score": score})


def nemo(rows: bytes, manifest: bytes = b"{}\n") -> bytes:
    return tar({"b.tsv": rows, "m.json": manifest})


CASES: list[tuple[FormatName, bytes, str, str]] = [
    ("jsonl", b'{"utterance":"a","hypotheses":[{"text":""}]}\n{"utt', "line 2", "JSON"),
    ("jsonl", b'{"utterance":"a","hypotheses":[{"text":"\xff"}]}', "line 1", "UTF-8"),
    ("jsonl", b'{"utterance":"a","hypotheses":[{"text":"","am_score":NaN}]}', "line 1", "finite"),
    ("jsonl", b'{"utterance":"a","hypotheses":[{"text":"","am_score":1e999}]}', "line 1", "finite"),
    ("jsonl", b'{"utterance":"a","hypotheses":[{"text":"","am_score":true}]}', "line 1", "number"),
    ("jsonl", b'{"utterance":"a","hypotheses":[{"text":"","lm_score":"-3"}]}', "line 1", "number"),
    ("jsonl", b'{"utterance":"a","hypotheses":[{"txt":""}]}', "line 1", "text is missing"),
    ("jsonl", b'{"utterance":"a","hypotheses":[]}', "line 1", "no hypotheses"),
    ("jsonl", b'\n{"utterance":"a"}', "line 2", "hypotheses is missing"),
    ("jsonl", b'{"utterance":"","hypotheses":[{"text":""}]}', "line 1", "empty"),
    ("jsonl", b'{"utterance":7,"hypotheses":[{"text":""}]}', "line 1", "string"),
    ("jsonl", b'{"utterance":"a","hypotheses":[{"text":""}]}\n' * 2, "line 2", "before"),
    ("jsonl", b'{"utterance":"a","utterance":"b","hypotheses":[{"text":""}]}\n', "line 1", "twice"),
    ("jsonl", b'{"utterance":"a","hypotheses":[{"text":"\\ud800"}]}\n', "line 1", "half a character"),
    ("jsonl", b'{"utterance":"a","hypotheses":[{"text":""}],"log_base":"10"}\n', "line 1", "natural"),
    ("jsonl", b"[" * 100_000, "line 1", "deep"),
    ("jsonl", b'{"x":' + b"[" * 100 + b"]" * 100 + b"}", "line 1", "deep"),
    ("jsonl", b"[1]", "line 1", "object"),
    ("jsonl", b"\n\n", "body", "empty"),
    ("jsonl", gzip.compress(b"{}\n", mtime=0), "body", "Content-Encoding: gzip"),
    ("hyp-json", gzip.compress(b"{}\n", mtime=0), "body", "Content-Encoding: gzip"),
    ("espnet1", gzip.compress(b"{}\n", mtime=0), "body", "Content-Encoding: gzip"),
    ("srilm-plain", tar({"a.txt": gzip.compress(b"-1 -2 0\n", mtime=0)}), "a.txt", "gzip"),
    ("srilm-nbest1", b"", "body", "empty"),
    ("srilm-nbest1", b"NBestList1.0\n", "body", "empty"),
    ("srilm-nbest1", b"NBestList2.0\n(-3) a\n", "line 1", "NBestList1.0"),
    ("srilm-nbest1", b"NBestList1.0\n(-3) a\n-3 b\n", "line 3", "brackets"),
    ("srilm-nbest1", b"NBestList1.0\n(nan) a\n", "line 2", "finite"),
    ("srilm-nbest2", b"NBestList2.0\n(-3) a ( st: 1 et: x )\n", "line 2", "et:"),
    ("srilm-nbest2", b"NBestList2.0\n(-3) a ( st: 1 et: )\n", "line 2", "nothing after"),
    ("srilm-nbest2", b"NBestList2.0\n(-3) a ( st: 1\n", "line 2", "without its"),
    ("srilm-nbest2", b"NBestList2.0\n(-3) a ) b\n", "line 2", "word"),
    ("srilm-nbest2", b"NBestList2.0\n(-3) a ( a: -3 )\n(-4) b ( g: -1 )\n", "line 3", "hypothesis 2"),
    ("srilm-plain", b"-1 -2 1 a\n-1 -2\n", "line 2", "columns"),
    ("srilm-plain", b"-1 -inf 1 a\n", "line 1", "finite"),
    ("srilm-plain", b"-1 1_0 1 a\n", "line 1", "finite"),
    ("srilm-plain", b"-1 -2 a b\n", "line 1", "count"),
    ("srilm-plain", b"NBestList1.0\n", "line 1", "srilm-nbest1"),
    ("srilm-plain", tar({"a.txt": b"-1 -2 0\n", "b.txt": b"-1 -2 0\nx\n"}), "b.txt line 2", "columns"),
    ("srilm-plain", tar({"a.txt": b"-1 -2 0\n", "x/a.nbest": b"-1 -2 0\n"}), "x/a.nbest line 1", "before"),
    ("srilm-plain", tar({"a.gz": b"-1 -2 0\n"}), "a.gz", "gzip"),
    ("srilm-plain", gzip.compress(b"-1 -2 0\n", mtime=0)[:-4], "body", "gzip"),
    ("kaldi", b"a-1 yes\na yes\n", "line 2", "utterance-1"),
    ("kaldi", b"a-1 yes\na-1 no\n", "line 2", "before"),
    ("kaldi", b"a-1 yes\nb-1 no\na-2 no\n", "line 3", "before"),
    ("kaldi", b"a-1 24.7\na-2 25.0\n", "line 1", "score file"),
    ("kaldi", b"a-1 \0B\x04", "line 1", "byte 0"),
    ("kaldi", tar({"words": WORDS, "acwt": b"a-1 3\n"}), "words line 2", "no cost"),
    ("kaldi", tar({"words": WORDS, "acwt": b"a-1 3\na-2 x\n"}), "acwt line 2", "finite"),
    ("kaldi", tar({"words": WORDS, "lmwt.nolm": b"a-1 3\n"}), "words line 2", "no cost in lmwt.nolm"),
    ("kaldi", tar({"words": WORDS, "lmwt.nolm": b"a-1 3\na-2 yes\n"}), "lmwt.nolm line 2", "finite"),
    ("kaldi", tar({"words": WORDS, "lmwt": b"a-1 3\na-2 3\n", "lmwt.withlm": b"a-1 3\n"}), "lmwt.withlm", "already"),
    ("kaldi", tar({"words": WORDS, "lmwt.nolm": b"a-1 3\na-2 3\n", "lmwt_nolm": b""}), "lmwt_nolm", "already"),
    ("kaldi", tar({"words": WORDS, "ali": b"b-1 3\n"}), "ali line 1", "no words"),
    ("kaldi", tar({"words": WORDS, "words.txt": WORDS}), "words.txt", "already"),
    ("kaldi", tar({"words": WORDS, "lattice": WORDS}), "lattice", "acwt"),
    ("kaldi", tar({"acwt": b"a-1 3\n"}), "body", "words"),
    ("espnet1", b'{"utts":{\n"a":{"output":[{"rec_text":"a"}]}}}', "line 2 output.0", "score is missing"),
    ("espnet1", b'{"utts":{\n"a":{"output":[{"score":1}]}}}', "line 2 output.0", "rec_text is missing"),
    ("espnet1", b'{"utts":{"a":{"output":[{"name":"target2[1]","score":1,"rec_text":""}]}}}', "line 1", "target1"),
    ("espnet1", b'{"utts":{\n"a":{"output":[]},\n"a":{}}}', "line 3", "twice"),
    ("espnet1", b'{"utts":{\n"a":\xff}}', "line 2", "UTF-8"),
    ("espnet1", b'{"utts":\n\n"a":}}', "line 3", "JSON"),
    ("espnet1", b'{"utts":[]}', "line 1", "object"),
    ("espnet1", b"{}", "line 1", "utts"),
    ("espnet1", b"", "body", "empty"),
    ("espnet1", b'{"utts":{}}', "body", "empty"),
    ("espnet2", b"a yes\n", "body", "tar"),
    ("espnet2", espnet2(b"b -1\n"), "1best_recog/text line 1", "no score"),
    ("espnet2", espnet2(b"a tensor(nan)\n"), "1best_recog/score line 1", "finite"),
    ("espnet2", espnet2(b"a -1\na -2\n"), "1best_recog/score line 2", "before"),
    ("espnet2", espnet2(b"a -1\nb -2\n"), "1best_recog/score line 2", "no text"),
    ("espnet2", tar({"1best_recog/score": b"a -1\n"}), "1best_recog", "text"),
    ("espnet2", tar({"text": TEXT}), "text", "1best_recog"),
    ("hyp-json", b'{\n"a":{"hyp_1":{"text":"a"}}}', "line 2 hyp_1", "score is missing"),
    ("hyp-json", b'{\n"a":{"hyp_1":{"text":"a","score":-Infinity}}}', "body", "finite"),
    ("hyp-json", b'{\n"a":{"ref":"a"}}', "line 2", "no hypotheses"),
    ("hyp-json", b'{"a":[]}', "line 1", "object"),
    ("hyp-json", b"{}", "body", "empty"),
    ("nemo-tsv", b"yes\t-1\n", "body", "tar"),
    ("nemo-tsv", nemo(b"yes -1\n"), "b.tsv line 1", "two columns"),
    ("nemo-tsv", nemo(b"yes\t-1\nno\tinf\n"), "b.tsv line 2", "finite"),
    ("nemo-tsv", nemo(b"yes\t-1\n", b"{}\n{}\n"), "b.tsv", "1 rows for the 2"),
    ("nemo-tsv", nemo(b"yes\t-1\n", b"{\n"), "m.json line 1", "JSON"),
    ("nemo-tsv", tar({"b.tsv": b"yes\t-1\n"}), "body", "manifest"),
]


@pytest.mark.parametrize(("format", "body", "place", "hint"), CASES)
def test_what_is_wrong_is_named_with_its_place(format: FormatName, body: bytes, place: str, hint: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(format, body)
    [error] = caught.value.errors
    assert error.field == place or error.field.startswith(place + " ")
    assert hint in error.message


def odd(name: str = "a", kind: bytes = tarfile.REGTYPE, size: int = 0) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.type, entry.size, entry.linkname = kind, size, "/etc/passwd" if kind != tarfile.REGTYPE else ""
    return entry.tobuf(tarfile.GNU_FORMAT) + bytes(1024)


@pytest.mark.parametrize("format", ["srilm-plain", "kaldi", "espnet2", "nemo-tsv"])
@pytest.mark.parametrize(
    "body",
    [
        odd("/etc/passwd"),
        odd("a/../../b"),
        odd("a\\b"),
        odd("a\nb"),
        odd(kind=tarfile.SYMTYPE),
        odd(kind=tarfile.LNKTYPE),
        odd(kind=tarfile.CHRTYPE),
        odd(kind=tarfile.FIFOTYPE),
        odd(size=1 << 40),
        odd(size=1 << 20),
        gzip.compress(odd(size=1 << 40), mtime=0),
    ],
)
def test_odd_files_of_an_archive_are_refused(format: FormatName, body: bytes) -> None:
    with pytest.raises(InvalidInput):
        read(format, body)


def test_what_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hindcast_scorer.formats.archives.MAX_UNPACKED_BYTES", 1 << 16)
    with pytest.raises(InvalidInput, match="unpacks to more"):
        read("srilm-plain", gzip.compress(b"-1 -2 1 yes\n" * 20_000))


def test_hidden_files_and_folders_are_left_aside() -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        folder = tarfile.TarInfo("lists")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, content in {"lists/._a.txt": b"\0\xff", "./lists/a.txt": b"-1 -2 1 yes\n"}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    assert [list.utterance for list in read("srilm-plain", packed.getvalue())] == ["a"]


def test_lists_before_the_line_that_is_wrong_have_come() -> None:
    lists = FORMATS["jsonl"].read(io.BytesIO(b'{"utterance":"a","hypotheses":[{"text":""}]}\nx'))
    assert next(lists).utterance == "a"
    with pytest.raises(InvalidInput, match="line 2"):
        next(lists)


def test_an_archive_that_breaks_off_is_no_archive():
    files = [Member("words", b"a-1 rain\n"), Member("acwt", b"a-1 3\n")]
    whole = b"".join(packed(files))
    assert [member.name for member in members(io.BytesIO(whole))] == ["words", "acwt"]
    for cut in (1024, 1024 + 300, 2048):  # between files, within a header, before the mark that ends it
        with pytest.raises(InvalidInput, match="no whole tar archive"):
            list(members(io.BytesIO(whole[:cut])))
    damaged = bytearray(whole)
    damaged[1024] ^= 1  # the second file's name, which its checksum covers
    with pytest.raises(InvalidInput, match="no whole tar archive"):
        list(members(io.BytesIO(bytes(damaged))))


def test_acoustic_scores_of_some_hypotheses_alone():
    line = b'{"utterance": "a", "hypotheses": [{"text": "b", "am_score": -1}, {"text": "c"}]}\n'
    with pytest.raises(InvalidInput, match=r"line 1.*hypothesis 2 of 'a' has no acoustic score"):
        list(HindcastJsonl().read(io.BytesIO(line)))
