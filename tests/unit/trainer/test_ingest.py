"""From a file to a corpus: what is a document, where it goes, and that its words are those that are scored."""

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hindcast.errors import InvalidInput
from hindcast.progress import Progress
from hindcast.text.corpus import Corpus, Text
from hindcast.text.corpus import CorpusReference as Reference
from hindcast.text.pipeline import PipelineName, pipeline
from hindcast.text.vocabulary import Vocabulary
from hindcast_trainer.ingest import Ingest, ingest
from hindcast_trainer.splits import parse_splits
from hindcast_trainer.uploads import Format
from hindcast_trainer.work import Result, Work


@dataclass
class Workplace:
    """Where tests ingest."""

    folder: Path
    reports: list[Progress]

    def ingest(
        self, text: str, *, format: Format = "text", pipeline: PipelineName = "plain", splits: str = "100"
    ) -> Corpus:
        upload = self.folder / "upload"
        upload.write_bytes(text.encode())
        folder = self.folder / "corpus"
        folder.mkdir()
        spec = Ingest(upload="u", format=format, pipeline=pipeline, splits=parse_splits(splits), sha256="00")
        statistics = self.finish(ingest(spec, upload, folder))
        corpus = Corpus.open(folder)
        assert corpus.statistics == statistics
        return corpus

    def finish(self, steps: Generator[Progress, None, dict[str, Any]]) -> dict[str, Any]:
        statistics: list[dict[str, Any]] = []

        def returned() -> Generator[Progress, None, None]:
            statistics.append((yield from steps))

        self.reports.extend(returned())
        return statistics[0]


class Attempt(Work):
    """As much of an attempt at a job as ingesting needs."""

    def __init__(self, scratch: Path) -> None:
        self.folder_of_attempt = scratch
        self.asked: list[str] = []

    @property
    def scratch(self) -> Path:
        return self.folder_of_attempt

    def upload(self, key: str) -> Path:
        self.asked.append(key)
        return self.folder_of_attempt / "upload"

    def run(self, steps: Generator[Progress, None, Result]) -> Result:
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return end.value


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path, [])


def words(corpus: Corpus, split: str | None = None) -> str:
    text = Text.resolve(Reference(corpora=("c",), split=split), lambda _: corpus)
    vocabulary = Vocabulary.build(text.counts())
    encoded = text.encoded(vocabulary)
    return " ".join(vocabulary.words[id] for id in encoded.tokens(0, len(encoded)).tolist())


def counts(corpus: Corpus, *names: str) -> list[Any]:
    return [corpus.statistics[name] for name in names]


def lines(*documents: dict[str, Any]) -> str:
    return "".join(json.dumps(document) + "\n" for document in documents)


UNITS: Sequence[str] = ("documents", "paragraphs", "sentences", "tokens")


def test_a_line_is_a_paragraph_and_a_blank_line_ends_a_document(workplace: Workplace) -> None:
    corpus = workplace.ingest("\n\nIt rained. We left.\nThen sun.\n\n \nAnother day.\n")
    assert counts(corpus, *UNITS) == [2, 3, 4, 16]
    assert words(corpus) == "It rained . </s> We left . </s> Then sun . </s> Another day . </s>"


def test_every_line_of_wikitext_is_a_sentence_and_a_title_begins_a_document(workplace: Workplace) -> None:
    text = " \n = One = \n \n The first . \n = = Section = = \n \n \n = Two = \n \n The second . \n"
    corpus = workplace.ingest(text, pipeline="wikitext")
    assert counts(corpus, *UNITS) == [2, 5, 10, 10 + 3 + 3 + 5 + 3 + 3]
    assert corpus.split("train").ends("document").tolist() == [1 + 4 + 1 + 4 + 6 + 1 + 1, 27]


def test_text_before_the_first_title_is_a_document(workplace: Workplace) -> None:
    corpus = workplace.ingest("words first\n = One =\nword\n = Two =\nword\n", pipeline="wikitext")
    assert counts(corpus, "documents", "sentences") == [3, 5]


def test_what_only_looks_like_a_title_is_text(workplace: Workplace) -> None:
    text = "\n = Team = \n\n Key : Pld \n = Played ; W = \n Won \n\n = Other = \n\n a b \n"
    assert counts(workplace.ingest(text, pipeline="wikitext"), "documents") == [2]


