"""The text that the demo brings along, which takes seconds to read."""

import gzip
import json

import pytest

from hindcast_standalone.demonstrations.probes import choose_probes
from hindcast_standalone.demonstrations.texts import Document, as_json_lines, wikipedia


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
