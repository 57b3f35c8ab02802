"""Golden n-best lists, and scores for them without any model."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

from hindcast_scorer.formats import FORMATS, FormatName
from hindcast_scorer.rescoring.lists import Hypothesis, NBestList, RescoredList, Score

GOLDEN = Path(__file__).parent / "unit/scorer/formats/golden"

FILES: Mapping[FormatName, str] = {
    "jsonl": "jsonl.jsonl",
    "srilm-nbest1": "srilm-nbest1.nbest",
    "srilm-nbest2": "srilm-nbest2.nbest",
    "srilm-plain": "srilm-plain.nbest",
    "kaldi": "kaldi",
    "espnet1": "espnet1.json",
    "espnet2": "espnet2",
    "hyp-json": "hyp-json.json",
    "nemo-tsv": "nemo",
}
"""Of each format one file, or a folder to be packed."""


def golden(name: str) -> bytes:
    path = GOLDEN / name
    if path.is_file():
        return path.read_bytes()
    return tar({str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()})


def tar(files: Mapping[str, bytes], mode: str = "w") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def untar(content: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return {entry.name: archive.extractfile(entry).read() for entry in archive}  # type: ignore[union-attr]


def read(format: FormatName, body: bytes, *, name: str = "body") -> list[NBestList]:
    return list(FORMATS[format].read(io.BytesIO(body), name=name))


def write(format: FormatName, lists: list[RescoredList], *, sort: bool = False) -> bytes:
    return b"".join(FORMATS[format].write(iter(lists), sort=sort))


def unchanged(list: NBestList) -> RescoredList:
    """As if rescoring had found what the recogniser did."""
    return RescoredList(list, [score(h, place) for place, h in enumerate(list.hypotheses, 1)])


def score(hypothesis: Hypothesis, place: int, total: float | None = None, language: float | None = None) -> Score:
    if total is None:
        total = hypothesis.source.get("combined score", hypothesis.am_score or 0.0)
    if language is None:
        language = hypothesis.lm_score if hypothesis.lm_score is not None else -1.5
    words = len(hypothesis.text.split())
    return Score(hypothesis.am_score, None, language, language, words, 0, total, place, place)


def reversed_order(list: NBestList) -> RescoredList:
    """As if the last had become the best; totals -0.5, -1.5 … from it on, the language model's -0.25, -1.25 …"""
    many = len(list.hypotheses)
    return RescoredList(
        list,
        [
            Score(
                h.am_score,
                None,
                -0.25 - many + place,
                -0.25 - many + place,
                len(h.text.split()),
                0,
                -0.5 - many + place,
                place,
                many + 1 - place,
            )
            for place, h in enumerate(list.hypotheses, 1)
        ],
    )
