"""Text for the demonstration: the Wikipedia extract that gensim's wheel carries, or any file of the user's."""

import bz2
import gzip
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import gensim
from gensim.corpora.wikicorpus import extract_pages, filter_wiki

from hindcast.errors import InvalidInput
from hindcast_standalone.demonstrations.files import reading

WIKIPEDIA_EXTRACT = (
    Path(gensim.__file__).parent
    / "test"
    / "test_data"
    / "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
)
BLOCKS = 20
"""Every twentieth document is valid, every twentieth test: 90, 5 and 5 %."""
_MARKUP_LINE = re.compile(r"^(==|[*#:;|!{}\[\]]|\s)")  # headings, lists and what is left of tables
_EMPHASIS = re.compile(r"'{2,}")
_EMPTY_BRACKETS = re.compile(r"\(\s*[,;]*\s*\)")


@dataclass(frozen=True)
class Document:
    """A text with the split that it belongs to."""

    id: str
    paragraphs: Sequence[str]
    split: str


def wikipedia(path: Path = WIKIPEDIA_EXTRACT) -> list[Document]:
    """The articles of a MediaWiki dump, paragraphs and case kept, without markup, lists, headings and redirects."""
    articles = []
    with bz2.open(path) as stream:
        for title, wikitext, _page in extract_pages(stream, filter_namespaces=("0",)):
            paragraphs = list(_article_paragraphs(filter_wiki(wikitext)))
            if paragraphs:
                articles.append((title, paragraphs))
    return _split(articles)


def _article_paragraphs(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if _MARKUP_LINE.match(line):
            continue
        paragraph = _EMPTY_BRACKETS.sub("", _EMPHASIS.sub("", line)).strip()
        if paragraph.count(" ") >= 5:  # shorter ones are captions and rests of templates
            yield re.sub(r"\s+", " ", paragraph)


def from_file(path: Path) -> list[Document]:
    """Documents of a text file (or .gz of one): a paragraph a line, a blank line ends a document.

    A file with fewer than 20 documents is cut into blocks of paragraphs, so that each split has some.
    """
    with reading(path, option="TEXT"):
        body = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        text = body.decode("utf-8-sig")
    blocks = [block.splitlines() for block in re.split(r"\n\s*\n", text) if block.strip()]
    if len(blocks) < BLOCKS:
        paragraphs = [paragraph for block in blocks for paragraph in block]
        size = max(1, len(paragraphs) // (5 * BLOCKS))
        blocks = [paragraphs[start : start + size] for start in range(0, len(paragraphs), size)]
    if len(blocks) < BLOCKS:
        raise InvalidInput.field("TEXT", f"{path} holds {len(blocks)} paragraphs; at least {BLOCKS} are needed")
    return _split([(f"{path.stem}-{number}", block) for number, block in enumerate(blocks, 1)])


def _split(texts: Sequence[tuple[str, Sequence[str]]]) -> list[Document]:
    names = {BLOCKS - 2: "valid", BLOCKS - 1: "test"}
    return [
        Document(id=id, paragraphs=paragraphs, split=names.get(number % BLOCKS, "train"))
        for number, (id, paragraphs) in enumerate(texts)
    ]


def as_json_lines(documents: Sequence[Document]) -> bytes:
    """The documents in the form that `POST /v1/corpora?format=jsonl` takes, compressed with gzip."""
    lines = (
        json.dumps({"id": document.id, "paragraphs": list(document.paragraphs), "split": document.split}) + "\n"
        for document in documents
    )
    return gzip.compress("".join(lines).encode(), mtime=0)  # no time of day: equal text gives equal bytes


def digest(body: bytes) -> str:
    """Twelve characters that tell one text from another, for names."""
    return hashlib.sha256(body).hexdigest()[:12]
