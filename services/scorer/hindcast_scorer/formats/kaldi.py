"""Kaldi's text n-best: archives of words, LM costs, acoustic costs and alignments, each line keyed `utterance-n`.

Costs are negated natural logs. A body is a tar of the archives, or the words alone.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import BinaryIO, NamedTuple

from hindcast.errors import InvalidInput
from hindcast_scorer.formats.archives import MAX_HELD_BYTES, Member, members, opened, packed, zipped
from hindcast_scorer.formats.base import ScoreKind
from hindcast_scorer.formats.text_lines import checked, digits, in_order, lines, number, one_line, shown, split_key
from hindcast_scorer.rescoring.lists import Hypothesis, NBestList, RescoredList, Score

_WORDS, _GRAPH, _ACOUSTIC, _ALIGNMENT = "words", "lmwt", "acwt", "ali"
_WITHOUT_OLD, _OLD = "lmwt.nolm", "lmwt.lmonly"
_ARCHIVES = (_WORDS, _GRAPH, _WITHOUT_OLD, _OLD, _ACOUSTIC, _ALIGNMENT)
_NUMBER = re.compile(r"[0-9]{1,9}")
_COST = re.compile(r"[+-]?[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?")


class _Row(NamedTuple):
    place: str
    key: str
    rest: str
    text: str
    """The whole line."""


@dataclass(frozen=True)
class _Origin:
    """Where a list came from."""

    names: Mapping[str, str]
    """Of the files for each kind of archive; none where the body was the words alone."""
    gzipped: bool


@dataclass(frozen=True)
class _Rows:
    """A hypothesis' lines as they came, by kind of archive."""

    key: str
    texts: Mapping[str, str]


@dataclass(frozen=True)
class Kaldi:
    """The last `-n` of a key is the hypothesis' number, all before it the utterance's id.

    In an archive files are known by their names up to the first `.` or `_`, `words_text`, `acwt`, but for two which
    Kaldi's recipes make: `lmwt.nolm` has graph costs without the old language model's, `lmwt.lmonly` the old model's
    alone, and `lmwt` (or `lmwt.withlm`) their sum. `words` must be there; files of costs hold every key or none; `ali`
    is passed through. Sorted lines keep their keys.

    The answer's `lmwt` has the new model's cost and what `lmwt.nolm` has, or `lmwt` less `lmwt.lmonly`; it is there
    whether it was sent or not, and the other two stay as they came. Where `lmwt` came alone, nothing tells what of it
    is of pronunciations and transitions: it is replaced as a whole, unless `old_ngram` names the old model.

    Words alone are answered by a score file: the language model's cost for each key, as Kaldi's
    compute_sentence_scores.py writes it. A score file alone can't be rescored, for it has no words.
    """

    name: str = "kaldi"
    media_type: str = "application/x-kaldi-nbest"
    suffix: str = ".tar"
    scores: ScoreKind = "graph"

    def read(self, body: BinaryIO, *, name: str = "body") -> Iterator[NBestList]:
        """See ListFormat. An archive is held in memory as a whole, words alone are read list by list."""
        return checked(self._lists(body))

    def write(self, lists: Iterable[RescoredList], *, sort: bool) -> Iterator[bytes]:
        """See ListFormat. Lists of another format become an archive."""
        coming = iter(lists)
        first = next(coming, None)
        if first is None:
            return
        origin = self._origin(first)
        everything = _with(first, coming)
        if origin.names:
            pieces = packed(self._archive(everything, origin.names, sort=sort))
        else:
            pieces = self._score_file(everything, sort=sort)
        yield from zipped(pieces) if origin.gzipped else pieces

    def _lists(self, body: BinaryIO) -> Iterator[NBestList]:
        sent = opened(body)
        if not sent.archive:
            origin = _Origin({}, sent.gzipped)
            for utterance, rows in groupby(_rows(sent.file), lambda row: _utterance(row)):
                yield self._list(utterance, _unique(rows), {}, origin)
            return
        archives: dict[str, Mapping[str, _Row]] = {}
        names: dict[str, str] = {}
        for member in members(sent.file, most=MAX_HELD_BYTES, together=MAX_HELD_BYTES):
            kind = _kind(member.name, names)
            names[kind] = member.name
            archives[kind] = {row.key: row for row in _unique(_rows(member.file, member.name))}
        yield from self._from_archives(archives, _Origin(names, sent.gzipped))

    def _from_archives(self, archives: Mapping[str, Mapping[str, _Row]], origin: _Origin) -> Iterator[NBestList]:
        if _WORDS not in archives:
            raise InvalidInput.field("body", f"has no file {_WORDS}: an archive must have one")
        for kind in archives.keys() - {_WORDS}:
            _check_keys(archives, kind, origin.names[_WORDS])
        utterances: dict[str, list[_Row]] = {}
        for row in archives[_WORDS].values():
            utterances.setdefault(_utterance(row), []).append(row)
        others = {kind: rows for kind, rows in archives.items() if kind != _WORDS}
        for utterance, rows in utterances.items():
            yield self._list(utterance, rows, others, origin)

    def _list(
        self, utterance: str, rows: Iterable[_Row], others: Mapping[str, Mapping[str, _Row]], origin: _Origin
    ) -> NBestList:
        begun = list(rows)
        if not others and all(_COST.fullmatch(row.rest) for row in begun):
            raise InvalidInput.field(begun[0].place, "has a number for words: a score file alone can't be rescored")
        hypotheses = [
            self._hypothesis(row, {kind: rows[row.key] for kind, rows in others.items() if row.key in rows})
            for row in begun
        ]
        return NBestList(utterance, hypotheses, source={self.name: origin}, place=begun[0].place)

    def _hypothesis(self, words: _Row, others: Mapping[str, _Row]) -> Hypothesis:
        costs = {kind: number(row.rest, row.place, "the cost") for kind, row in others.items() if kind != _ALIGNMENT}
        acoustic = -costs[_ACOUSTIC] if _ACOUSTIC in costs else None
        texts = {_WORDS: words.text, **{kind: row.text for kind, row in others.items()}}
        old, without_old = _parted(costs)
        source = {self.name: _Rows(words.key, texts)}
        return Hypothesis(words.rest, acoustic, old, source, graph_score=without_old)

    def _origin(self, rescored: RescoredList) -> _Origin:
        origin = rescored.list.source.get(self.name)
        if isinstance(origin, _Origin):
            return origin
        return _Origin({kind: kind for kind in (_WORDS, _GRAPH, _ACOUSTIC)}, gzipped=False)

    def _archive(self, lists: Iterable[RescoredList], came: Mapping[str, str], *, sort: bool) -> Iterator[Member]:
        folder, slash, _ = came[_WORDS].rpartition("/")
        names = {**came, _GRAPH: came.get(_GRAPH, folder + slash + _GRAPH)}
        contents: dict[str, list[str]] = {kind: [] for kind in names}
        for key, hypothesis, score in self._keyed(lists, sort=sort):
            rows = self._texts(key, hypothesis, score)
            for kind, content in contents.items():
                if kind in rows:
                    content.append(rows[kind] + "\n")
        for kind, content in contents.items():
            yield Member(names[kind], "".join(content).encode())

    def _texts(self, key: str, hypothesis: Hypothesis, score: Score) -> Mapping[str, str]:
        came = hypothesis.source.get(self.name)
        if isinstance(came, _Rows):
            rows = came.texts
        else:
            rows = {_WORDS: f"{key} {one_line(hypothesis.text)}".rstrip()}
            rows[_ACOUSTIC] = f"{key} {digits(-(hypothesis.am_score or 0))}"
        kept = score.lm_logprob == hypothesis.lm_score and _GRAPH in rows
        return rows if kept else {**rows, _GRAPH: f"{key} {digits(_graph_cost(hypothesis, score))}"}

    def _score_file(self, lists: Iterable[RescoredList], *, sort: bool) -> Iterator[bytes]:
        for key, hypothesis, score in self._keyed(lists, sort=sort):
            yield f"{key} {digits(_graph_cost(hypothesis, score))}\n".encode()

    def _keyed(self, lists: Iterable[RescoredList], *, sort: bool) -> Iterator[tuple[str, Hypothesis, Score]]:
        for rescored in lists:
            for place, (hypothesis, score) in enumerate(in_order(rescored, sort=sort), 1):
                came = hypothesis.source.get(self.name)
                key = came.key if isinstance(came, _Rows) else f"{rescored.list.utterance}-{place}"
                if split_key(key) != (key, ""):
                    raise InvalidInput.field("format", f"kaldi's keys have no blanks: {shown(key)} can't be one")
                yield key, hypothesis, score


