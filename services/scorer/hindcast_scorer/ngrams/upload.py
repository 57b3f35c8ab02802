"""From an uploaded file to an n-gram model that is known to be whole."""

import hashlib
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Literal

from hindcast.errors import InvalidInput
from hindcast_scorer.ngrams import kenlm_binary
from hindcast_scorer.ngrams.arpa import NgramFacts, check_arpa, lines_of
from hindcast_scorer.ngrams.kenlm_binary import MAGIC

NgramFormat = Literal["arpa", "kenlm-binary"]

CHUNK_BYTES = 1 << 20
GZIP = b"\x1f\x8b"
TRIAL_SECONDS = 60
"""What KenLM is given for a file, and more for a large one."""
TRIAL_BYTES_PER_SECOND = 1 << 20
_BYTE = re.compile(r" Byte: (\d+)")
_WHERE = re.compile(r"^.*? threw \w+(?: because `.*?')?\.\s*", re.DOTALL)
"""KenLM's messages begin with a place in its own source."""


@dataclass(frozen=True)
class NgramFile:
    """A file that KenLM reads."""

    format: NgramFormat
    facts: NgramFacts
    has_unknown: bool
    """Whether it has a probability for words that it doesn't know."""
    sha256: str
    """Of the file, unpacked."""


def receive(file: BinaryIO, target: Path) -> NgramFile:
    """Copy what is sent to `target`, and look through all of it. InvalidInput that names the line, or `body`."""
    digest = hashlib.sha256()
    beginning = file.read(len(MAGIC))
    if beginning.startswith(GZIP):
        raise InvalidInput.field("body", "is a gzip file: send the header Content-Encoding: gzip with it")
    binary = beginning == MAGIC
    with target.open("wb") as copy:
        chunks = _kept(chain([beginning], iter(lambda: file.read(CHUNK_BYTES), b"")), copy, digest)
        if binary:
            for _ in chunks:
                pass
        else:
            facts = check_arpa(lines_of(chunks))
    if binary:
        facts = kenlm_binary.read_header(target)
    has_unknown = _try(target, facts, binary=binary)
    return NgramFile("kenlm-binary" if binary else "arpa", facts, has_unknown, digest.hexdigest())


def sha256_of(file: Path) -> str:
    """In hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _kept(chunks: Iterator[bytes], copy: BinaryIO, digest: "hashlib._Hash") -> Iterator[bytes]:
    for chunk in chunks:
        copy.write(chunk)
        digest.update(chunk)
        yield chunk


def _try(file: Path, facts: NgramFacts, *, binary: bool) -> bool:
    """Have KenLM read it in a process of its own; whether it has `<unk>`."""
    command = [sys.executable, "-m", "hindcast_scorer.ngrams.trial", str(file)]
    seconds = TRIAL_SECONDS + file.stat().st_size / TRIAL_BYTES_PER_SECOND
    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise InvalidInput.field("body", "is damaged: KenLM doesn't come to an end with it") from error
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        raise InvalidInput.field("body", f"is damaged: it ends the process of KenLM ({name})")
    if done.returncode:
        raise RuntimeError(f"The trial of an n-gram model failed: {done.stderr.decode(errors='replace')}")
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise _refused(answer["error"], file, binary=binary)
    if answer["order"] != facts.order:
        raise InvalidInput.field("body", f"has order {answer['order']}, and its header says {facts.order}")
    return bool(answer["has_unknown"])


def _refused(message: str, file: Path, *, binary: bool) -> InvalidInput:
    """What KenLM says, at the line that it had read so far."""
    told = _BYTE.sub("", _WHERE.sub("", message)).strip().rstrip(".")
    place = _BYTE.search(message)
    field = "body" if binary or place is None else f"line {_line_at(file, int(place[1]))}"
    return InvalidInput.field(field, f"can't be read by KenLM: {told}")


def _line_at(file: Path, place: int) -> int:
    """The number of the line in which the byte before `place` is."""
    newlines = 0
    with file.open("rb") as stream:
        remaining = place - 1
        while remaining > 0 and (chunk := stream.read(min(remaining, CHUNK_BYTES))):
            newlines += chunk.count(b"\n")
            remaining -= len(chunk)
    return newlines + 1
