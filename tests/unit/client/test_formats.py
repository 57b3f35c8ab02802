"""What the command line takes a file for, by its name or its beginning."""

import gzip
from pathlib import Path

import pytest
from written_lists import FILES, GOLDEN, golden, tar

from hindcast_client.command_line.formats import FORMATS, LATTICES, format_of, format_of_members, utterance_of
from hindcast_scorer.formats import FORMATS as LIST_FORMATS
from hindcast_scorer.lattices.formats import LATTICE_FORMATS

LATTICE_FILES = Path(GOLDEN).parents[1] / "lattices" / "golden"
SLF = [(file, "slf") for file in sorted(LATTICE_FILES.glob("*.slf"))]


def test_the_formats_are_those_of_the_service():
    assert set(FORMATS) == {*LIST_FORMATS, *LATTICE_FORMATS}
    assert set(LATTICES) == set(LATTICE_FORMATS)


@pytest.mark.parametrize("format", FILES)
@pytest.mark.parametrize("packed", [lambda content: content, gzip.compress], ids=["plain", "gzip"])
def test_the_beginning_tells_the_format_of_lists(format, packed):
    assert format_of("-", packed(golden(FILES[format]))) == format


@pytest.mark.parametrize(("file", "format"), [*SLF, (LATTICE_FILES / "two.lat", "kaldi-lattice")])
def test_the_beginning_tells_the_format_of_lattices(file, format):
    assert format_of("-", file.read_bytes()) == format
    assert format_of("-", tar({f"folder/{file.name}": file.read_bytes()})) == format


@pytest.mark.parametrize("name", ["lists.jsonl", "lists.ndjson", "dev.jsonl.gz"])
def test_the_name_tells_where_the_beginning_does_not(name):
    assert format_of(name, b'{"speaker": "A", "utter') == "jsonl"


def test_a_list_is_known_by_its_fields_in_whatever_order_and_cut_off():
    assert format_of("-", b'{"hypotheses": [], "utterance": "1"}\n{"utt') == "jsonl"
    assert format_of("-", b'{"utterance": "1", "hypotheses": [{"te') == "jsonl"


@pytest.mark.parametrize(
    "head", [b"", b"utt-1 words of an utterance\n", b"24.7\n", b"{}", b'{"a": 1}\n', b"\x1f\x8bno", b"\x00\xff"]
)
def test_what_may_be_anything_has_no_format(head):
    assert format_of("lists.txt", head) is None


def test_the_names_of_a_folder_tell_its_format():
    assert format_of_members(["out/1best_recog/text", "out/1best_recog/score"]) == "espnet2"
    assert format_of_members(["words.txt", "acwt", "lmwt.nolm"]) == "kaldi"
    assert format_of_members(["beams.tsv", "manifest.json"]) == "nemo-tsv"
    assert format_of_members(["words.txt", "call-7.slf"]) is None
    assert format_of_members([]) is None
    assert format_of_members(["words.txt"]) is None, "it may be the symbols of lattices"


def test_an_archive_that_begins_with_symbols_is_what_follows_them():
    lattice = (LATTICE_FILES / "two.lat").read_bytes()
    symbols = b"<eps> 0\nrain 1\n"
    assert format_of("-", tar({"words.txt": symbols, "a.lat": lattice})) == "kaldi-lattice"
    assert format_of("-", tar({"words.txt": b"a-1 rain\n", "acwt": b"a-1 3\n"})) == "kaldi"
    assert format_of("-", tar({"words.txt": symbols * 100})[:1024]) is None


@pytest.mark.parametrize("name", ["call-7.slf", "a/call-7.slf.gz", "call-7", "call-7.nbest", "b/call-7.lat"])
def test_a_file_may_be_named_by_its_utterance(name):
    assert utterance_of(name) == "call-7"


def test_a_point_in_an_utterance_is_no_suffix():
    assert utterance_of("sw1.A.slf") == "sw1.A"
    assert utterance_of("sw1.A") == "sw1.A"
