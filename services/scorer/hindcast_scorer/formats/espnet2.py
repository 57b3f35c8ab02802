"""ESPnet 2's folders `1best_recog/`, `2best_recog/` …, each with `text` and `score`: lines `utterance value`."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from hindcast.errors import InvalidInput
from hindcast_scorer.formats.archives import MAX_HELD_BYTES, Member, members, opened, packed, zipped
from hindcast_scorer.formats.base import ScoreKind
from hindcast_scorer.formats.text_lines import checked, digits, in_order, lines, number, one_line, shown, split_key
from hindcast_scorer.rescoring.lists import Hypothesis, NBestList, RescoredList, Score

_TEXT, _SCORE = "text", "score"
_PATH = re.compile(r"((?:[^/]+/)*)([0-9]{1,6})best_recog/([^/]+)")
_TENSOR = re.compile(r"tensor\(([^,()]+)(?:,[^()]*)?\)")


class _Row(NamedTuple):
    place: str
    value: str
    text: str
    """The whole line."""


@dataclass
class _Tree:
    """What an archive has: [rank][file][utterance]."""

    gzipped: bool
    folder: str = ""
    """Before each `1best_recog`."""
    ranks: dict[int, dict[str, dict[str, _Row]]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Origin:
    """Where a list came from."""

    folder: str
    gzipped: bool
    ranks: tuple[int, ...]
    """Those in which its hypotheses came."""


@dataclass(frozen=True)
class Espnet2:
    """As one tar archive. The score is the whole beam search's, as a natural log, and becomes the total.

    It may read `tensor(-3.4)`; a new one is the number alone. A rank is a folder, so that sorted hypotheses change
    folders, with their lines in every other file there (`token`, `token_int`). An utterance may have fewer hypotheses
    than there are folders. Files outside of such folders are refused.
    """

    name: str = "espnet2"
    media_type: str = "application/x-espnet2-nbest"
    suffix: str = ".tar"
    scores: ScoreKind = "combined"

    def read(self, body: BinaryIO, *, name: str = "body") -> Iterator[NBestList]:
        """See ListFormat. The archive is held in memory as a whole."""
        return checked(self._lists(body))

    def write(self, lists: Iterable[RescoredList], *, sort: bool) -> Iterator[bytes]:
        """See ListFormat."""
        contents: dict[str, list[str]] = {}
        gzipped = False
        for rescored in lists:
            origin = self._origin(rescored)
            gzipped = origin.gzipped
            for rank, (hypothesis, score) in zip(origin.ranks, in_order(rescored, sort=sort), strict=True):
                for name, row in self._rows(rescored.list.utterance, hypothesis, score).items():
                    contents.setdefault(f"{origin.folder}{rank}best_recog/{name}", []).append(row + "\n")
        pieces = packed(Member(path, "".join(rows).encode()) for path, rows in contents.items())
        yield from zipped(pieces) if gzipped else pieces

    def _lists(self, body: BinaryIO) -> Iterator[NBestList]:
        tree = _tree(body)
        ranks = sorted(tree.ranks)
        utterances = dict.fromkeys(key for rank in ranks for key in tree.ranks[rank].get(_TEXT, ()))
        for rank in ranks:
            _check(tree.ranks[rank], f"{tree.folder}{rank}best_recog")
        for utterance in utterances:
            there = tuple(rank for rank in ranks if utterance in tree.ranks[rank][_TEXT])
            source = {self.name: _Origin(tree.folder, tree.gzipped, there)}
            hypotheses = [self._hypothesis(utterance, tree.ranks[rank]) for rank in there]
            yield NBestList(utterance, hypotheses, None, source, tree.ranks[there[0]][_TEXT][utterance].place)

    def _hypothesis(self, utterance: str, files: Mapping[str, Mapping[str, _Row]]) -> Hypothesis:
        rows = {name: rows[utterance] for name, rows in files.items() if utterance in rows}
        score = _number(rows[_SCORE]) if _SCORE in rows else None
        return Hypothesis(rows[_TEXT].value, score, source={self.name: {name: row.text for name, row in rows.items()}})

    def _origin(self, rescored: RescoredList) -> _Origin:
        origin = rescored.list.source.get(self.name)
        if isinstance(origin, _Origin):
            return origin
        if split_key(rescored.list.utterance) != (rescored.list.utterance, ""):
            raise InvalidInput.field(
                "format", f"espnet2's ids have no blanks: {shown(rescored.list.utterance)} can't be one"
            )
        return _Origin("", False, tuple(range(1, len(rescored.list.hypotheses) + 1)))

    def _rows(self, utterance: str, hypothesis: Hypothesis, score: Score) -> Mapping[str, str]:
        rows: Mapping[str, str] = hypothesis.source.get(self.name) or {
            _TEXT: f"{utterance} {one_line(hypothesis.text)}".rstrip()
        }
        if _SCORE in rows and score.total == hypothesis.am_score:
            return rows
        return {**rows, _SCORE: f"{utterance} {digits(score.total)}"}


def _tree(body: BinaryIO) -> _Tree:
    sent = opened(body)
    if not sent.archive:
        raise InvalidInput.field("body", "must be a tar archive of the folders `1best_recog`, `2best_recog` …")
    tree = _Tree(sent.gzipped)
    for member in members(sent.file, most=MAX_HELD_BYTES, together=MAX_HELD_BYTES):
        path = _PATH.fullmatch(member.name)
        if path is None:
            raise InvalidInput.field(member.name, "must be in a folder such as `1best_recog`")
        if tree.ranks and path[1] != tree.folder:
            raise InvalidInput.field(member.name, f"must be in {tree.folder or 'the archive itself'} as the others are")
        tree.folder = path[1]
        files = tree.ranks.setdefault(int(path[2]), {})
        if path[3] in files:
            raise InvalidInput.field(member.name, "comes twice")
        files[path[3]] = _file(member)
    return tree


def _file(member: Member) -> dict[str, _Row]:
    rows: dict[str, _Row] = {}
    for place, text in lines(member.file, member.name):
        key, value = split_key(text)
        if key in rows:
            raise InvalidInput.field(place, f"the utterance {shown(key)} was there before: ids must differ")
        rows[key] = _Row(place, value, text)
    return rows


def _check(files: Mapping[str, Mapping[str, _Row]], folder: str) -> None:
    """InvalidInput where there is no text, a score is missing, or another file has lines that belong to no text."""
    if _TEXT not in files:
        raise InvalidInput.field(folder, f"has no file {_TEXT}")
    for key, row in files[_TEXT].items():
        if _SCORE in files and key not in files[_SCORE]:
            raise InvalidInput.field(row.place, f"{shown(key)} has no score in {folder}/{_SCORE}")
    for rows in files.values():
        for key, row in rows.items():
            if key not in files[_TEXT]:
                raise InvalidInput.field(row.place, f"{shown(key)} has no text in {folder}/{_TEXT}")


def _number(row: _Row) -> float:
    found = _TENSOR.fullmatch(row.value)
    return number(found[1].strip() if found else row.value, row.place, "the score")
