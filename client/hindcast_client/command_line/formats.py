"""Which of the formats that the service reads a file is in, where its name or its beginning leave no doubt."""

import json
import re
import tarfile
import zlib
from collections.abc import Sequence
from io import BytesIO
from typing import Literal, get_args

from hindcast_client.packings import packing_of

LatticeFormat = Literal["slf", "kaldi-lattice"]
Format = Literal[
    "jsonl",
    "srilm-nbest1",
    "srilm-nbest2",
    "srilm-plain",
    "kaldi",
    "espnet1",
    "espnet2",
    "hyp-json",
    "nemo-tsv",
    LatticeFormat,
]
"""By the names that the service has for them."""

LATTICES: Sequence[str] = get_args(LatticeFormat)
FORMATS: Sequence[str] = get_args(Format)
ONE_UTTERANCE: Sequence[str] = ("srilm-nbest1", "srilm-nbest2", "srilm-plain", *LATTICES)
"""Formats whose files may be named by the utterance that they hold."""
ALL_IN_ONE: Sequence[str] = ("jsonl", "espnet1", "hyp-json")
"""Formats of one file for all utterances, of which the service takes no archives."""

_BY_SUFFIX = {".jsonl": "jsonl", ".ndjson": "jsonl", ".slf": "slf"}
_UTTERANCE_SUFFIX = re.compile(r"\.(slf|lat|nbest[12]?|txt|score)$")
_NUMBER = r"[-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?"
_BEGINNINGS = (
    ("jsonl", re.compile(r'\s*\{\s*"utterance"\s*:\s*"')),
    ("srilm-nbest1", re.compile(r"NBestList1\.0\s")),
    ("srilm-nbest2", re.compile(r"NBestList2\.0\s")),
    ("slf", re.compile(r"(?:#.*\n|\s*\n)*(?:VERSION|V)=")),
    ("srilm-plain", re.compile(rf"[ \t]*{_NUMBER}[ \t]+{_NUMBER}[ \t]+[0-9]+(?:[ \t]|\r?\n)")),
    ("kaldi-lattice", re.compile(r"\S+[ \t]*\n[0-9]+[ \t]+[0-9]+[ \t]+\S+[ \t]+[^\s,]+,[^\s,]+,")),
    ("espnet1", re.compile(r'\s*\{\s*"utts"\s*:')),
    ("hyp-json", re.compile(r'\s*\{\s*"(?:[^"\\]|\\.)*"\s*:\s*\{\s*"(?:hyp_[0-9]+|ref)"\s*:')),
)
_MEMBERS = (
    ("espnet2", re.compile(r"(?:.*/)?[0-9]+best_recog/[^/]+")),
    ("kaldi", re.compile(r"(?:.*/)?(?:words|lmwt|acwt|ali)(?:[._][^/]*)?")),
)
_SYMBOL_TABLE = re.compile(r"(?:.*/)?words\.txt(?:\.gz)?")
"""It may belong to Kaldi's lattices as well as to its lists, and tells neither."""
_TAR_MAGIC, _BLOCK = slice(257, 262), 512


def format_of(name: str, head: bytes) -> str | None:
    """The format of a file, by its name or its first bytes; None where several come into question."""
    if packing_of(head) == "gzip":
        head = _unzipped(head)
    by_suffix = (form for suffix, form in _BY_SUFFIX.items() if name.removesuffix(".gz").endswith(suffix))
    return next(by_suffix, None) or _of_archive(head) or _of_text(head)


def format_of_members(names: Sequence[str]) -> str | None:
    """The format of files that belong together, by their names; None where these don't tell."""
    telling = any(not _SYMBOL_TABLE.fullmatch(name) for name in names)
    for form, pattern in _MEMBERS:
        if telling and all(pattern.fullmatch(name) for name in names):
            return form
    return "nemo-tsv" if len(names) == 2 and any(name.endswith(".tsv") for name in names) else None


def utterance_of(name: str) -> str:
    """`lattices/sw1.A.slf.gz` holds the utterance `sw1.A`."""
    return _UTTERANCE_SUFFIX.sub("", name.rpartition("/")[2].removesuffix(".gz"))


def _unzipped(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(head)
    except zlib.error:
        return b""


def _of_archive(head: bytes) -> str | None:
    if head[_TAR_MAGIC] != b"ustar":
        return None
    names: list[str] = []
    try:
        with tarfile.open(fileobj=BytesIO(head), mode="r|") as archive:
            for entry in archive:
                names += [entry.name] if entry.isfile() else []
                file = archive.extractfile(entry)
                if file and (found := format_of_members(names) or format_of(entry.name, file.read(_BLOCK))):
                    return found
    except tarfile.TarError:
        pass  # what is there of it ends within a file
    return None


def _of_text(head: bytes) -> str | None:
    text = head.decode("utf-8-sig", errors="replace")
    for form, pattern in _BEGINNINGS:
        if pattern.match(text):
            return form
    return "jsonl" if _is_list(text.partition("\n")[0]) else None


def _is_list(line: str) -> bool:
    try:
        return isinstance(found := json.loads(line), dict) and {"utterance", "hypotheses"} <= found.keys()
    except ValueError:
        return False
