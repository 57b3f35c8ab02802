"""From an uploaded file to a corpus: documents, their paragraphs, sentences and words, and the splits."""

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, count, groupby, islice, repeat, tee
from operator import itemgetter
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from hindcast.progress import Progress
from hindcast.registry import ResourceType
from hindcast.text.corpus_writer import CorpusWriter
from hindcast.text.pipeline import PipelineName, Sentence, pipeline
from hindcast_trainer.references import Reference
from hindcast_trainer.splits import ByBlocks, Placement, SplitBy, SplitName, Survey
from hindcast_trainer.uploads import Format, document_of
from hindcast_trainer.work import Produced, Work

_REPORT_BYTES = 1 << 20


class Ingest(BaseModel):
    """Make a corpus of what was uploaded. Comes of `POST /v1/corpora`, can't be posted as a job."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["ingest"] = "ingest"
    result_type: ClassVar[ResourceType | None] = "corpus"

    upload: str
    """Key of the artifact with the checked lines of the file."""
    format: Format
    pipeline: PipelineName
    splits: dict[SplitName, Annotated[int, Field(ge=1, le=100)]] = Field(default={"train": 100})
    """Percentages, for documents that name no split themselves."""
    sha256: str
    """Of the file as it was sent, in hex."""

    def references(self) -> tuple[Reference, ...]:
        """None."""
        return ()

    def run(self, work: Work) -> Produced:
        """Read the upload and write the corpus."""
        folder = work.scratch / "corpus"
        folder.mkdir()
        statistics = work.run(ingest(self, work.upload(self.upload), folder))
        return Produced(folder, facts=statistics, metrics={"tokens": statistics["tokens"]})


def ingest(spec: Ingest, file: Path, folder: Path) -> Generator[Progress, None, dict[str, Any]]:
    """Write the corpus into an empty folder and return its statistics. InvalidInput where the text has no words, or too
    few paragraphs for its splits."""
    total = file.stat().st_size
    yield Progress(0, total, "bytes", "looking for documents")
    placement, split_by = _survey(_documents(_Lines(file), spec), spec)
    lines = _Lines(file)
    reported = 0
    facts = {"sha256": spec.sha256, "split_by": split_by}
    with CorpusWriter(folder, pipeline=spec.pipeline, facts=facts) as writer:
        for piece in _pieces(_documents(lines, spec), spec, placement):
            for paragraph in piece.paragraphs:
                writer.add_paragraph(paragraph, split=piece.split)
                if lines.read >= reported + _REPORT_BYTES:
                    reported = lines.read
                    yield Progress(reported, total, "bytes", "splitting text into words")
            writer.end_document(split=piece.split, labels=piece.labels)
        return writer.close()


class _Lines:
    """The lines of a file, and how many bytes of it were read."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.read = 0

    def __iter__(self) -> Iterator[str]:
        with self._file.open("rb") as file:
            for line in file:
                self.read += len(line)
                yield line.decode()


@dataclass(frozen=True)
class _Document:
    """A document as it was sent."""

    id: str
    lines: Iterable[str]
    """To be read before the next document is."""
    labels: tuple[str, ...] = ()
    split: str | None = None


@dataclass(frozen=True)
class _Piece:
    """What goes to one split from one document: all of it, or a block of its paragraphs."""

    split: str
    labels: tuple[str, ...]
    paragraphs: Iterator[list[Sentence]]


def _documents(lines: Iterable[str], spec: Ingest) -> Iterator[_Document]:
    if spec.format == "jsonl":
        for number, line in enumerate(lines, 1):
            if not line.isspace():
                document = document_of(line.encode(), number)
                id = str(number) if document.id is None else str(document.id)
                yield _Document(id, document.lines, document.labels, document.split)
    elif spec.pipeline == "wikitext":
        for number, windows in groupby(_with_neighbours(lines), _Titles()):
            yield _Document(str(number), (line for _, line, _ in windows))
    else:
        parts = (group for blank, group in groupby(lines, str.isspace) if not blank)
        for number, group in enumerate(parts, 1):
            yield _Document(str(number), group)


class _Titles:
    """Numbers lines by how many documents have begun: at each ` = Title = `, and at a first line without one.

    If the first title stands between blank lines, as in WikiText, then all do: other lines that look like titles
    (` = Games Played ; W = `) are text.
    """

    def __init__(self) -> None:
        self._begun = 1
        self._has_text = False
        self._stand_apart: bool | None = None

    def __call__(self, window: tuple[str, str, str]) -> int:
        before, line, after = window
        if _is_title(line):
            apart = before.isspace() and after.isspace()
            self._stand_apart = apart if self._stand_apart is None else self._stand_apart
            self._begun += self._has_text and (apart or not self._stand_apart)
        self._has_text = self._has_text or not line.isspace()
        return self._begun


def _with_neighbours(lines: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Each line with the one before and the one after; beyond both ends there are blank ones."""
    before, here, after = tee(lines, 3)
    return zip(chain(["\n"], before), here, chain(islice(after, 1, None), ["\n"]), strict=False)


def _is_title(line: str) -> bool:
    """One `=` on each side; a heading below the title has more."""
    if not line.lstrip().startswith("= "):
        return False
    words = line.split()
    return len(words) > 2 and words[-1] == "=" and "=" not in (words[1], words[-2])


def _survey(documents: Iterable[_Document], spec: Ingest) -> tuple[Placement, SplitBy]:
    survey = Survey()
    for document in documents:
        if document.split is None:
            survey.add(document.id, sum(1 for line in document.lines if line.strip()))
    placement = survey.place(spec.splits)
    if isinstance(placement, ByBlocks):
        return placement, "paragraph_blocks"
    return placement, "document" if survey.documents else "given"


def _pieces(documents: Iterable[_Document], spec: Ingest, placement: Placement) -> Iterator[_Piece]:
    unplaced, positions = count(), count()
    for document in documents:
        paragraphs = _paragraphs(document.lines, spec.pipeline)
        if document.split is not None:
            yield _Piece(document.split, document.labels, paragraphs)
            continue
        placed = zip(paragraphs, map(placement.split, repeat(next(unplaced)), positions), strict=False)
        for split, block in groupby(placed, itemgetter(1)):
            yield _Piece(split, document.labels, map(itemgetter(0), block))


def _paragraphs(lines: Iterable[str], name: PipelineName) -> Iterator[list[Sentence]]:
    if name == "wikitext":
        split = pipeline(name)
        return _with_blank_lines(chain.from_iterable(split.document(line) or [[]] for line in lines))
    return pipeline(name).paragraphs(line for line in lines if line.strip())


def _with_blank_lines(sentences: Iterable[Sentence]) -> Iterator[list[Sentence]]:
    """A paragraph is a line and the blank lines that follow it; blank lines at the start go with the first."""
    paragraph: list[Sentence] = []
    for sentence in sentences:
        if sentence and any(paragraph):
            yield paragraph
            paragraph = []
        paragraph.append(sentence)
    if any(paragraph):
        yield paragraph