def test_documents_of_jsonl_keep_labels_and_splits(workplace: Workplace) -> None:
    documents = [
        {"id": "a", "paragraphs": ["One.", "", "Two. Three."], "domain": "news", "split": "train", "title": "x"},
        {"id": "b", "text": "Four.\nFive.", "domain": ["news", "sport"], "split": "valid"},
        {"text": "Six.", "domain": None, "split": "valid"},
        {"text": "   ", "domain": "none", "split": "valid"},
    ]
    corpus = workplace.ingest(lines(*documents), format="jsonl", splits="90,5,5")
    assert counts(corpus, "domains", "split_by", "sha256") == [{"news": 2, "sport": 1}, "given", "00"]
    assert words(corpus, "train") == "One . </s> Two . </s> Three . </s>"
    assert words(corpus, "valid") == "Four . </s> Five . </s> Six . </s>"
    assert corpus.statistics["splits"]["train"]["paragraphs"] == 2


def test_lines_within_paragraphs_are_lines_in_wikitext_too(workplace: Workplace) -> None:
    corpus = workplace.ingest(lines({"paragraphs": ["a b\nc", "", "d"]}), format="jsonl", pipeline="wikitext")
    assert words(corpus) == "a b </s> c </s> </s> d </s>"


def test_twenty_documents_are_split_whole(workplace: Workplace) -> None:
    documents = [{"id": f"doc {n}", "paragraphs": [f"n{n} first.", f"n{n} second."]} for n in range(40)]
    corpus = workplace.ingest(lines(*documents), format="jsonl", splits="60,20,20")
    assert counts(corpus, "split_by", "documents", "paragraphs") == ["document", 40, 80]
    for split in ("train", "valid", "test"):
        numbers = [word for word in words(corpus, split).split() if word.startswith("n")]
        assert numbers[::2] == numbers[1::2]


def test_fewer_documents_are_split_by_blocks_of_paragraphs(workplace: Workplace) -> None:
    text = "".join(f"Number {n} is here.\n" for n in range(400))
    corpus = workplace.ingest(text, splits="90,5,5")
    sizes = {name: part["paragraphs"] for name, part in corpus.statistics["splits"].items()}
    assert counts(corpus, "split_by", "paragraphs") == ["paragraph_blocks", 400]
    assert sizes == {"train": 360, "valid": 20, "test": 20}


def test_documents_that_name_a_split_take_no_part_in_the_blocks(workplace: Workplace) -> None:
    named = [{"paragraphs": ["Held back."] * 50, "split": "secret"}]
    unnamed = [{"paragraphs": ["Some words."] * 10} for _ in range(2)]
    corpus = workplace.ingest(lines(unnamed[0], *named, unnamed[1]), format="jsonl", splits="50,50")
    assert {name: part["paragraphs"] for name, part in corpus.statistics["splits"].items()} == {
        "train": 10,
        "valid": 10,
        "secret": 50,
    }


@pytest.mark.parametrize("name", ["plain", "asr", "wikitext"])
def test_a_corpus_has_the_words_that_its_pipeline_finds_when_it_scores(
    name: PipelineName, workplace: Workplace
) -> None:
    text = 'He said: "Don’t!" It cost $3.50 (1,000 <unk> ).\nSo </s> it goes. "\n\u00e9 = e\u0301\n'
    scored = [word for sentence in pipeline(name).document(text) for word in (*sentence, "</s>")]
    assert words(workplace.ingest(text, pipeline=name)) == " ".join(scored)


@pytest.mark.parametrize(("text", "name"), [("...\n?!\n", "asr"), ("\ufeff\n", "plain")])
def test_a_text_without_words_is_refused(text: str, name: PipelineName, workplace: Workplace) -> None:
    with pytest.raises(InvalidInput, match="no words"):
        workplace.ingest(text, pipeline=name)


def test_too_few_paragraphs_for_the_splits_are_refused(workplace: Workplace) -> None:
    with pytest.raises(InvalidInput, match="splits"):
        workplace.ingest("Only one paragraph.\n", splits="90,5,5")


def test_progress_is_in_bytes_of_the_file(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hindcast_trainer.ingest._REPORT_BYTES", 10_400)
    total = 16 * 2_000
    workplace.ingest("a b c d e f g h\n" * 2_000, pipeline="wikitext")
    assert [report.unit for report in workplace.reports] == ["bytes"] * 4
    assert [round(report.done / total, 1) for report in workplace.reports] == [0.0, 0.3, 0.7, 1.0]


def test_the_job_leaves_the_corpus_and_what_readers_are_told(tmp_path: Path) -> None:
    (tmp_path / "upload").write_text("One two.\n")
    work = Attempt(tmp_path)
    spec = Ingest(upload="uploads/1", format="text", pipeline="plain", sha256="00")
    produced = spec.run(work)
    assert produced.folder is not None
    assert Corpus.open(produced.folder).statistics == produced.facts
    assert produced.metrics == {"tokens": 4}
    assert work.asked == ["uploads/1"]


def test_the_specification_survives_being_stored() -> None:
    spec = Ingest(upload="u", format="jsonl", pipeline="asr", splits=parse_splits("90,10"), sha256="00")
    assert Ingest.model_validate(spec.model_dump(mode="json")) == spec