def _parted(costs: Mapping[str, float]) -> tuple[float | None, float | None]:
    """The old model's score, and that of pronunciations and transitions, as far as the files tell them apart."""
    graph, without_old, old = (costs.get(kind) for kind in (_GRAPH, _WITHOUT_OLD, _OLD))
    if old is None and graph is not None:
        old = graph - (without_old or 0.0)
    elif without_old is None and graph is not None and old is not None:
        without_old = graph - old
    return None if old is None else -old, None if without_old is None else -without_old


def _graph_cost(hypothesis: Hypothesis, score: Score) -> float:
    return -((hypothesis.graph_score or 0.0) + score.lm_logprob)


def _with(first: RescoredList, others: Iterator[RescoredList]) -> Iterator[RescoredList]:
    yield first
    yield from others


def _rows(file: BinaryIO, member: str = "") -> Iterator[_Row]:
    for place, text in lines(file, member):
        yield _Row(place, *split_key(text), text)


def _unique(rows: Iterable[_Row]) -> Iterator[_Row]:
    seen: set[str] = set()
    for row in rows:
        if row.key in seen:
            raise InvalidInput.field(row.place, f"the key {shown(row.key)} was there before: keys must differ")
        seen.add(row.key)
        yield row


def _utterance(row: _Row) -> str:
    utterance, _, last = row.key.rpartition("-")
    if not utterance or not _NUMBER.fullmatch(last):
        raise InvalidInput.field(row.place, f"must begin with a key such as `utterance-1`, not {shown(row.key)}")
    return utterance


def _kind(name: str, known: Mapping[str, str]) -> str:
    parts = re.split(r"[._]", name.rpartition("/")[2])
    kind = ".".join(parts[:2])
    if kind not in (_WITHOUT_OLD, _OLD):
        kind = parts[0]
    if kind not in _ARCHIVES:
        raise InvalidInput.field(name, f"must be one of {', '.join(_ARCHIVES)}")
    if kind in known:
        raise InvalidInput.field(name, f"there is {known[kind]} already: only one file of a kind can be")
    return kind


def _check_keys(archives: Mapping[str, Mapping[str, _Row]], kind: str, words: str) -> None:
    for key, row in archives[kind].items():
        if key not in archives[_WORDS]:
            raise InvalidInput.field(row.place, f"{shown(key)} has no words in {words}")
    missing: Sequence[_Row] = [row for key, row in archives[_WORDS].items() if key not in archives[kind]]
    if missing and kind != _ALIGNMENT:
        raise InvalidInput.field(missing[0].place, f"{shown(missing[0].key)} has no cost in {kind}")
