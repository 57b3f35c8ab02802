import gzip
import json

import pytest

from hindcast.errors import InvalidInput
from hindcast_standalone.demonstrations.hurricane import contexts
from hindcast_standalone.demonstrations.probes import choose_probes
from hindcast_standalone.demonstrations.texts import Document, as_json_lines, from_file, wikipedia


@pytest.fixture(scope="module")
def articles() -> list[Document]:
    return wikipedia()


def test_wikipedia_extract_is_running_text_without_markup(articles: list[Document]) -> None:
    text = " ".join(paragraph for article in articles for paragraph in article.paragraphs)
    assert len(text.split()) > 300_000
    assert "Anarchism is a political philosophy" in text
    assert not any(mark in text for mark in ("[[", "{{", "'''", "#REDIRECT"))
    assert {article.split for article in articles} == {"train", "valid", "test"}


def test_equal_text_gives_equal_bytes_and_reads_back(articles: list[Document]) -> None:
    body = as_json_lines(articles[:3])
    assert body == as_json_lines(articles[:3])
    lines = gzip.decompress(body).decode().splitlines()
    assert [json.loads(line)["id"] for line in lines] == [article.id for article in articles[:3]]


def test_probes_are_topical_words_of_test_documents_that_the_sentence_has_not_said(articles: list[Document]) -> None:
    probes = choose_probes(articles, limit=3, read_words=80_000)
    assert len({probe.target for probe in probes}) == 3
    tests = {" ".join(a.paragraphs) for a in articles if a.split == "test"}
    for probe in probes:
        assert any(f"{probe.context} {probe.target}" in text for text in tests)
        assert probe.target not in probe.context.rsplit(". ", 1)[-1]


def test_a_file_of_few_documents_is_cut_into_blocks_so_that_each_split_has_some(tmp_path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("\n".join(f"Paragraph {number} of the only document." for number in range(100)))
    documents = from_file(path)
    assert {document.split for document in documents} == {"train", "valid", "test"}
    assert sum(len(document.paragraphs) for document in documents) == 100


def test_a_file_that_is_too_small_or_no_text_is_a_sentence(tmp_path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("Too short.")
    with pytest.raises(InvalidInput, match="at least 20"):
        from_file(path)
    path.write_bytes(b"\xff\xfe broken")
    with pytest.raises(InvalidInput, match="not UTF-8"):
        from_file(path)


def test_the_three_contexts_end_right_before_the_word() -> None:
    lines = [
        " = Another = ",
        " = Hurricane <unk> = ",
        " = = Impact = = ",
        " A hurricane came . ",
        " Schools closed . Additionally , the Mexican Navy was placed on standby for hurricane relief . More . ",
    ]
    document, paragraph, sentence = contexts(lines)
    assert document.text.startswith(" = Hurricane <unk> = \n = = Impact = = ")
    assert paragraph.text == " Schools closed . Additionally , the Mexican Navy was placed on standby for "
    assert sentence.text == "Additionally , the Mexican Navy was placed on standby for "
    assert document.text.endswith(paragraph.text)


def test_a_file_without_the_passage_is_a_sentence() -> None:
    with pytest.raises(InvalidInput, match="WIKITEXT2"):
        contexts([" = Title = ", " Nothing of it . "])
