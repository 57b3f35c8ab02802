import gzip

import pytest
from rich.console import Console

from hindcast.errors import InvalidInput
from hindcast.settings import Settings
from hindcast_standalone.demonstrations import hurricane
from hindcast_standalone.demonstrations.hurricane import contexts
from hindcast_standalone.demonstrations.texts import from_file


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


def test_a_file_that_is_not_there_or_a_broken_archive_is_a_sentence(tmp_path) -> None:
    with pytest.raises(InvalidInput, match=r"TEXT.*can't be read: No such file or directory$"):
        from_file(tmp_path / "missing.txt")
    broken = bytearray(gzip.compress(b"A paragraph of a document.\n\n" * 100))
    broken[12] ^= 0xFF
    path = tmp_path / "text.txt.gz"
    path.write_bytes(broken)
    with pytest.raises(InvalidInput, match=r"TEXT.*can't be read"):
        from_file(path)


def test_a_broken_valid_file_of_wikitext_is_a_sentence(tmp_path) -> None:
    for part in ("train", "valid", "test"):
        (tmp_path / f"{part}.txt.xz").write_bytes(b"no xz")
    with pytest.raises(InvalidInput, match=r"WIKITEXT2.*valid\.txt\.xz can't be read"):
        hurricane.run(Settings(), wikitext2=tmp_path, epochs=1, console=Console())


def test_a_passage_before_any_title_counts_as_its_documents_beginning() -> None:
    line = " The Mexican army waited . Additionally , the Mexican Navy was placed on standby for hurricane relief . "
    document, paragraph, _ = contexts([line])
    assert document.text == paragraph.text


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
