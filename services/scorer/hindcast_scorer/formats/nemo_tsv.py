"""NeMo's beams: a TSV of `text⇥score`, beam × N rows, and a manifest of N lines `{"audio_filepath":…,"text":…}`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from hindcast.errors import InvalidInput
from hindcast_scorer.formats.archives import MAX_HELD_BYTES, Member, members, opened, packed, zipped
from hindcast_scorer.formats.base import ScoreKind
from hindcast_scorer.formats.json_text import objects_of, parsed_line, text_of, written
from hindcast_scorer.formats.srilm_files import ScoredLine
from hindcast_scorer.formats.text_lines import Line, checked, digits, in_order, lines, number, one_line
from hindcast_scorer.rescoring.lists import Hypothesis, NBestList, RescoredList, Score

_TSV, _MANIFEST = "beams.tsv", "manifest.json"


@dataclass(frozen=True)
class _Origin:
    """Where a list came from."""

    rows: str
    """The TSV's name."""
    manifest: str
    """The manifest's name."""
    manifest_first: bool
    gzipped: bool
    entry: str
    """Its line of the manifest."""


@dataclass(frozen=True)
class NemoTsv:
    """As one tar archive of both files, for the TSV alone doesn't tell where an utterance ends.

    The TSV's name ends in `.tsv`, the manifest's doesn't. Every utterance has as many rows, which is the beam. The id
    is `audio_filepath`, with `@` and the `offset` where a recording has several utterances, else `line 3` of the
    manifest; `text` there is the reference. The score is the whole beam search's, as a natural log, and becomes the
    total. The manifest's lines are written as they came.
    """

    name: str = "nemo-tsv"
    media_type: str = "application/x-nemo-beams"
    suffix: str = ".tar"
    scores: ScoreKind = "combined"

    def read(self, body: BinaryIO, *, name: str = "body") -> Iterator[NBestList]:
        """See ListFormat. The archive is held in memory as a whole."""
        return checked(self._lists(body))

    def write(self, lists: Iterable[RescoredList], *, sort: bool) -> Iterator[bytes]:
        """See ListFormat. Lists of another format must have equally many hypotheses, for a TSV has one beam."""
        rows: list[str] = []
        entries: list[str] = []
        origin = _Origin(_TSV, _MANIFEST, manifest_first=False, gzipped=False, entry="")
        beam: int | None = None
        for rescored in lists:
            origin = self._origin(rescored, origin)
            beam = beam or len(rescored.scores)
            if beam != len(rescored.scores):
                raise InvalidInput.field("format", "nemo-tsv holds only lists of equally many hypotheses")
            rows.extend(self._row(hypothesis, score) + "\n" for hypothesis, score in in_order(rescored, sort=sort))
            entries.append(origin.entry + "\n")
        files = [Member(origin.rows, "".join(rows).encode()), Member(origin.manifest, "".join(entries).encode())]
        pieces = packed(reversed(files) if origin.manifest_first else files)
        yield from zipped(pieces) if origin.gzipped else pieces

    def _lists(self, body: BinaryIO) -> Iterator[NBestList]:
        sent = opened(body)
        if not sent.archive:
            raise InvalidInput.field("body", "must be a tar archive of the TSV and its manifest")
        files = list(members(sent.file, most=MAX_HELD_BYTES, together=MAX_HELD_BYTES))
        if len(files) != 2 or len({file.name.endswith(".tsv") for file in files}) != 2:
            raise InvalidInput.field("body", "must have two files: the TSV, named `….tsv`, and its manifest")
        manifest, tsv = sorted(files, key=lambda file: file.name.endswith(".tsv"))
        entries = list(lines(manifest.file, manifest.name))
        rows = list(lines(tsv.file, tsv.name))
        beam = _beam(rows, entries, tsv.name)
        for index, entry in enumerate(entries):
            hypotheses = [self._hypothesis(row) for row in rows[index * beam : (index + 1) * beam]]
            origin = _Origin(tsv.name, manifest.name, files[0] is manifest, sent.gzipped, entry.text)
            yield self._list(entry, hypotheses, origin)

    def _list(self, entry: Line, hypotheses: Sequence[Hypothesis], origin: _Origin) -> NBestList:
        fields = objects_of(parsed_line(entry.text, entry.place), "a line", entry.place)
        reference = None if fields.get("text") is None else text_of(fields, "text", entry.place)
        return NBestList(_id(fields, entry.place), hypotheses, reference, {self.name: origin}, entry.place)

    def _hypothesis(self, row: Line) -> Hypothesis:
        columns = row.text.split("\t")
        if len(columns) != 2:
            raise InvalidInput.field(row.place, f"must be `text⇥score`, two columns, has {len(columns)}")
        score = number(columns[1], row.place, "the score")
        came = ScoredLine(row.text, len(columns[0]) + 1, len(row.text))
        return Hypothesis(columns[0], score, source={self.name: came})

    def _origin(self, rescored: RescoredList, before: _Origin) -> _Origin:
        came = rescored.list.source.get(self.name)
        return came if isinstance(came, _Origin) else replace(before, entry=_entry(rescored))

    def _row(self, hypothesis: Hypothesis, score: Score) -> str:
        came = hypothesis.source.get(self.name)
        if not isinstance(came, ScoredLine):
            return f"{one_line(hypothesis.text)}\t{digits(score.total)}"
        return came.text if score.total == hypothesis.am_score else came.with_number(digits(score.total))


def _beam(rows: Sequence[Line], entries: Sequence[Line], tsv: str) -> int:
    if not entries:
        raise InvalidInput.field("body", "is empty: the manifest must have one line")
    if not rows or len(rows) % len(entries):
        raise InvalidInput.field(
            tsv, f"has {len(rows)} rows for the {len(entries)} utterances of the manifest: must be as many for each"
        )
    return len(rows) // len(entries)


def _id(fields: Mapping[str, Any], place: str) -> str:
    if "audio_filepath" not in fields:
        return "line " + place.rpartition(" ")[2]
    path = text_of(fields, "audio_filepath", place)
    offset = fields.get("offset")
    return path if offset is None else f"{path}@{written(offset)}"


def _entry(rescored: RescoredList) -> str:
    reference = {} if rescored.list.reference is None else {"text": rescored.list.reference}
    return written({"audio_filepath": rescored.list.utterance, **reference})
